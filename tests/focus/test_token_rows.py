"""What one line of the ledger becomes: SKUs, prices, and nothing lost."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.focus.items import EXACT
from finops.focus.token_rows import SkuBook, token_rows
from finops.queries.focus_lines import TOKENS, FocusLine, Metered
from finops.queries.focus_rates import Prices
from tests.focus.lines import ACME, line, metered, prices

GPT = prices(input="2.5", cache_read="1.25", output="10")


def rows_of(one: FocusLine) -> list[dict[str, Any]]:
    return list(token_rows(one, ACME, SkuBook()))


def total(rows: list[dict[str, Any]], name: str) -> Decimal:
    return sum((row[name] for row in rows), Decimal(0))


def test_each_kind_of_token_is_a_row_priced_by_the_million() -> None:
    first, second = rows_of(
        line(
            metered("input", 8_400_000, "21"),
            metered("output", 2_100_000, "21"),
            contracted=GPT,
            listed=GPT,
        )
    )
    assert first["SkuMeter"] == "Input Tokens"
    assert first["ConsumedQuantity"] == 8_400_000
    assert first["ConsumedUnit"] == "Tokens"
    assert first["PricingQuantity"] == Decimal("8.4")
    assert first["PricingUnit"] == "1000000 Tokens"
    assert first["ListUnitPrice"] == Decimal("2.5")
    assert first["ListCost"] == first["BilledCost"] == 21
    assert first["SkuId"] == "openai/gpt-4o/input"
    assert (second["SkuMeter"], second["ListUnitPrice"]) == ("Output Tokens", 10)


def test_writes_to_a_cache_for_five_minutes_and_an_hour_are_two_skus_of_one_meter() -> None:
    rows = rows_of(line(metered("cache_write_5m", 100, "1"), metered("cache_write_1h", 100, "2")))
    assert [row["SkuMeter"] for row in rows] == ["Cache Write Input Tokens"] * 2
    assert [row["SkuId"].rpartition("/")[2] for row in rows] == ["cache-write-5m", "cache-write-1h"]


def test_list_and_contracted_cost_each_follow_their_own_price() -> None:
    (row,) = rows_of(
        line(
            metered("input", 1000, "0.0021"),
            list_usd=Decimal("0.0025"),
            contracted=prices(input="2.1"),
            listed=GPT,
        )
    )
    assert (row["ListUnitPrice"], row["ListCost"]) == (Decimal("2.5"), Decimal("0.0025"))
    assert (row["ContractedUnitPrice"], row["ContractedCost"]) == (
        Decimal("2.1"),
        Decimal("0.0021"),
    )
    assert row["BilledCost"] == row["EffectiveCost"] == Decimal("0.0021")
    assert row["SkuPriceId"] == "openai/gpt-4o/input/standard/2.5"


def test_a_model_without_a_list_price_lists_what_was_agreed() -> None:
    (row,) = rows_of(
        line(metered("input", 1000, "0.0021"), list_usd=None, contracted=prices(input="2.1"))
    )
    assert row["ListUnitPrice"] == Decimal("2.1")
    assert row["ListCost"] == Decimal("0.0021")


def test_requests_are_counted_on_one_row_and_waste_on_its_own() -> None:
    rows = rows_of(
        line(
            metered("input", 10, "1", "0.5"),
            metered("output", 10, "2", "0.25"),
            calls=4,
            requests=3,
            successful_requests=2,
            waste_usd=Decimal("0.75"),
        )
    )
    assert [row["x_OperationCount"] for row in rows] == [3, 0]
    assert [row["x_SuccessCount"] for row in rows] == [2, 0]
    assert [row["x_WasteCost"] for row in rows] == [Decimal("0.5"), Decimal("0.25")]


def test_fees_for_calls_and_uses_are_rows_of_their_own() -> None:
    own = Prices({"call": Decimal("0.01")}, {"web_search": Decimal("0.025")})
    fee, search = rows_of(
        line(
            contracted=own,
            listed=own,
            calls=2,
            call_usd=Decimal("0.02"),
            charged_calls=2,
            uses={"web_search": 3},
            uses_usd=Decimal("0.075"),
        )
    )
    assert (fee["SkuMeter"], fee["PricingQuantity"]) == ("Call Fees", 2)
    assert fee["ListUnitPrice"] == Decimal("0.01")
    assert (search["SkuMeter"], search["PricingUnit"]) == ("Web Searches", "1000 Searches")
    assert (search["ListUnitPrice"], search["PricingQuantity"]) == (25, Decimal("0.003"))


def test_an_hour_of_audio_is_priced_by_the_second_so_that_nothing_is_rounded() -> None:
    own = Prices({}, {"audio_ms": Decimal("0.000000100000000000")})
    (row,) = rows_of(
        line(contracted=own, listed=own, uses={"audio_ms": 1234}, uses_usd=Decimal("0.0001234"))
    )
    assert (row["ConsumedUnit"], row["PricingUnit"]) == ("Milliseconds", "Seconds")
    assert row["PricingQuantity"] * row["ListUnitPrice"] == Decimal("0.0001234")


def test_a_hit_in_the_clients_cache_is_a_request_that_cost_nothing_and_no_tokens() -> None:
    (row,) = rows_of(line(metered("input", 1000, "0"), hit=True, calls=5, requests=5))
    assert (row["SkuMeter"], row["ConsumedQuantity"]) == ("Requests Without Charge", 5)
    assert row["BilledCost"] == row["ListCost"] == 0
    assert row["x_OperationCount"] == 5


def test_a_price_that_does_not_explain_the_charge_is_replaced_by_the_average() -> None:
    (row,) = rows_of(line(metered("input", 1000, "0.0030"), contracted=GPT, list_usd=None))
    assert row["x_PriceSource"] == "average"
    assert row["ContractedUnitPrice"] == 3
    assert row["ContractedCost"] == row["BilledCost"] == Decimal("0.0030")


def test_a_part_of_a_charge_that_no_meter_explains_is_still_billed() -> None:
    rows = rows_of(line(metered("input", 10, "1"), cost_usd=Decimal("1.5")))
    assert [row["SkuMeter"] for row in rows] == ["Input Tokens", "Other Charges"]
    assert total(rows, "BilledCost") == Decimal("1.5")


def test_tags_name_what_the_call_names_and_nothing_else() -> None:
    (row,) = rows_of(line(metered("input", 1, "1"), feature="chat", agent="triage"))
    assert json.loads(row["Tags"]) == {"feature": "chat", "agent": "triage"}
    (bare,) = rows_of(line(metered("input", 1, "1"), tenant=""))
    assert (bare["Tags"], bare["SubAccountId"], bare["SubAccountType"]) == (None, None, None)


@pytest.mark.parametrize(
    ("provider", "model", "seller", "maker"),
    [
        ("openai", "gpt-4o", "OpenAI", "OpenAI"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-v1:0", "Amazon Web Services", "Anthropic"),
        ("azure.ai.openai", "gpt-4o", "Microsoft", "OpenAI"),
        ("groq", "llama-3.3-70b-versatile", "Groq", "Meta"),
        ("our-gateway", "house-model", "our-gateway", "our-gateway"),
        ("", "m", "Unknown", "Unknown"),
    ],
)
def test_who_sells_and_who_made_a_model(provider: str, model: str, seller: str, maker: str) -> None:
    (row,) = rows_of(line(metered("input", 1, "1"), provider=provider, model=model))
    assert row["ServiceProviderName"] == row["ProviderName"] == seller
    assert row["PublisherName"] == maker


USD = st.decimals(0, 10**4, places=12)
RATE = st.decimals(0, Decimal("0.01"), places=18)


@given(
    st.lists(
        st.tuples(st.sampled_from(TOKENS), st.integers(1, 10**9), RATE),
        max_size=len(TOKENS),
        unique_by=lambda each: each[0],
    ),
    USD,
    st.integers(1, 1000),
)
def test_billed_is_the_ledgers_to_the_last_digit_and_price_times_quantity_the_cost(
    tokens: list[tuple[str, int, Decimal]], odd: Decimal, calls: int
) -> None:
    own = Prices({bucket: rate for bucket, _, rate in tokens}, {})
    meters = [
        Metered(
            bucket,
            count,
            EXACT.multiply(rate, Decimal(count)).quantize(Decimal("1e-12"), ROUND_HALF_UP),
            Decimal(0),
        )
        for bucket, count, rate in tokens
    ]
    cost = sum((each.usd for each in meters), odd)
    rows = rows_of(line(*meters, contracted=own, listed=own, calls=calls, cost_usd=cost))
    assert total(rows, "BilledCost") == cost
    for row in rows:
        quantity = row["PricingQuantity"]
        assert EXACT.multiply(quantity, row["ListUnitPrice"]) == row["ListCost"]
        assert EXACT.multiply(quantity, row["ContractedUnitPrice"]) == row["ContractedCost"]
        if row["x_PriceSource"] == "rate":
            assert abs(row["ContractedCost"] - row["BilledCost"]) <= Decimal("5e-13") * calls
