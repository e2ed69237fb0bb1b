"""Sharing an amount out loses nothing, whoever shares."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from finops.focus.share_out import share_out

MONEY = st.decimals(0, 10**9, places=12)


def test_the_last_unit_goes_to_the_largest_remainder_and_then_to_the_first() -> None:
    thirds = share_out(
        Decimal("0.000000000010"), {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)}
    )
    assert list(thirds.values()) == [Decimal("4e-12"), Decimal("3e-12"), Decimal("3e-12")]


def test_with_nobody_to_share_with_there_are_no_parts() -> None:
    assert share_out(Decimal(5), {"a": Decimal(0)}) == {}
    assert share_out(Decimal(5), {}) == {}


@given(MONEY, st.dictionaries(st.text(max_size=3), MONEY, max_size=20))
def test_the_parts_are_the_whole_and_none_is_off_by_a_unit(
    amount: Decimal, weights: dict[str, Decimal]
) -> None:
    parts = share_out(amount, weights)
    total = sum(weights.values())
    if not total:
        assert parts == {}
        return
    assert sum(parts.values()) == amount
    for name, part in parts.items():
        assert abs(part - amount * weights[name] / total) < Decimal("1.1e-12")
