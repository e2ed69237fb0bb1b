"""Budgets against a real ledger: what is spent there leads to the right alerts, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from finops.accounts.models import Workspace
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.watch import watch_budgets
from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.errors import Unavailable
from finops.health.heartbeat import LOADED, beat
from tests.budgets.scenes import MINUTE, NOW, SENDER, make_budget
from tests.queries.rows import Charge, ledger_of

State = BudgetAlert.State
YESTERDAY = NOW - timedelta(days=1)


def spend(
    workspace: Workspace, usd: str | None, at: datetime = YESTERDAY, tenant: str = "acme-web"
) -> Charge:
    cost = None if usd is None else Decimal(usd)
    return Charge(at, cost, tenant=tenant, workspace_id=workspace.pk)


def watch(ch: Warehouse, now: datetime = NOW) -> list[tuple[str, int, str]]:
    """Look at the budgets and return all alerts that there are then."""
    watch_budgets(ch, now, sender=SENDER)
    alerts = BudgetAlert.objects.select_related("budget").order_by("pk")
    return [(alert.budget.tenant, alert.threshold, alert.state) for alert in alerts]


def test_a_spend_below_the_threshold_raises_nothing(ch: Warehouse, acme: Workspace) -> None:
    make_budget(acme)
    ledger_of(ch, spend(acme, "799.999999999999"))
    assert watch(ch) == []


def test_a_spend_at_the_threshold_raises_one_alert_however_often_it_is_seen(
    ch: Warehouse, acme: Workspace
) -> None:
    make_budget(acme)
    ledger_of(ch, spend(acme, "799.999999999999"), spend(acme, "0.000000000001"))
    for minute in range(3):
        assert watch(ch, NOW + minute * MINUTE) == [("acme-web", 80, State.CLAIMED)]


def test_an_alert_knows_models_missing_prices_and_how_far_calls_are_costed(
    ch: Warehouse, acme: Workspace
) -> None:
    make_budget(acme)
    ledger_of(
        ch,
        spend(acme, "600"),
        Charge(YESTERDAY, Decimal(250), tenant="acme-web", model="o3", workspace_id=acme.pk),
        Charge(YESTERDAY, None, tenant="acme-web", model="new-model", workspace_id=acme.pk),
        spend(acme, "77", tenant="other"),
    )
    beat(LOADED, NOW - MINUTE)
    watch(ch)
    known = BudgetAlert.objects.get().known
    assert known.spend_usd == 850
    assert [(m.model, m.spend_usd) for m in known.models] == [
        ("gpt-4o", Decimal(600)),
        ("o3", Decimal(250)),
    ]
    assert known.unpriced_calls == 1
    assert known.costed_to == NOW - MINUTE


def test_a_tenant_answers_for_itself_and_the_workspace_for_all(
    ch: Warehouse, acme: Workspace
) -> None:
    for tenant in ("acme-web", "acme-app", ""):
        make_budget(acme, tenant)
    ledger_of(
        ch,
        spend(acme, "850", tenant="acme-web"),
        spend(acme, "50", tenant="acme-app"),
        spend(acme, "120", tenant=""),
    )
    assert watch(ch) == [
        ("acme-web", 80, State.CLAIMED),
        ("", 80, State.SUPERSEDED),
        ("", 100, State.CLAIMED),
    ]


def test_money_of_one_workspace_never_counts_in_another(
    ch: Warehouse, acme: Workspace, globex: Workspace
) -> None:
    make_budget(acme)
    make_budget(acme, "")
    make_budget(globex, "")
    ledger_of(ch, spend(globex, "5000"))
    watch(ch)
    assert {alert.budget.workspace for alert in BudgetAlert.objects.all()} == {globex}


def test_calls_without_any_price_raise_nothing(ch: Warehouse, acme: Workspace) -> None:
    make_budget(acme, amount="0.000001")
    ledger_of(ch, spend(acme, None))
    assert watch(ch) == []


def test_a_tenant_without_calls_raises_nothing(ch: Warehouse, acme: Workspace) -> None:
    make_budget(acme, amount="0.000001")
    assert watch(ch) == []


def test_a_paused_budget_raises_nothing(ch: Warehouse, acme: Workspace) -> None:
    make_budget(acme)
    Budget.objects.update(active=False)
    ledger_of(ch, spend(acme, "5000"))
    assert watch(ch) == []


def test_the_month_begins_at_midnight_of_the_workspace(ch: Warehouse, acme: Workspace) -> None:
    make_budget(acme)
    midnight = datetime(2026, 10, 31, 23, tzinfo=UTC)  # of 1 November in Berlin
    ledger_of(ch, spend(acme, "700", midnight - timedelta(seconds=1)), spend(acme, "799", midnight))
    assert watch(ch) == []
    ledger_of(ch, spend(acme, "1", midnight))
    assert watch(ch) == [("acme-web", 80, State.CLAIMED)]


def test_a_month_that_begins_at_half_past_is_cut_there(ch: Warehouse, acme: Workspace) -> None:
    Workspace.objects.filter(pk=acme.pk).update(timezone="Asia/Kolkata")
    make_budget(acme)
    midnight = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    ledger_of(
        ch,
        spend(acme, "900", midnight - timedelta(seconds=1)),
        spend(acme, "800", midnight),
    )
    watch(ch)
    assert BudgetAlert.objects.get().known.spend_usd == 800


def test_rows_that_arrive_after_the_months_end_still_count_for_it(
    ch: Warehouse, acme: Workspace
) -> None:
    make_budget(acme)
    new_month = datetime(2026, 11, 30, 23, tzinfo=UTC)
    ledger_of(ch, spend(acme, "1000", new_month - timedelta(seconds=1)))
    watch(ch, new_month + MINUTE)
    alert = BudgetAlert.objects.get(state=State.CLAIMED)
    assert (alert.threshold, alert.period_start.month) == (100, 11)
    assert watch(ch, new_month + timedelta(days=2)) != []
    assert BudgetAlert.objects.count() == 2


def test_a_budget_set_today_does_not_judge_last_month(ch: Warehouse, acme: Workspace) -> None:
    budget = make_budget(acme)
    new_month = datetime(2026, 11, 30, 23, tzinfo=UTC)
    budget.terms_since = new_month + MINUTE
    budget.save()
    ledger_of(ch, spend(acme, "5000", new_month - timedelta(seconds=1)))
    assert watch(ch, new_month + 2 * MINUTE) == []


def test_clickhouse_away_is_said_and_nothing_is_claimed(acme: Workspace) -> None:
    make_budget(acme)
    with pytest.raises(Unavailable):
        watch(connect("clickhouse://finops:x@127.0.0.1:1/finops"))
    assert not BudgetAlert.objects.exists()
