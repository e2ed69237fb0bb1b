"""Hit rates of a prefix cache: hand-worked, and the golden figures of a public trace."""

from __future__ import annotations

import pytest

from finops.engine.executor import LinearStepTime
from finops.engine.hit_rate import hit_rate
from finops.engine.policy import Policy
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Workload
from tests.engine.mooncake import mooncake


@pytest.mark.parametrize(
    ("blocks", "share"),
    [(1_000, 0.0454), (5_000, 0.1125), (20_000, 0.2931), (50_000, 0.3615), (None, 0.3736)],
)
def test_the_trace_of_mooncake_hits_as_often_as_it_is_known_to(
    blocks: int | None, share: float
) -> None:
    prompts = mooncake()
    assert len(prompts) == 12_031
    assert round(hit_rate(prompts, blocks, 512).share, 4) == share


def test_a_block_behind_a_missing_one_is_no_hit() -> None:
    # The third prompt evicts block 1, so that only 2 and 3 of the first are left.
    prompts = [(48, (1, 2, 3)), (16, (9,)), (48, (1, 2, 3))]
    assert hit_rate(prompts, 3, 16).hit_tokens == 0
    assert hit_rate(prompts, 4, 16).hit_tokens == 48


def test_a_partial_block_counts_its_tokens_only() -> None:
    assert hit_rate([(20, (1, 2)), (20, (1, 2))], None, 16).hit_tokens == 20


def test_the_scheduler_hits_what_an_unbounded_cache_would() -> None:
    # One after the other, whole blocks, never the last token: the rest is the same.
    prompts = [(tokens, hashes) for tokens, hashes in mooncake()[:400] if tokens % 512]
    requests = [
        Request(index * 10**9, tokens, 1, hashes=hashes[: tokens // 512])
        for index, (tokens, hashes) in enumerate(prompts)
    ]
    policy = Policy(blocks=20_000, block_size=512, max_tokens=200_000)
    result = simulate(Workload.of(requests), policy, LinearStepTime(1_000))
    whole = [(tokens, hashes[: tokens // 512]) for tokens, hashes in prompts]
    assert result.finished.all()
    assert int(result.cached.sum()) == hit_rate(whole, None, 512).hit_tokens > 10**5
