"""config.json says what a model is; what isn't built here is refused instead of ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from finops.engine.errors import UnreadableModel, UnsupportedModel
from finops.engine.llama.config import LlamaConfig, RopeScaling, parse_config, read_config
from finops.engine.llama.rope import frequencies

# meta-llama/Llama-3.1-8B-Instruct, as far as it is read.
LLAMA_31_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "eos_token_id": [128001, 128008, 128009],
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "vocab_size": 128256,
}


def test_a_published_config_is_read() -> None:
    assert parse_config(LLAMA_31_8B) == LlamaConfig(
        vocab=128256,
        hidden=4096,
        intermediate=14336,
        layers=32,
        heads=32,
        kv_heads=8,
        head_dim=128,
        max_positions=131072,
        norm_eps=1e-5,
        rope_theta=500000.0,
        rope_scaling=RopeScaling("llama3", 8.0, 1.0, 4.0, 8192),
        eos=(128001, 128008, 128009),
    )


def test_the_weights_of_all_layers_are_counted() -> None:
    # 8.03 billion less two times the vocabulary (1.05 billion) and the norms.
    assert parse_config(LLAMA_31_8B).parameters == 6_979_321_856


def test_old_configs_mean_what_transformers_takes_them_for() -> None:
    old = {name: LLAMA_31_8B[name] for name in ("architectures", "vocab_size", "hidden_size")}
    old |= {"intermediate_size": 11008, "num_attention_heads": 32, "num_hidden_layers": 32}
    config = parse_config(old | {"rope_scaling": {"type": "linear", "factor": 4.0}})
    assert (config.kv_heads, config.head_dim, config.max_positions) == (32, 128, 2048)
    assert (config.norm_eps, config.rope_theta, config.eos) == (1e-6, 10_000.0, ())
    assert config.rope_scaling == RopeScaling("linear", 4.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "architecture GPT2LMHeadModel is not built"),
        ({"architectures": None}, "architecture None"),
        ({"hidden_act": "gelu"}, "activation gelu"),
        ({"mlp_bias": True}, "feed-forward"),
        ({"quantization_config": {"bits": 4}}, "quantized already"),
        ({"sliding_window": 4096}, "window \\(4096 tokens\\)"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "rope scaling yarn"),
    ],
)
def test_what_is_not_built_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(UnsupportedModel, match=says):
        parse_config(LLAMA_31_8B | change)


def test_a_window_that_is_off_is_none() -> None:
    assert parse_config(LLAMA_31_8B | {"sliding_window": 4096, "use_sliding_window": False})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_size": None}, "needs the number hidden_size, and has None"),
        ({"hidden_size": "4096"}, "needs the number hidden_size, and has '4096'"),
        ({"hidden_size": True}, "needs the number hidden_size"),
        ({"vocab_size": 1.5}, "vocab_size in config.json must be a whole number"),
        ({"num_hidden_layers": 0}, "num_hidden_layers in config.json must be at least 1"),
        ({"num_key_value_heads": 5}, "32 heads can't share 5"),
        ({"head_dim": 63}, "head_dim must be even"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "rope_scaling in config.json needs the number"),
    ],
)
def test_numbers_that_make_no_model_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(UnreadableModel, match=says):
        parse_config(LLAMA_31_8B | change)


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "holds no config.json"), ("{", "can't be read as JSON"), ("[]", "one JSON object")],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text, "utf-8")
    with pytest.raises(UnreadableModel, match=says):
        read_config(tmp_path)


def test_slow_waves_are_divided_and_fast_ones_kept() -> None:
    scaled = frequencies(parse_config(LLAMA_31_8B))
    plain = frequencies(parse_config(LLAMA_31_8B | {"rope_scaling": None}))
    waves = 2 * torch.pi / plain
    # Shorter than 8192 ÷ 4 tokens; longer than 8192 ÷ 1; in between.
    fast, slow = waves < 2048, waves > 8192
    assert torch.equal(scaled[fast], plain[fast])
    torch.testing.assert_close(scaled[slow], plain[slow] / 8)
    between = (scaled / plain)[~fast & ~slow]
    assert len(between) == 6
    assert all(1 / 8 < share < 1 for share in between.tolist())
