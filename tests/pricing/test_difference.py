from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finops.pricing.difference import changes_of, difference, without_copies
from finops.pricing.history import history
from finops.pricing.overrides import Contract, apply_contracts
from finops.pricing.rate import BEGINNING, FOREVER, Prices, Rate, per_token
from finops.pricing.wording import describe_change

JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


def rate(usd: str = "2.5", model: str = "m", **changed: Any) -> Rate:
    whole = {"input": per_token(Decimal(usd)), "cache_read": per_token(Decimal(usd))}
    return Rate("acme", model, Prices(**whole, output=per_token(Decimal(10))), **changed)


def test_the_golden_difference_of_two_lists() -> None:
    old = [rate(), rate(model="gone"), rate("1", model="dated")]
    new = [
        rate("3"),
        rate(model="came"),
        rate("1", model="dated", valid_to=JUNE),
        rate("0.8", model="dated", valid_from=JUNE),
    ]
    found = difference(old, new)

    assert (found.added, found.removed) == ([("acme", "came")], [("acme", "gone")])
    assert [describe_change(change) for change in without_copies(found.changes)] == [
        "acme/dated input: $1.00 -> $0.80 (-20.0 %), from 2026-06-01",
        "acme/m input: $2.50 -> $3.00 (+20.0 %)",
    ]


def test_a_timeline_that_is_only_cut_elsewhere_is_the_same() -> None:
    cut = [rate(valid_to=JUNE), rate(valid_from=JUNE, daily_to_s=3600),
           rate(valid_from=JUNE, daily_from_s=3600, context_upto=1000),
           rate(valid_from=JUNE, daily_from_s=3600, context_above=1000)]  # fmt: skip
    assert not list(changes_of([rate()], cut))


def test_a_change_says_for_which_sizes_and_hours_it_holds() -> None:
    old = [rate("1", context_upto=200_000), rate("2", context_above=200_000)]
    new = [rate("1", context_upto=200_000), rate("3", context_above=200_000)]
    (change,) = without_copies(changes_of(old, new))
    assert describe_change(change).endswith("$2.00 -> $3.00 (+50.0 %), above 200,000 tokens")

    cheaper = [rate("1", daily_from_s=0, daily_to_s=3600), rate("2", daily_from_s=3600)]
    (change,) = without_copies(changes_of([rate("2")], cheaper))
    assert describe_change(change).endswith("(-50.0 %), 00:00–01:00 UTC")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 100)), max_size=5))
def test_no_change_where_a_contract_holds_the_list_price_and_all_of_it_elsewhere(
    agreed: list[tuple[int, int, int]],
) -> None:
    """The changes of a timeline add up to what a day-by-day comparison finds."""
    listed, rates = [rate("2")], [rate("2")]
    for number, (start, days, percent) in enumerate(agreed):
        begin = JUNE + timedelta(days=start)
        contract = Contract(
            number=number, service_tier="any", prices={}, discount_percent=Decimal(percent),
            valid_from=begin, valid_to=begin + timedelta(days=days),
        )  # fmt: skip
        rates = [
            replace(one, workspace_id=0)
            for one in apply_contracts(1, ("acme", "m"), rates, [contract])
        ]
    told = [change for change in changes_of(listed, rates) if change.meter == "output"]
    steps = history(rates, "output")
    for day in range(-1, 92):
        moment = JUNE + timedelta(days=day)
        price = next(step.usd for step in steps if step.valid_from <= moment < step.valid_to)
        named = [c.new for c in told if c.valid_from <= moment < c.valid_to]
        assert named == ([] if price == 10 else [price])


def test_a_price_over_time_joins_equal_steps_and_leaves_none_out() -> None:
    rates = [rate("1", valid_to=JUNE), rate("1", valid_from=JUNE, valid_to=JULY),
             rate("2", valid_from=JULY),
             rate("9", valid_from=JUNE, service_tier="batch")]  # fmt: skip
    steps = history(rates, "input")
    assert [(s.valid_from, s.valid_to, s.usd) for s in steps] == [
        (BEGINNING, JULY, Decimal(1)),
        (JULY, FOREVER, Decimal(2)),
    ]
