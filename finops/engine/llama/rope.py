"""Rotary positions: each pair of a head's numbers is turned by an angle that grows by position."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from finops.engine.llama.config import LlamaConfig, RopeScaling


def frequencies(config: LlamaConfig) -> Tensor:
    """Radians per position, fp32 [head_dim ÷ 2], scaled as the config says."""
    steps = torch.arange(0, config.head_dim, 2, dtype=torch.int64).float() / config.head_dim
    plain = 1.0 / config.rope_theta**steps
    scaling = config.rope_scaling
    if scaling is None:
        return plain
    return plain / scaling.factor if scaling.kind == "linear" else llama3(plain, scaling)


def llama3(plain: Tensor, scaling: RopeScaling) -> Tensor:
    """Slow waves divided by the factor, fast ones kept, a smooth passage between."""
    waves = 2.0 * math.pi / plain
    passage = (scaling.original / waves - scaling.low) / (scaling.high - scaling.low)
    kept = passage.clamp(0.0, 1.0)
    return kept * plain + (1.0 - kept) * plain / scaling.factor


def rotation(positions: Tensor, frequency: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of so many positions, each [tokens, 1, head_dim]."""
    angles = positions.float()[:, None] * frequency
    angles = torch.cat((angles, angles), dim=1)[:, None, :]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(heads: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn [tokens, heads, head_dim]; number i is paired with number i + head_dim ÷ 2."""
    cosine, sine = turn
    first, second = heads.chunk(2, dim=-1)
    return heads * cosine + torch.cat((-second, first), dim=-1) * sine
