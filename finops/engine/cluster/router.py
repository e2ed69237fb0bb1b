"""Who gets a request: rules that look at the replicas and keep no state of their own.

Every rule is given the replicas that are up, in the order of their index, and how many requests
this door has routed before. What it sees of a replica is what `replica.py` says. Equal replicas:
the first gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field
from typing import Protocol

from finops.engine.sequence import Sequence


class Target(Protocol):
    """What a router may know of a replica."""

    @property
    def requests(self) -> int:
        """Requests sent to it and not over."""

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens of those."""

    @property
    def waiting(self) -> int:
        """How many of them wait."""

    def matched(self, seq: Sequence) -> int:
        """Tokens of the prompt of `seq` in its prefix cache."""


class Router(Protocol):
    """Chooses a replica for each request."""

    @property
    def sees_blocks(self) -> bool:
        """Whether it looks at prefix caches, which costs a stop of every replica per arrival."""

    def choose(self, seq: Sequence, targets: Rows[Target], turn: int) -> int:
        """The number of the replica in `targets`, of which there is one at least."""


@dataclass(frozen=True)
class RoundRobin:
    """One after the other."""

    sees_blocks: bool = field(default=False, init=False)

    def choose(self, seq: Sequence, targets: Rows[Target], turn: int) -> int:
        return turn % len(targets)


@dataclass(frozen=True)
class LeastLoaded:
    """Who has the fewest requests, or with `by_tokens` the fewest prompt tokens of them.

    A request that waits counts `waiting_weight` times as much as one that runs (vLLM: 4).
    """

    by_tokens: bool = False
    waiting_weight: int = 1
    sees_blocks: bool = field(default=False, init=False)

    def choose(self, seq: Sequence, targets: Rows[Target], turn: int) -> int:
        if len(targets) == 1:
            return 0
        loads = [self.load(target) for target in targets]
        return loads.index(min(loads))

    def load(self, target: Target) -> int:
        """What is compared."""
        if self.by_tokens:
            return target.prompt_tokens
        if self.waiting_weight == 1:
            return target.requests
        return target.requests + (self.waiting_weight - 1) * target.waiting


@dataclass(frozen=True)
class PrefixAware:
    """Who has the longest part of the prompt in its cache; of equals, who has less to do.

    If the loads differ by more than `most_apart` requests and by more than a factor of
    `most_times`, or if less than `least_share` of the prompt is anywhere, the least loaded gets it.
    The rule and its defaults are those of SGLang's router (cache_aware: balance_abs_threshold 64,
    balance_rel_threshold 1.5, cache_threshold 0.3), which guesses what is looked up here.
    """

    most_apart: int = 64
    most_times: float = 1.5
    least_share: float = 0.3
    sees_blocks: bool = field(default=True, init=False)

    def choose(self, seq: Sequence, targets: Rows[Target], turn: int) -> int:
        loads = [target.requests for target in targets]
        least, most = min(loads), max(loads)
        if not seq.hashes or (most - least > self.most_apart and most > least * self.most_times):
            return loads.index(least)
        matched = [target.matched(seq) for target in targets]
        if max(matched) < self.least_share * seq.prompt:
            return loads.index(least)
        return min(range(len(targets)), key=lambda at: (-matched[at], loads[at], at))


@dataclass(frozen=True)
class ByClass:
    """Each class of requests has groups of its own, and in them `within` chooses.

    `groups` names them by class; a class that isn't there may go everywhere.
    """

    groups: Mapping[int, tuple[str, ...]]
    within: Router = field(default_factory=LeastLoaded)

    @property
    def sees_blocks(self) -> bool:
        return self.within.sees_blocks

    def choose(self, seq: Sequence, targets: Rows[Target], turn: int) -> int:
        return self.within.choose(seq, targets, turn)
