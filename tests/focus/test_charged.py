"""The rates that the export finds are those that the charge job used, whatever they came from."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.focus.export import Export, Tally, export_rows
from finops.focus.versions import version_named
from finops.pricing.agree import agree_override
from finops.pricing.models import RateOverride
from finops.queries import Range
from tests.costing.calls import START, insert_calls
from tests.costing.charging import charge
from tests.focus.lines import ACME

pytestmark = pytest.mark.django_db
CACHED = {"input_tokens": 1001, "cache_read_tokens": 8003, "output_tokens": 507}


def test_charges_of_the_catalogue_and_of_contracts_are_explained_row_by_row(
    configured_ch: Warehouse,
) -> None:
    workspace = Workspace.objects.create(pk=1, slug="acme", name="Acme")
    agree_override(
        RateOverride(
            workspace=workspace,
            provider="openai",
            model="gpt-4o-mini",
            discount_percent=Decimal("17.3"),
            why="framework contract",
            valid_from=START - timedelta(days=30),
        ),
        actor=None,
    )
    # A price of its own for one snapshot: the list has it under the model's name.
    agree_override(
        RateOverride(
            workspace=workspace,
            provider="openai",
            model="gpt-4o-2024-08-06",
            input_usd=Decimal(2),
            cache_read_usd=Decimal(1),
            output_usd=Decimal(8),
            why="snapshot",
            valid_from=START - timedelta(days=30),
        ),
        actor=None,
    )
    claude = {"provider": "anthropic", "model_served": "claude-sonnet-4-5-20250929"}
    gemini = {"provider": "gcp.gemini", "model_served": "gemini-2.5-pro"}
    insert_calls(
        configured_ch,
        [
            CACHED,
            {**CACHED, "service_tier": "Batch"},
            {**CACHED, "service_tier": "default"},
            {**CACHED, "model_served": "gpt-4o-mini-2024-07-18"},
            {**CACHED, **claude, "cache_write_5m_tokens": 300, "cache_write_1h_tokens": 100},
            {**CACHED, "model_served": "gpt-4o-2024-08-06"},
            {**gemini, "input_tokens": 200_000},
            {**gemini, "input_tokens": 200_001, "reasoning_tokens": 11},
            {**CACHED, "outcome": "error", "input_tokens": None, "cache_read_tokens": None,
             "output_tokens": None},
            {**CACHED, "cache_layer": "exact", "cache_hit": 1},
            {**CACHED, "model_served": "nobody-knows-it"},
        ],
    )  # fmt: skip
    charge(configured_ch)
    [ledger] = configured_ch.query(
        "SELECT sum(cost_usd) AS usd, sum(list_usd) AS listed, countIf(isNull(cost_usd)) AS open "
        "FROM charges FINAL WHERE counted"
    )
    tally = Tally()
    hour = Range(START, START + timedelta(hours=1))
    rows = list(export_rows(configured_ch, Export(1, ACME, hour, version_named("1.4")), tally))
    assert ledger["open"] == 1
    assert tally.billed_usd == ledger["usd"] > 0
    assert {row["x_PriceSource"] for row in rows} == {"rate"}
    off = sum(row["ListCost"] for row in rows) - ledger["listed"]  # type: ignore[misc]
    assert abs(off) < Decimal("1e-10")
    (mini, *_) = [row for row in rows if "4o-mini" in str(row["SkuId"])]
    assert mini["ContractedUnitPrice"] == mini["ListUnitPrice"] * Decimal("0.827")  # type: ignore[operator]
    # 2 agreed and 2.50 listed, and so on: a fifth off in every row
    snapshot = [row for row in rows if "gpt-4o-2024-08-06" in str(row["SkuId"])]
    assert len(snapshot) == 3
    for row in snapshot:
        assert row["ContractedUnitPrice"] == row["ListUnitPrice"] * Decimal("0.8")  # type: ignore[operator]
        assert row["ListCost"] == row["ListUnitPrice"] * row["PricingQuantity"]  # type: ignore[operator]
    assert sum(int(str(row["x_OperationCount"])) for row in rows) == 10
