from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.agree import agree_override
from finops.pricing.models import RateOverride
from tests.costing.calls import START, insert_calls
from tests.costing.charging import charge, cost_of, rollup

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("recompute", *arguments, stdout=out)
    return out.getvalue()


def test_a_corrected_price_reaches_what_was_charged_before(configured_ch: Warehouse) -> None:
    ch = configured_ch
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    insert_calls(
        ch,
        [
            {"span": "in", "workspace_id": workspace.pk, "request_id": "r"},
            {"span": "out", "workspace_id": workspace.pk, "started_at": START + timedelta(hours=2)},
        ],
    )
    charge(ch)
    agree_override(
        RateOverride(
            workspace=workspace,
            provider="openai",
            model="gpt-4o",
            discount_percent=Decimal(50),
            valid_from=START - timedelta(days=1),
            why="contract",
        ),
        actor=None,
    )

    said = run("--from", "2026-11-20T10:00", "--to", "2026-11-20T11:00", "--workspace", "acme")

    assert said == "charged 1 calls of 1 hours again\n"
    assert cost_of(ch, "in") == Decimal("0.00175")
    assert cost_of(ch, "out") == Decimal("0.0035")
    assert [row["cost_usd"] for row in rollup(ch)] == [Decimal("0.00175"), Decimal("0.0035")]


def test_recomputing_changes_nothing_where_nothing_changed(configured_ch: Warehouse) -> None:
    ch = configured_ch
    insert_calls(
        ch,
        [
            {"span": "a", "request_id": "r", "attempt": 0, "outcome": "error",
             "started_at": START + timedelta(minutes=59)},
            {"span": "b", "request_id": "r", "attempt": 1,
             "started_at": START + timedelta(minutes=61)},
        ],
    )  # fmt: skip
    charge(ch)
    before = [{**row, "version": 0} for row in rollup(ch)]

    run("--from", "2026-11-20T10:00", "--to", "2026-11-20T11:00")
    run("--from", "2026-11-01", "--to", "2026-12-01")

    assert [{**row, "version": 0} for row in rollup(ch)] == before


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(CommandError, match="neither a date"):
        run("--from", "yesterday", "--to", "2026-11-20")
    with pytest.raises(CommandError, match="before --to"):
        run("--from", "2026-11-20", "--to", "2026-11-20")
    with pytest.raises(CommandError, match="no workspace 'nobody'"):
        run("--from", "2026-11-20", "--to", "2026-11-21", "--workspace", "nobody")
