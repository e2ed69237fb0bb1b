from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from finops.accounts.models import AuditEntry, User, Workspace
from finops.budgets.change import (
    change_budget,
    create_budget,
    delete_budget,
    messages_by_field,
    send_again,
)
from finops.budgets.errors import Refused
from finops.budgets.models import Budget, BudgetAlert
from tests.budgets.scenes import MINUTE, NOW, PaperMailer, deliver, make_budget, raise_alert

VALUES: dict[str, Any] = {
    "tenant": "web",
    "amount_usd": Decimal("250.50"),
    "recipients": ["ann@acme.example"],
}


def test_a_budget_is_set_with_its_audit_entry(acme: Workspace, ann: User) -> None:
    budget = create_budget(acme, VALUES, now=NOW, actor=ann)
    budget.refresh_from_db()
    assert (budget.tenant, budget.amount_usd, budget.thresholds) == (
        "web",
        Decimal("250.5"),
        [80, 100],
    )
    assert (budget.created_by, budget.terms_since, budget.active) == (ann, NOW, True)
    entry = AuditEntry.objects.get(action="budget.created")
    assert (entry.actor, entry.workspace, entry.target) == (ann, acme, f"budget {budget.pk}")
    assert entry.detail["amount_usd"] == "250.5"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount_usd", Decimal(0), "greater than or equal to 0.000001"),
        ("amount_usd", Decimal("1e12"), "digits"),
        ("amount_usd", Decimal("NaN"), "number"),
        ("thresholds", [], "blank"),
        ("thresholds", [100, 80], "ascending whole percentages"),
        ("thresholds", [80, 80], "ascending whole percentages"),
        ("thresholds", [True], "ascending whole percentages"),
        ("thresholds", [0], "ascending whole percentages"),
        ("recipients", [], "blank"),
        ("recipients", ["a@x.example", "A@x.example"], "none of them twice"),
        ("recipients", ["nobody"], "'nobody' is not an e-mail address"),
        ("recipients", ["a@x.example\r\nBcc: b@x.example"], "is not an e-mail address"),
        ("recipients", ["a@bücher.example"], "in its ASCII form"),
        ("recipients", "a@x.example", "1 to 20 e-mail addresses"),
    ],
)
def test_a_wrong_value_is_said_by_its_field(
    acme: Workspace, field: str, value: Any, said: str
) -> None:
    with pytest.raises(ValidationError) as error:
        create_budget(acme, {**VALUES, field: value}, now=NOW)
    messages = messages_by_field(error.value)
    assert list(messages) == [field]
    assert said in messages[field][0]
    assert not Budget.objects.exists()
    assert not AuditEntry.objects.filter(action__startswith="budget").exists()


def test_a_tenant_has_one_active_budget(acme: Workspace, globex: Workspace) -> None:
    first = create_budget(acme, VALUES, now=NOW)
    with pytest.raises(ValidationError, match="an active budget for this already"):
        create_budget(acme, VALUES, now=NOW)
    create_budget(acme, {**VALUES, "tenant": ""}, now=NOW)
    create_budget(globex, VALUES, now=NOW)
    change_budget(first, {"active": False}, now=NOW)
    create_budget(acme, VALUES, now=NOW)
    with pytest.raises(ValidationError, match="an active budget for this already"):
        change_budget(first, {"active": True}, now=NOW)


def test_a_change_is_audited_with_before_and_after(acme: Workspace, ann: User) -> None:
    budget = create_budget(acme, VALUES, now=NOW)
    changed = change_budget(budget, {"amount_usd": Decimal(300)}, now=NOW + MINUTE, key="key 4")
    assert (changed.amount_usd, changed.terms_since) == (Decimal(300), NOW + MINUTE)
    entry = AuditEntry.objects.get(action="budget.changed")
    assert entry.detail == {
        "key": "key 4",
        "before": {"amount_usd": "250.5"},
        "after": {"amount_usd": "300"},
    }


def test_the_same_values_again_change_nothing(acme: Workspace) -> None:
    budget = create_budget(acme, VALUES, now=NOW)
    same = change_budget(budget, {"amount_usd": Decimal("250.500")}, now=NOW + MINUTE)
    assert same.terms_since == NOW
    assert not AuditEntry.objects.filter(action="budget.changed").exists()


def test_other_recipients_are_no_other_terms(acme: Workspace) -> None:
    budget = create_budget(acme, VALUES, now=NOW)
    changed = change_budget(budget, {"recipients": ["bob@acme.example"]}, now=NOW + MINUTE)
    assert changed.recipients == ["bob@acme.example"]
    assert changed.terms_since == NOW


def test_whose_budget_it_is_stays(acme: Workspace) -> None:
    budget = create_budget(acme, VALUES, now=NOW)
    assert change_budget(budget, {"tenant": "other"}, now=NOW).tenant == "web"


def test_a_deleted_budget_is_remembered_by_the_audit_trail(acme: Workspace, ann: User) -> None:
    budget = make_budget(acme)
    raise_alert(budget)
    delete_budget(budget, actor=ann)
    assert not Budget.objects.exists()
    assert not BudgetAlert.objects.exists()
    entry = AuditEntry.objects.get(action="budget.deleted")
    assert (entry.detail["tenant"], entry.detail["amount_usd"]) == ("acme-web", "1000")


def test_only_an_alert_that_failed_is_sent_again(acme: Workspace, ann: User) -> None:
    budget = make_budget(acme)
    alert, mailer = raise_alert(budget), PaperMailer(Refused("550 no such user"))
    deliver(mailer)
    assert send_again(alert, now=NOW + MINUTE, actor=ann)
    assert AuditEntry.objects.get(action="budget.alert_sent_again").actor == ann
    mailer.error = None
    deliver(mailer, NOW + MINUTE)
    assert len(mailer.sent) == 1
    assert not send_again(alert, now=NOW + 2 * MINUTE)
    deliver(mailer, NOW + 2 * MINUTE)
    assert len(mailer.sent) == 1
