"""The next token: the best, or a draw that depends on seed and place alone."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from finops.engine.errors import InvalidSampling
from finops.engine.llama.sampler import choose, nucleus
from finops.engine.sampling import Sampling

# Probabilities 1/2, 1/4, 3/16 and 1/16.
SCORES = torch.log(torch.tensor([0.25, 0.5, 0.0625, 0.1875]))


def test_without_temperature_the_best_token_is_taken() -> None:
    assert choose(SCORES, Sampling(), 0) == 1


def test_of_two_best_tokens_the_first_is_taken() -> None:
    assert choose(torch.tensor([1.0, 3.0, 3.0]), Sampling(), 0) == 1


def test_draws_follow_the_softmax() -> None:
    drawn = Counter(choose(SCORES, Sampling(1.0, seed=4), place) for place in range(4_000))
    # Four deviations of a count are at most 4 × √(4000 ÷ 4) = 126.
    for token, share in enumerate((0.25, 0.5, 0.0625, 0.1875)):
        assert drawn[token] == pytest.approx(4_000 * share, abs=126)


def test_draws_at_half_the_temperature_follow_the_squares() -> None:
    drawn = Counter(choose(SCORES, Sampling(0.5, seed=4), place) for place in range(4_000))
    # 16 : 64 : 1 : 9 of 90.
    assert drawn[1] == pytest.approx(4_000 * 64 / 90, abs=126)
    assert drawn[2] == pytest.approx(4_000 / 90, abs=40)


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(1.0, {0, 1, 2, 3}), (0.94, {0, 1, 2, 3}), (0.93, {0, 1, 3}), (0.6, {0, 1}), (1e-9, {1})],
)
def test_the_fewest_tokens_that_hold_top_p_are_kept(top_p: float, kept: set[int]) -> None:
    found = nucleus(SCORES.double(), top_p)
    assert {at for at, score in enumerate(found.tolist()) if score > -torch.inf} == kept
    assert {choose(SCORES, Sampling(1.0, top_p), place) for place in range(300)} == kept


def test_the_same_seed_and_place_draw_the_same_token() -> None:
    scores = torch.zeros(1_000)
    one, other = Sampling(1.0, seed=8), Sampling(1.0, seed=9)
    assert choose(scores, one, 3) == choose(scores, one, 3)
    assert choose(scores, one, 3) != choose(scores, one, 4)
    assert choose(scores, one, 3) != choose(scores, other, 3)


@pytest.mark.parametrize("seed", [-1, 2**64 - 2, 2**63])
def test_every_integer_is_a_seed_of_its_own(seed: int) -> None:
    scores = torch.zeros(100_000)
    token = choose(scores, Sampling(1.0, seed=seed), 1)
    assert token != choose(scores, Sampling(1.0, seed=seed - 1), 1)
    assert token == choose(scores, Sampling(1.0, seed=seed + 2**64), 1)


@pytest.mark.parametrize(
    ("temperature", "top_p", "says"),
    [
        (-0.1, 1.0, "temperature must be from 0 to 100"),
        (float("nan"), 1.0, "temperature"),
        (float("inf"), 1.0, "temperature"),
        (1.0, 0.0, "top_p must be above 0 and at most 1"),
        (1.0, 1.1, "top_p"),
        (1.0, float("nan"), "top_p"),
    ],
)
def test_settings_that_draw_nothing_are_refused(
    temperature: float, top_p: float, says: str
) -> None:
    with pytest.raises(InvalidSampling, match=says):
        Sampling(temperature, top_p)
