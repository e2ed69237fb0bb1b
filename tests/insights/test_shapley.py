from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from math import prod

from hypothesis import given, settings
from hypothesis import strategies as st

from finops.insights.shapley import LAST_PLACE, product_parts, round_to_total

VALUES = st.decimals(0, 1000, places=3)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5)


def by_every_order(before: list[Decimal], after: list[Decimal]) -> list[Fraction]:
    """The definition itself: change the factors one by one, in every order, and average."""
    parts = [Fraction(0)] * len(before)
    orders = list(permutations(range(len(before))))
    for order in orders:
        now = [Fraction(value) for value in before]
        for i in order:
            was = prod(now, start=Fraction(1))
            now[i] = Fraction(after[i])
            parts[i] += prod(now, start=Fraction(1)) - was
    return [part / len(orders) for part in parts]


def test_two_factors_share_what_they_did_together() -> None:
    # 2 x 3 = 6 becomes 4 x 5 = 20: alone +2*3 and +2*2, together another 2*2, half of it each
    assert product_parts([Decimal(2), Decimal(3)], [Decimal(4), Decimal(5)]) == [8, 6]


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_parts_are_the_average_over_every_order(pairs: list[tuple[Decimal, Decimal]]) -> None:
    before, after = [old for old, _ in pairs], [new for _, new in pairs]
    for part, wanted in zip(
        product_parts(before, after), by_every_order(before, after), strict=True
    ):
        assert abs(Fraction(part) - wanted) <= Fraction(1, 10**30)


@given(st.lists(st.decimals(-1000, 1000, places=20), min_size=1, max_size=8), st.integers(-3, 3))
@settings(max_examples=100, deadline=None)
def test_rounded_parts_add_up_and_turn_with_their_signs(parts: list[Decimal], units: int) -> None:
    total = sum(parts, Decimal(0)).quantize(LAST_PLACE) + units * LAST_PLACE
    rounded = round_to_total(parts, total)
    assert sum(rounded, Decimal(0)) == total
    assert [-part for part in rounded] == round_to_total([-part for part in parts], -total)
    assert all(
        abs(a - b) <= (1 + abs(units)) * LAST_PLACE for a, b in zip(parts, rounded, strict=True)
    )
