"""The next token from scores, such that a request's tokens don't depend on who is served beside it.

The draw for token i of a request comes from a counter-based generator keyed by (seed, i): so the
order of steps, a preemption or the device change nothing. A token is drawn by the largest of
score ÷ temperature + Gumbel noise, which follows the softmax exactly (Gumbel 1954). Scores that
differ in their last bits between two batches lead to different tokens only if the two largest sums
are as close as that; a search in cumulated probabilities would have such an edge at every token.
"""

from __future__ import annotations

from collections.abc import Sequence as Rows

import numpy as np
import torch
from torch import Tensor

from finops.engine.sampling import Sampling


def choose_all(scores: Tensor, wishes: Rows[tuple[Sampling, int]]) -> list[int]:
    """The token of each row of scores [rows, vocab], by its sampling and place."""
    best: list[int] = scores.argmax(dim=1).tolist()
    return [
        choose(scores[row], sampling, place) if sampling.temperature > 0.0 else best[row]
        for row, (sampling, place) in enumerate(wishes)
    ]


def choose(scores: Tensor, sampling: Sampling, place: int) -> int:
    """Token `place` of an answer, from scores fp32 [vocab]."""
    if sampling.temperature == 0.0:
        return int(scores.argmax())
    kept = nucleus(scores.cpu().double() / sampling.temperature, sampling.top_p)
    key = np.array([sampling.seed % 2**64, place], np.uint64)
    noise = np.random.Generator(np.random.Philox(key=key)).gumbel(size=len(kept))
    return int((kept + torch.from_numpy(noise)).argmax())


def nucleus(scores: Tensor, top_p: float) -> Tensor:
    """Scores with −∞ for all but the fewest likeliest tokens that hold `top_p` of the probability.

    The likeliest is always kept.
    """
    if top_p >= 1.0:
        return scores
    likely, order = torch.softmax(scores, dim=0).sort(descending=True, stable=True)
    before = likely.cumsum(0) - likely
    return scores.index_fill(0, order[before >= top_p], -torch.inf)
