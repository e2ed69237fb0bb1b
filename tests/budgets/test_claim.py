from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from finops.accounts.models import Workspace
from finops.budgets.claim import claim, past_alerts
from finops.budgets.evaluate import Decision, evaluate
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.period import next_month
from tests.budgets.scenes import (
    BERLIN,
    MINUTE,
    NOVEMBER,
    NOW,
    SENDER,
    PaperMailer,
    deliver,
    make_budget,
    raise_alert,
    snapshot,
)

State = BudgetAlert.State


def evaluate_and_claim(budget: Budget, spend: str, minute: int = 0) -> None:
    budget.refresh_from_db()
    decision = evaluate(budget.terms, Decimal(spend), past_alerts([budget], NOVEMBER)[budget.pk])
    known = snapshot(spend, NOW + minute * MINUTE)
    claim(budget, NOVEMBER, decision, known, sender=SENDER)


def states(budget: Budget) -> list[tuple[int, str]]:
    return [(alert.threshold, alert.state) for alert in budget.alerts.order_by("pk")]


def test_two_thresholds_at_once_are_one_mail(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    evaluate_and_claim(budget, "1300")
    deliver(mailer)
    assert states(budget) == [(80, State.SUPERSEDED), (100, State.SENT)]
    assert mailer.attempts == 1


def test_a_threshold_has_one_alert_in_a_month(acme: Workspace) -> None:
    alert = raise_alert(make_budget(acme))
    alert.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save(force_insert=True)


def test_every_month_begins_anew(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    raise_alert(budget)
    december = next_month(NOVEMBER, BERLIN)
    assert past_alerts([budget], december) == {budget.pk: []}
    known = snapshot(at=NOW + timedelta(days=30))
    claim(budget, december, Decision(alert=80), known, sender=SENDER)
    deliver(mailer, NOW + timedelta(days=30))
    assert len({message["Message-ID"] for message in mailer.sent}) == 2


def test_a_raised_amount_arms_a_threshold_again_and_keeps_the_history(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    evaluate_and_claim(budget, "840")
    deliver(mailer)
    Budget.objects.update(amount_usd=2000)
    evaluate_and_claim(budget, "850", minute=1)
    deliver(mailer, NOW + MINUTE)
    assert mailer.attempts == 1
    evaluate_and_claim(budget, "1600", minute=2)
    deliver(mailer, NOW + 2 * MINUTE)
    assert states(budget) == [(80, State.SENT), (80, State.SENT)]
    assert len({message["Message-ID"] for message in mailer.sent}) == 2


def test_an_alert_not_sent_before_the_amount_was_raised_is_withdrawn(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    evaluate_and_claim(budget, "840")
    Budget.objects.update(amount_usd=2000)
    evaluate_and_claim(budget, "840", minute=1)
    deliver(mailer, NOW + MINUTE)
    assert states(budget) == [(80, State.WITHDRAWN)]
    assert mailer.attempts == 0


def test_a_lower_threshold_that_a_slower_worker_saw_gives_way(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    slow = Decision(alert=80)
    claim(budget, NOVEMBER, Decision(100, (80,)), snapshot("1001"), sender=SENDER)
    claim(budget, NOVEMBER, slow, snapshot("999"), sender=SENDER)
    deliver(mailer)
    assert states(budget) == [(80, State.SUPERSEDED), (100, State.SENT)]


def test_what_was_known_survives_the_database_exactly(acme: Workspace) -> None:
    budget = make_budget(acme)
    spend = "123456789012345678.123456789012"
    raise_alert(budget, spend=spend)
    known = BudgetAlert.objects.get().known
    assert known == snapshot(spend)
    assert str(known.spend_usd) == spend
