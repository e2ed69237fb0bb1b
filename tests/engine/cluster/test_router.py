"""Who gets a request."""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.cluster import (
    ByClass,
    LeastLoaded,
    PrefixAware,
    RoundRobin,
)
from finops.engine.sequence import Sequence
from tests.engine.cluster.conversations import hit_share

SEQ = Sequence(0, 0, prompt=100, target=5, hashes=(1, 2, 3))


@dataclass
class Seen:
    """A replica as a router sees it."""

    requests: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    tokens_there: int = 0

    def matched(self, seq: Sequence) -> int:
        return self.tokens_there


def test_round_robin_goes_round() -> None:
    assert [RoundRobin().choose(SEQ, [Seen(), Seen(9), Seen()], turn) for turn in range(4)] == [
        0,
        1,
        2,
        0,
    ]


def test_the_least_loaded_is_the_first_of_equals() -> None:
    seen = [Seen(3, waiting=0, prompt_tokens=10), Seen(2, waiting=2, prompt_tokens=10), Seen(2)]
    assert LeastLoaded().choose(SEQ, seen, 0) == 1
    assert LeastLoaded(by_tokens=True).choose(SEQ, seen, 0) == 2
    assert LeastLoaded(waiting_weight=4).choose(SEQ, seen[:2], 0) == 0


def test_the_longest_prefix_wins_and_of_equals_who_has_less_to_do() -> None:
    seen = [Seen(1, tokens_there=40), Seen(5, tokens_there=80), Seen(4, tokens_there=80)]
    assert PrefixAware().choose(SEQ, seen, 0) == 2


def test_a_short_match_or_a_great_imbalance_is_left_to_the_load() -> None:
    seen = [Seen(90, tokens_there=80), Seen(20, tokens_there=20)]
    # 70 apart and 4.5 times as many: the least loaded.
    assert PrefixAware().choose(SEQ, seen, 0) == 1
    assert PrefixAware(most_apart=70).choose(SEQ, seen, 0) == 0
    assert PrefixAware(most_times=5.0).choose(SEQ, seen, 0) == 0
    # 20 of 100 tokens are less than 0.3; at 0.2 they count.
    few = [Seen(5, tokens_there=20), Seen(1)]
    assert PrefixAware().choose(SEQ, few, 0) == 1
    assert PrefixAware(least_share=0.2).choose(SEQ, few, 0) == 0


def test_a_request_without_a_known_prefix_goes_to_the_least_loaded() -> None:
    plain = Sequence(0, 0, prompt=100, target=5)
    assert PrefixAware().choose(plain, [Seen(2, tokens_there=90), Seen(1)], 0) == 1


def test_by_class_looks_at_caches_if_what_it_contains_does() -> None:
    assert not ByClass({0: ("a",)}).sees_blocks
    assert ByClass({0: ("a",)}, PrefixAware()).sees_blocks


def test_on_recorded_conversations_prefix_aware_hits_more_than_taking_turns() -> None:
    aware, blind = hit_share(PrefixAware()), hit_share(RoundRobin())
    assert aware > blind > 0.0
