from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.lease import give_lease_back, take_lease
from finops.costing.recompute import busy_hours, recompute
from finops.costing.reconcile import reconcile
from finops.costing.reprice_hours import reprice_hours
from finops.pricing.publish import publish_rates
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges, clock, rollup
from tests.costing.test_override_charges import agree

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
END = START + 30 * HOUR


def reprice(ch: Warehouse, workspace_id: int | None, start: Any = START, end: Any = END) -> int:
    lease = take_lease("charge", now=clock())
    assert lease is not None
    try:
        rates = publish_rates(ch, now=clock())
        return reprice_hours(
            ch,
            rates,
            workspace_id=workspace_id,
            start=start,
            end=end,
            version=lease.version,
            now=clock(),
        )
    finally:
        give_lease_back(lease, now=clock())


def charge_again(ch: Warehouse) -> None:
    lease = take_lease("charge", now=clock())
    assert lease is not None
    recompute(ch, lease, clock, busy_hours(ch, START, END))
    give_lease_back(lease, now=clock())


def ledger(ch: Warehouse) -> tuple[Any, Any]:
    """All that readers see of charges and sums, but for the number of the run that wrote it."""
    rows = charges(ch)
    sums = rollup(ch)
    for row in (*rows.values(), *sums):
        row.pop("version")
    return rows, sums


def all_kinds(workspace: int) -> list[dict[str, Any]]:
    """Calls of each kind that a price or a verdict knows, over more than a day."""
    failed = {"outcome": "timeout", "duration_ms": 100.0}
    calls: list[dict[str, Any]] = [
        {"span": "plain", "agent": "planner", "region": "eu"},
        {"span": "first", "prompt_hash": 7, "action_id": "a", **failed},
        {"span": "second", "prompt_hash": 7, "action_id": "a"},
        {"span": "retried", "request_id": "r", **failed},
        {"span": "fallen back", "request_id": "r", "attempt": 1, "model_served": "gpt-4o-mini"},
        {"span": "cached", "cache_read_tokens": 5_000, "reasoning_tokens": 7,
         "service_tier": "Batch"},
        {"span": "hit", "cache_layer": "exact", "cache_hit": 1},
        {"span": "unpriced hit", "cache_layer": "exact", "cache_hit": 1,
         "model_served": "house-7b"},
        {"span": "seen", "response_id": "resp-1"},
        {"span": "seen twice", "response_id": "resp-1", "tenant": "other"},
        {"span": "refused", "outcome": "rate_limited", "input_tokens": None, "output_tokens": None},
        {"span": "unmeasured", "input_tokens": None, "output_tokens": None},
        {"span": "unknown", "model_served": "house-7b"},
        {"span": "nameless", "model_served": ""},
        {"span": "long", "provider": "gcp.gemini", "model_served": "gemini-2.5-pro",
         "input_tokens": 200_001},
        {"span": "searching", "provider": "anthropic", "model_served": "claude-sonnet-4-5",
         "uses": {"web_search": 3}},
        {"span": "next day", "started_at": START + 26 * HOUR},
    ]  # fmt: skip
    return [{"workspace_id": workspace, **call} for call in calls]


def test_repricing_reads_charges_alone_and_says_what_charging_again_would(ch: Warehouse) -> None:
    workspace = Workspace.objects.create(slug="acme", name="Acme").pk
    insert_calls(ch, all_kinds(workspace))
    charge(ch)
    before = ledger(ch)

    assert reprice(ch, None) == len(before[0])
    assert ledger(ch) == before, "the same rates change nothing"

    acme = Workspace.objects.get(pk=workspace)
    agree(acme, model="gpt-4o", discount_percent=Decimal("12.5"))
    agree(acme, provider="gcp.gemini", model="gemini-2.5-pro", discount_percent=Decimal("33.3333"))
    agree(acme, provider="openai", model="house-7b", input_usd=Decimal(1), output_usd=Decimal(2))
    assert reprice(ch, workspace) == len(before[0])
    once = ledger(ch)
    assert once != before
    reprice(ch, workspace)
    assert ledger(ch) == once, "repricing twice is repricing once"

    charge_again(ch)
    assert ledger(ch) == once, "so is charging the calls themselves again"
    assert reconcile(ch, now=END + HOUR, start=START, end=END).ok
    kept = ("waste_class", "waste_inferred", "request_id", "attempt", "counted", "hit")
    for name, row in before[0].items():
        assert {k: row[k] for k in kept} == {k: once[0][name][k] for k in kept}


def test_hours_and_workspaces_outside_stay_as_they_were(ch: Warehouse) -> None:
    ours, theirs = (Workspace.objects.create(slug=name, name=name) for name in ("ours", "theirs"))
    calls = [
        {"span": "in", "workspace_id": ours.pk},
        {"span": "theirs", "workspace_id": theirs.pk},
        {"span": "later", "workspace_id": ours.pk, "started_at": START + HOUR},
    ]
    insert_calls(ch, calls)
    charge(ch)
    for workspace in (ours, theirs):
        agree(workspace, discount_percent=Decimal(50))

    assert reprice(ch, ours.pk, START, START + HOUR) == 1

    found = charges(ch)
    halved = {name: found[span(name)]["discount_saving_usd"] for name in ("in", "theirs", "later")}
    assert halved == {"in": Decimal("0.00175"), "theirs": 0, "later": 0}
    assert found[span("in")]["list_usd"] == Decimal("0.0035")
    assert sum(row["discount_saving_usd"] for row in rollup(ch)) == Decimal("0.00175")
