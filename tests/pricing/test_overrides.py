from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finops.pricing.overrides import Contract, apply_contracts
from finops.pricing.rate import BEGINNING, FOREVER, Prices, Rate

KEY = ("openai", "gpt-4o")
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
LISTED = Rate(
    *KEY,
    Prices(
        input=Decimal("0.0000025"),
        cache_read=Decimal("0.00000125"),
        output=Decimal("0.00001"),
    ),
    source="genai-prices",
)
BATCH = replace(LISTED, service_tier="batch", prices=Prices(input=Decimal("0.00000125")))


def contract(**given: Any) -> Contract:
    return Contract(
        **{
            "number": 7,
            "service_tier": "any",
            "prices": {},
            "discount_percent": None,
            "valid_from": JUNE,
            "valid_to": JULY,
            **given,
        }
    )


def timeline(rates: list[Rate]) -> list[tuple[datetime, datetime, str]]:
    return [(rate.valid_from, rate.valid_to, rate.source) for rate in rates]


def test_a_contract_holds_from_its_start_until_its_end_and_the_list_around_it() -> None:
    rates = apply_contracts(3, KEY, [LISTED], [contract(prices={"input": Decimal(2)})])

    assert timeline(rates) == [
        (BEGINNING, JUNE, "genai-prices"),
        (JUNE, JULY, "override 7"),
        (JULY, FOREVER, "genai-prices"),
    ]
    assert {rate.workspace_id for rate in rates} == {3}
    assert [rate.prices.input for rate in rates] == [
        Decimal("0.0000025"),
        Decimal("0.000002"),
        Decimal("0.0000025"),
    ]
    # what the contract doesn't name stays at list price
    assert {rate.prices.output for rate in rates} == {Decimal("0.00001")}


def test_a_discount_is_taken_off_every_bucket_and_tier() -> None:
    rates = apply_contracts(
        3, KEY, [LISTED, BATCH], [contract(discount_percent=Decimal("12.5"), valid_to=None)]
    )

    inside = [rate for rate in rates if rate.valid_from == JUNE]
    assert [(rate.service_tier, rate.prices.input) for rate in inside] == [
        ("", Decimal("0.0000021875")),
        ("batch", Decimal("0.00000109375")),
    ]
    assert inside[0].prices.cache_read == Decimal("0.00000109375")


def test_a_contract_for_one_tier_leaves_the_others_alone() -> None:
    rates = apply_contracts(
        3, KEY, [LISTED], [contract(service_tier="priority", prices={"input": Decimal(5)})]
    )

    assert [r.prices.input for r in rates if r.service_tier == ""] == [Decimal("0.0000025")]
    # before and after it the tier costs what standard processing does
    assert [r.prices.input for r in rates if r.service_tier == "priority"] == [
        Decimal("0.0000025"),
        Decimal("0.000005"),
        Decimal("0.0000025"),
    ]


def test_a_model_that_nobody_lists_is_priced_by_its_contract_alone() -> None:
    (rate,) = apply_contracts(
        3, ("vllm", "house-7b"), [], [contract(prices={"input": Decimal(1), "output": Decimal(2)})]
    )

    assert (rate.valid_from, rate.valid_to) == (JUNE, JULY)
    assert rate.prices.cache_read == rate.prices.input == Decimal("0.000001")
    assert rate.prices.reasoning == rate.prices.output == Decimal("0.000002")
    assert rate.prices.call is None


def test_a_fee_is_in_usd_for_each_call() -> None:
    (rate,) = apply_contracts(
        3, ("vllm", "house-7b"), [], [contract(prices={"call": Decimal("0.05")})]
    )

    assert rate.prices == Prices(call=Decimal("0.05"))


def test_a_discount_on_what_nobody_lists_is_no_price() -> None:
    unlisted = ("vllm", "house-7b")

    assert apply_contracts(3, unlisted, [], [contract(discount_percent=Decimal(10))]) == []


MOMENTS = st.integers(0, 700 * 86_400).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(edges=st.lists(MOMENTS, min_size=6, max_size=6, unique=True), at=MOMENTS)
def test_any_contracts_leave_exactly_one_rate_at_any_moment(
    edges: list[datetime], at: datetime
) -> None:
    a, b, c, d, e, f = sorted(edges)
    contracts = [
        contract(number=1, valid_from=a, valid_to=b, prices={"input": Decimal(1)}),
        contract(number=2, valid_from=c, valid_to=d, discount_percent=Decimal(50)),
        contract(number=3, valid_from=e, valid_to=f, prices={"output": Decimal(4)}),
    ]

    rates = apply_contracts(3, KEY, [LISTED], contracts)

    (rate,) = [rate for rate in rates if rate.valid_from <= at < rate.valid_to]
    expected = next(
        (f"override {c.number}" for c in contracts if c.valid_from <= at < c.until), "genai-prices"
    )
    assert rate.source == expected
