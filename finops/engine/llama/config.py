"""The shape of a model, from the config.json that Hugging Face's transformers writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finops.engine.errors import UnreadableModel, UnsupportedModel

# What each architecture adds to Llama: biases of the products for q, k and v, norms of q and k.
ARCHITECTURES = {
    "LlamaForCausalLM": (False, False),
    "MistralForCausalLM": (False, False),
    "Qwen2ForCausalLM": (True, False),
    "Qwen3ForCausalLM": (False, True),
}


@dataclass(frozen=True)
class RopeScaling:
    """How positions beyond those of the first training are squeezed.

    `linear` divides every frequency by `factor`; `llama3` only the slow ones, whose wave is longer
    than `original` ÷ `low`, and those of less than `original` ÷ `high` not at all (transformers,
    `_compute_llama3_parameters`).
    """

    kind: str
    factor: float
    low: float = 1.0
    high: float = 4.0
    original: int = 8192


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes in numbers, not bytes. `eos` are the tokens that end an answer."""

    vocab: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    max_positions: int
    norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    tied: bool = False
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: bool = False
    eos: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        sizes = {
            "vocab_size": self.vocab,
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.max_positions,
        }
        for name, size in sizes.items():
            if size < 1:
                raise UnreadableModel(f"{name} in config.json must be at least 1, not {size}.")
        if self.heads % self.kv_heads:
            raise UnreadableModel(
                f"{self.heads} heads can't share {self.kv_heads} heads of keys and values evenly."
            )
        if self.head_dim % 2:
            raise UnreadableModel(f"head_dim must be even to be rotated, not {self.head_dim}.")

    @property
    def parameters(self) -> int:
        """Weights of the products of all layers; embeddings, head and norms not among them."""
        attention = self.hidden * self.head_dim * 2 * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.hidden * self.intermediate)


class Fields:
    """A JSON object whose fields are asked for by type."""

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self.values = values
        self.where = where

    def number(self, name: str, default: float | None = None) -> float:
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnreadableModel(f"{self.where} needs the number {name}, and has {value!r}.")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.number(name, default)
        if value != int(value):
            raise UnreadableModel(f"{name} in {self.where} must be a whole number, not {value}.")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self.values.get(name, default))

    def part(self, name: str) -> Fields | None:
        value = self.values.get(name)
        return Fields(value, f"{name} in {self.where}") if isinstance(value, dict) else None


def read_config(folder: Path) -> LlamaConfig:
    """The config.json of a model's folder; raises UnreadableModel or UnsupportedModel."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UnreadableModel(f"{folder} holds no config.json: is it a model's folder?") from None
    except (OSError, ValueError) as error:
        raise UnreadableModel(f"{path} can't be read as JSON: {error}") from None
    if not isinstance(values, dict):
        raise UnreadableModel(f"{path} must hold one JSON object.")
    return parse_config(values)


def parse_config(values: Mapping[str, object]) -> LlamaConfig:
    """A config of transformers 4 or 5 as ours; raises UnreadableModel or UnsupportedModel."""
    fields = Fields(values, "config.json")
    bias, norms = architecture(values)
    refuse_unbuilt(fields)
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    all_bias = fields.flag("attention_bias")
    theta, scaling = rope(fields)
    return LlamaConfig(
        vocab=fields.integer("vocab_size"),
        hidden=hidden,
        intermediate=fields.integer("intermediate_size"),
        layers=fields.integer("num_hidden_layers"),
        heads=heads,
        kv_heads=fields.integer("num_key_value_heads", heads),
        head_dim=fields.integer("head_dim", hidden // max(1, heads)),
        max_positions=fields.integer("max_position_embeddings", 2048),
        norm_eps=fields.number("rms_norm_eps", 1e-6),
        rope_theta=theta,
        rope_scaling=scaling,
        tied=fields.flag("tie_word_embeddings"),
        qkv_bias=bias or all_bias,
        out_bias=all_bias,
        qk_norm=norms,
        eos=ends(values.get("eos_token_id")),
    )


def architecture(values: Mapping[str, object]) -> tuple[bool, bool]:
    """Whether the architecture has biases for q, k and v, and norms of q and k."""
    named = values.get("architectures")
    name = str(named[0]) if isinstance(named, list) and named else str(named)
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UnsupportedModel(f"The architecture {name} is not built here; {known} are.")
    return ARCHITECTURES[name]


def refuse_unbuilt(fields: Fields) -> None:
    """Settings that would be ignored in silence otherwise, so that the answers would be wrong."""
    values = fields.values
    if values.get("hidden_act", "silu") not in {"silu", "swish"}:
        raise UnsupportedModel(f"The activation {values['hidden_act']} is not built here.")
    if fields.flag("mlp_bias"):
        raise UnsupportedModel("Biases of the feed-forward products are not built here.")
    if values.get("quantization_config"):
        raise UnsupportedModel(
            "These weights are quantized already: load the original ones and say quantize=int8 "
            "or int4."
        )
    window = values.get("sliding_window")
    if window is not None and fields.flag("use_sliding_window", default=True):
        raise UnsupportedModel(f"Attention within a window ({window} tokens) is not built here.")


def rope(fields: Fields) -> tuple[float, RopeScaling | None]:
    """The base of the frequencies and their scaling: rope_parameters since transformers 5."""
    parameters = fields.part("rope_parameters") or Fields({}, "rope_parameters")
    theta = parameters.number("rope_theta", fields.number("rope_theta", 10_000.0))
    scaling = fields.part("rope_scaling") or parameters
    kind = scaling.values.get("rope_type", scaling.values.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind == "linear":
        return theta, RopeScaling("linear", scaling.number("factor"))
    if kind != "llama3":
        raise UnsupportedModel(f"The rope scaling {kind} is not built here; llama3 and linear are.")
    return theta, RopeScaling(
        "llama3",
        scaling.number("factor"),
        scaling.number("low_freq_factor"),
        scaling.number("high_freq_factor"),
        scaling.integer("original_max_position_embeddings"),
    )


def ends(value: object) -> tuple[int, ...]:
    """eos_token_id is missing, a number or a list of numbers."""
    listed = value if isinstance(value, list) else [value]
    return tuple(token for token in listed if isinstance(token, int))
