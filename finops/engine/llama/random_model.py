"""A small model with random weights, in the files that a trained one would have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from finops.engine.llama.config import parse_config
from finops.engine.llama.weights import shapes_of


@dataclass(frozen=True)
class Size:
    """About 100,000 weights by default: a step takes a millisecond."""

    vocab: int = 128
    hidden: int = 64
    intermediate: int = 160
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    max_positions: int = 4096


def random_model(
    folder: Path,
    seed: int = 0,
    size: Size | None = None,
    architecture: str = "LlamaForCausalLM",
    **settings: object,
) -> Path:
    """Write config.json and model.safetensors; `settings` go into config.json as they are.

    Each product keeps the size of what goes through it (deviation 1 ÷ √inputs), so that scores
    differ clearly between tokens.
    """
    chosen = size or Size()
    config: dict[str, object] = {
        "architectures": [architecture],
        "vocab_size": chosen.vocab,
        "hidden_size": chosen.hidden,
        "intermediate_size": chosen.intermediate,
        "num_hidden_layers": chosen.layers,
        "num_attention_heads": chosen.heads,
        "num_key_value_heads": chosen.kv_heads,
        "max_position_embeddings": chosen.max_positions,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0,
        **settings,
    }
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes_of(parse_config(config)).items():
        drawn = torch.randn(shape, generator=generator)
        if name.endswith("norm.weight"):
            tensors[name] = 1.0 + 0.1 * drawn
        elif len(shape) == 1:
            tensors[name] = 0.1 * drawn
        else:
            tensors[name] = drawn / shape[1] ** 0.5
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
