from __future__ import annotations

from decimal import Decimal

import pytest

from finops.clickhouse.client import Warehouse
from tests.costing.calls import insert_calls
from tests.costing.charging import charge, charge_of, cost_of, rollup

pytestmark = pytest.mark.django_db


def test_a_new_segment_ends_up_in_the_hourly_sums(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a", "input_tokens": 1000, "output_tokens": 100}])

    done = charge(ch)

    # gpt-4o: 1000 x 2.50 + 100 x 10 USD per million
    assert (done.segments, done.calls, done.hours) == (1, 1, 1)
    assert cost_of(ch, "a") == Decimal("0.0035")
    (row,) = rollup(ch)
    assert (row["calls"], row["requests"], row["successful_requests"]) == (1, 1, 1)
    assert (row["cost_usd"], row["clean_cost_usd"]) == (Decimal("0.0035"), Decimal("0.0035"))
    assert (row["tenant"], row["model"], row["input_tokens"]) == ("acme", "gpt-4o", 1000)


def test_an_unpriced_model_costs_null_and_says_why(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a", "provider": "vllm", "model_served": "house-7b"}])

    charge(ch)

    row = charge_of(ch, "a")
    assert (row["cost_usd"], row["unpriced_reason"]) == (None, "no_rate")
    (sums,) = rollup(ch)
    assert (sums["unpriced_calls"], sums["cost_usd"]) == (1, Decimal(0))
