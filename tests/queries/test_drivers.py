from __future__ import annotations

from decimal import Decimal

import pytest

from finops.clickhouse.client import Warehouse
from finops.insights.explain import explain_change
from finops.queries import Filters, Range
from finops.queries.drivers import REST, Billed, Cell, periods_of
from tests.focus.ledger import add_gpu_parts
from tests.queries.rows import WORKSPACE, Charge, at, ledger_of

MORNING, NOON = Range(at("08:00"), at("10:30")), Range(at("10:30"), at("13:00"))
HALF = Decimal("0.5")


@pytest.fixture
def ledger(ch: Warehouse) -> Warehouse:
    """Two calls of an action in the morning; at noon a cached and a retried one, a hit, others."""
    ledger_of(
        ch,
        Charge(at("10:00"), Decimal(1), action_id="a1", input_usd=HALF, output_usd=HALF),
        Charge(at("10:10"), Decimal(1), action_id="a1", input_usd=HALF, output_usd=HALF),
        Charge(
            at("11:00"), Decimal("0.775"), action_id="a2", input_tokens=50, cache_read_tokens=50,
            input_usd=Decimal("0.25"), cache_read_usd=Decimal("0.025"), output_usd=Decimal("0.5"),
            provider_cache_saving_usd=Decimal("0.225"), team="core",
        ),
        Charge(at("11:01"), Decimal("0.10"), action_id="a2", last_attempt=0, waste_class="retry"),
        Charge(at("11:01"), Decimal(0), action_id="a2", last_attempt=0, waste_class="retry"),
        Charge(
            at("11:02"), Decimal(0), action_id="a3", response_cache_saving_usd=Decimal(1),
        ),
        Charge(at("11:03"), None, action_id="a4", unpriced_reason="no_rate"),
        Charge(at("11:04"), Decimal(9), action_id="a5", counted=0),
        Charge(at("11:05"), Decimal("0.01"), action_id="a6", tenant="tiny"),
        Charge(at("11:06"), Decimal("0.02"), action_id="a6", tenant="small"),
        Charge(at("11:07"), Decimal(5), action_id="a7", workspace_id=WORKSPACE + 1),
    )  # fmt: skip
    return ch


def test_periods_count_actions_once_and_know_hits_attempts_and_what_has_no_price(
    ledger: Warehouse,
) -> None:
    before, after = periods_of(ledger, WORKSPACE, (MORNING, NOON), "tenant", most=1)
    assert before.actions == {"acme": 1}
    assert before.cost_usd == 2
    # a6 reached two small tenants, which are one segment here
    assert after.actions == {"acme": 2, REST: 1}
    assert (after.unpriced_calls, after.rest) == (1, REST)
    found = {(cell.segment, cell.superseded): cell for cell in after.cells}
    assert set(found) == {("acme", False), ("acme", True), (REST, False)}
    ended = found["acme", False]
    assert (ended.calls, ended.hits) == (2, 1)
    assert dict(ended.billed) == {
        "input": Billed(100, Decimal("0.275"), Decimal("0.225")),
        "output": Billed(10, HALF),
    }
    # the attempt that cost nothing is left out
    assert (found["acme", True].calls, found["acme", True].cost_usd) == (1, Decimal("0.10"))


def test_calls_that_the_bill_of_gpus_pays_are_not_without_a_price(ledger: Warehouse) -> None:
    (gpt,) = {(cell.provider, cell.model) for cell in morning_cells(ledger)}
    part = {"kind": "busy", "tenant": "acme", "provider": gpt[0], "model": gpt[1], "weight": 1}
    add_gpu_parts(ledger, [{**part, "hour": at("11:00")}], workspace_id=WORKSPACE)
    _, after = periods_of(ledger, WORKSPACE, (MORNING, NOON), "tenant")
    assert after.unpriced_calls == 0


def morning_cells(ledger: Warehouse) -> tuple[Cell, ...]:
    return periods_of(ledger, WORKSPACE, (MORNING, NOON), "tenant")[0].cells


def test_the_change_is_explained_by_model_and_for_what_a_filter_leaves(ledger: Warehouse) -> None:
    explained = explain_change(ledger, WORKSPACE, NOON, MORNING, "model").found
    assert set(explained.rows) == {"gpt-4o"}
    assert explained.total.change_usd == sum(explained.total.parts.values()) == Decimal("-1.095")
    assert explained.total.parts["cache"] < 0 < explained.total.parts["retry"]
    only = explain_change(
        ledger, WORKSPACE, NOON, MORNING, "tenant", Filters({"team": ("core",)})
    ).found
    assert (only.total.before_usd, only.total.after_usd) == (
        Decimal(0),
        Decimal("0.775"),
    )
    assert only.rows["acme"].parts["volume"] == Decimal("0.775")
