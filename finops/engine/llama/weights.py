"""Weights from safetensors files, by the names and in the shapes that the config asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from finops.engine.errors import UnreadableModel
from finops.engine.llama.config import LlamaConfig

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
EMBEDDING, NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"
# Codes of quantized weights would be taken for the weights themselves.
FORMATS = ("F32", "BF16", "F16", "F64")
Shapes = dict[str, tuple[int, ...]]


def shapes_of(config: LlamaConfig) -> Shapes:
    """Every tensor of the model by its name."""
    shapes: Shapes = {EMBEDDING: (config.vocab, config.hidden), NORM: (config.hidden,)}
    if not config.tied:
        shapes[HEAD] = (config.vocab, config.hidden)
    for layer in range(config.layers):
        for name, shape in layer_shapes(config).items():
            shapes[f"model.layers.{layer}.{name}"] = shape
    return shapes


def layer_shapes(config: LlamaConfig) -> Shapes:
    """The tensors of one layer; a product's weight is [outputs, inputs]."""
    hidden, inner = config.hidden, config.intermediate
    query, key = config.heads * config.head_dim, config.kv_heads * config.head_dim
    shapes: Shapes = {
        "input_layernorm.weight": (hidden,),
        "post_attention_layernorm.weight": (hidden,),
        "self_attn.q_proj.weight": (query, hidden),
        "self_attn.k_proj.weight": (key, hidden),
        "self_attn.v_proj.weight": (key, hidden),
        "self_attn.o_proj.weight": (hidden, query),
        "mlp.gate_proj.weight": (inner, hidden),
        "mlp.up_proj.weight": (inner, hidden),
        "mlp.down_proj.weight": (hidden, inner),
    }
    if config.qkv_bias:
        for name, size in (("q", query), ("k", key), ("v", key)):
            shapes[f"self_attn.{name}_proj.bias"] = (size,)
    if config.out_bias:
        shapes["self_attn.o_proj.bias"] = (hidden,)
    if config.qk_norm:
        shapes["self_attn.q_norm.weight"] = shapes["self_attn.k_norm.weight"] = (config.head_dim,)
    return shapes


class Weights:
    """The tensors of a model's folder, read from disk one by one when they are asked for.

    Names and shapes are checked before anything is read. Raises UnreadableModel.
    """

    def __init__(self, folder: Path, config: LlamaConfig) -> None:
        self.folder = folder
        self.file_of: dict[str, str] = {}
        found: Shapes = {}
        for file in files_of(folder):
            for name, shape in headers(folder / file):
                found[name] = shape
                self.file_of[name] = file
        check_names(found, shapes_of(config), config.tied)

    def __getitem__(self, name: str) -> Tensor:
        path = self.folder / self.file_of[name]
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                tensor: Tensor = file.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise UnreadableModel(f"{name} can't be read from {path}: {error}") from None
        return tensor

    def get(self, name: str) -> Tensor | None:
        """A tensor that not every model has."""
        return self[name] if name in self.file_of else None


def files_of(folder: Path) -> list[str]:
    """The files that hold the weights: by the index, or the one there is."""
    index = folder / INDEX
    if not index.exists():
        if not (folder / SINGLE).exists():
            raise UnreadableModel(f"{folder} holds neither {SINGLE} nor {INDEX}.")
        return [SINGLE]
    try:
        files = sorted(
            {str(file) for file in json.loads(index.read_text("utf-8"))["weight_map"].values()}
        )
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise UnreadableModel(f"{index} can't be read as an index: {error!r}") from None
    for file in files:
        if Path(file).name != file:
            raise UnreadableModel(f"{index} points outside of its folder: {file}.")
        if not (folder / file).exists():
            raise UnreadableModel(f"{index} names {file}, which is missing.")
    return files


def headers(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes in a file; its tensors are not read."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                header = file.get_slice(name)
                stored = header.get_dtype()
                if stored not in FORMATS:
                    known = ", ".join(FORMATS)
                    raise UnreadableModel(f"{name} is stored as {stored}; {known} can be read.")
                yield name, tuple(header.get_shape())
    except (OSError, SafetensorError) as error:
        raise UnreadableModel(f"{path} can't be read as safetensors: {error}") from None


def check_names(found: Mapping[str, tuple[int, ...]], wanted: Shapes, tied: bool) -> None:
    """Raise UnreadableModel unless both agree; what can be computed may be there or not."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UnreadableModel(f"{listed(missing)} missing among the weights.")
    unknown = [
        name
        for name in found
        if name not in wanted
        and not name.endswith("rotary_emb.inv_freq")
        and not (tied and name == HEAD)
    ]
    if unknown:
        raise UnreadableModel(
            f"{listed(unknown)} there, and the config has no place for it: "
            "the answers would be those of another model."
        )
    for name, shape in wanted.items():
        if found[name] != shape:
            raise UnreadableModel(
                f"{name} is {list(found[name])} and should be {list(shape)} by config.json."
            )


def listed(names: list[str]) -> str:
    """The first few of many, with a verb."""
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"
