"""A Llama written down as plainly as it goes: numpy, float64, one prompt, full attention, no cache.

It shares nothing with the engine's model but the files that both read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Array = NDArray[np.float64]


class PlainLlama:
    """Weights by name in float64; `changed` ones replace those of the file."""

    def __init__(self, folder: Path, changed: Mapping[str, Array] | None = None) -> None:
        self.config = json.loads((folder / "config.json").read_text("utf-8"))
        tensors = load_file(folder / "model.safetensors")
        exact = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        self.weights: dict[str, Array] = {**exact, **(changed or {})}

    def scores(self, tokens: Sequence[int]) -> Array:
        """Scores of the token after each: [tokens, vocab]."""
        hidden = self.weights["model.embed_tokens.weight"][list(tokens)]
        for at in range(self.config["num_hidden_layers"]):
            hidden = hidden + self.attention(at, self.norm(f"{at}.input_layernorm", hidden))
            fed = self.norm(f"{at}.post_attention_layernorm", hidden)
            gate, up = (self.times(f"{at}.mlp.{name}_proj", fed) for name in ("gate", "up"))
            hidden = hidden + self.times(f"{at}.mlp.down_proj", gate / (1 + np.exp(-gate)) * up)
        scale = self.weights["model.norm.weight"]
        return self.normed(hidden) * scale @ self.weights["lm_head.weight"].T

    def attention(self, at: int, hidden: Array) -> Array:
        heads, shared = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        query, key, value = (
            np.split(self.times(f"{at}.self_attn.{name}_proj", hidden), count, axis=1)
            for name, count in (("q", heads), ("k", shared), ("v", shared))
        )
        ahead = np.triu(np.full((len(hidden), len(hidden)), -np.inf), k=1)
        answers = []
        for head in range(heads):
            with_head = head // (heads // shared)
            asked, found = self.turned(query[head]), self.turned(key[with_head])
            likeness = asked @ found.T / np.sqrt(found.shape[1]) + ahead
            weights = np.exp(likeness - likeness.max(axis=1, keepdims=True))
            weights /= weights.sum(axis=1, keepdims=True)
            answers.append(weights @ value[with_head])
        return self.times(f"{at}.self_attn.o_proj", np.concatenate(answers, axis=1))

    def turned(self, head: Array) -> Array:
        """Pairs of numbers as complex ones, turned by position × base^(−pair ÷ pairs)."""
        pairs = head.shape[1] // 2
        angles = np.outer(
            np.arange(len(head)), self.config["rope_theta"] ** -(np.arange(pairs) / pairs)
        )
        numbers = (head[:, :pairs] + 1j * head[:, pairs:]) * np.exp(1j * angles)
        return np.concatenate((numbers.real, numbers.imag), axis=1)

    def times(self, name: str, rows: Array) -> Array:
        return np.asarray(rows @ self.weights[f"model.layers.{name}.weight"].T)

    def norm(self, name: str, hidden: Array) -> Array:
        return self.normed(hidden) * self.weights[f"model.layers.{name}.weight"]

    def normed(self, hidden: Array) -> Array:
        size = np.mean(hidden**2, axis=1, keepdims=True) + self.config["rms_norm_eps"]
        return np.asarray(hidden / np.sqrt(size))
