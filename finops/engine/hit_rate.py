"""How much of the prompts a prefix cache of some size would have held; no steps are simulated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class HitRate:
    """Tokens of all prompts, and those of them that were in the cache."""

    tokens: int
    hit_tokens: int

    @property
    def share(self) -> float:
        """Hit tokens ÷ tokens; 0 without any."""
        return self.hit_tokens / self.tokens if self.tokens else 0.0


def hit_rate(
    prompts: Iterable[tuple[int, Iterable[int]]], blocks: int | None, block_size: int
) -> HitRate:
    """The rate of a cache of `blocks` blocks (None: unbounded) that evicts the longest unused.

    A prompt is its length in tokens and the hash chain of its blocks, the last of which may be
    partial. Blocks are touched from the root on, when the prompt arrives; answers aren't kept. A
    block hits only if all before it do.
    """
    kept: OrderedDict[int, None] = OrderedDict()
    total = hit = 0
    for tokens, hashes in prompts:
        total += tokens
        found, whole = 0, True
        for key in hashes:
            if key in kept:
                kept.move_to_end(key)
                found += whole
                continue
            whole = False
            kept[key] = None
            if blocks is not None and len(kept) > blocks:
                kept.popitem(last=False)
        hit += min(found * block_size, tokens)
    return HitRate(total, hit)
