"""A pool's hour, split: ratios sum to one, the cost to the bill, idle names nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finops.focus.gpu_rows import gpu_rows
from finops.focus.items import EXACT
from finops.queries.focus_gpus import GpuPart
from tests.focus.ledger import HOUR
from tests.focus.lines import ACME

IDLE = GpuPart(
    HOUR, "h100", "idle", "", "", "", "", "", 2_400_000, 0, "", Decimal("6.666666666667"), "7"
)
BUSY = replace(
    IDLE, kind="busy", tenant="acme", feature="search", model="llama", gpu_ms=1_200_000,
    weight=5_000_000, basis="tokens", cost_usd=Decimal("3.333333333333"),
)  # fmt: skip


def rows_of(*parts: GpuPart, splits: bool = True) -> list[dict[str, Any]]:
    return list(gpu_rows(parts, ACME, splits=splits))


def element_of(row: dict[str, Any]) -> dict[str, Any]:
    (element,) = json.loads(row["AllocatedMethodDetails"], parse_float=Decimal)["Elements"]
    found: dict[str, Any] = element
    return found


def test_work_names_its_tenant_as_the_allocated_resource_and_idle_time_nobody() -> None:
    busy, idle = rows_of(BUSY, IDLE)
    assert (busy["AllocatedResourceId"], idle["AllocatedResourceId"]) == ("acme", None)
    assert busy["ResourceId"] == idle["ResourceId"] == "h100"
    assert json.loads(busy["AllocatedTags"]) == {"feature": "search"}
    assert element_of(busy) == {
        "AllocatedRatio": Decimal("0.333333333333"),
        "UsageUnit": "Weighted Tokens",
        "UsageQuantity": 5000,
    }
    assert busy["AllocatedMethodId"] == idle["AllocatedMethodId"] == "inferledger-gpu-tokens"


def test_since_split_charges_have_columns_a_part_keeps_the_sub_account_of_its_origin() -> None:
    split, before = rows_of(BUSY)[0], rows_of(BUSY, splits=False)[0]
    assert (split["SubAccountId"], split["Tags"], split["x_Tenant"]) == (None, None, "acme")
    assert (before["SubAccountId"], before["Tags"]) == ("acme", '{"feature": "search"}')


def test_the_price_is_the_bill_of_one_hour_of_the_pool() -> None:
    busy, idle = rows_of(BUSY, IDLE)
    assert busy["ListUnitPrice"] == idle["ListUnitPrice"] == 10
    assert busy["PricingQuantity"] + idle["PricingQuantity"] == 1
    assert busy["BilledCost"] + idle["BilledCost"] == 10
    assert busy["ListCost"] == Decimal("3.33333333333")


def test_an_hour_that_cost_nothing_is_not_divided_by() -> None:
    (row,) = rows_of(replace(IDLE, cost_usd=Decimal(0)))
    assert (row["PricingQuantity"], row["BilledCost"]) == (0, 0)


def test_pools_and_hours_are_bills_of_their_own() -> None:
    rows = rows_of(BUSY, IDLE, replace(IDLE, pool="l40s"))
    assert [row["PricingQuantity"] for row in rows][2] == 1


@given(st.lists(st.decimals(0, 10**6, places=12), min_size=1, max_size=30))
def test_ratios_sum_to_one_and_costs_to_the_bill(costs: list[Decimal]) -> None:
    bill = sum(costs, Decimal(0))
    rows = rows_of(*(replace(IDLE, cost_usd=cost) for cost in costs))
    assert sum(row["BilledCost"] for row in rows) == bill
    if bill:
        assert sum(element_of(row)["AllocatedRatio"] for row in rows) == 1
        assert sum(row["PricingQuantity"] for row in rows) == 1
    for row in rows:
        assert EXACT.multiply(row["PricingQuantity"], bill) == row["ListCost"]
        assert abs(row["ListCost"] - row["BilledCost"]) <= bill * Decimal("1e-12")
