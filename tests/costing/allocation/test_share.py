"""Sharing out by the largest remainder: nothing is lost, and nobody's place in the list matters."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.costing.allocation.share import share_out

WEIGHTS = st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), min_size=1, max_size=12)
UNITS = st.integers(0, 10**18)


def test_a_cent_among_three_goes_to_the_first_of_equal_remainders() -> None:
    assert share_out(100, {"c": 1, "a": 1, "b": 1}) == {"a": 34, "b": 33, "c": 33}


def test_what_is_left_goes_to_the_largest_remainders() -> None:
    # Exact shares of 10: 1.43, 2.86, 5.71.
    assert share_out(10, {"a": 1, "b": 2, "c": 4}) == {"a": 1, "b": 3, "c": 6}


def test_nothing_can_be_shared_without_any_weight() -> None:
    with pytest.raises(ValueError, match="nobody"):
        share_out(1, {"a": 0})
    assert share_out(0, {"a": 0}) == {"a": 0}


@given(UNITS, WEIGHTS.filter(lambda weights: any(weights.values())))
def test_parts_add_up_and_lie_within_a_unit_of_their_exact_share(
    units: int, weights: dict[str, int]
) -> None:
    parts = share_out(units, weights)
    total = sum(weights.values())
    assert sum(parts.values()) == units
    for key, weight in weights.items():
        assert abs(parts[key] - Fraction(units * weight, total)) < 1
        assert weight or not parts[key]


@given(UNITS, WEIGHTS.filter(lambda weights: any(weights.values())), st.integers(1, 1000))
def test_neither_order_nor_scale_of_the_weights_matters(
    units: int, weights: dict[str, int], factor: int
) -> None:
    other = {key: weights[key] * factor for key in sorted(weights, reverse=True)}
    assert share_out(units, other) == share_out(units, weights)
