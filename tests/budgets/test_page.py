from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from finops.accounts.models import AuditEntry, User, Workspace
from finops.budgets.errors import Postponed, Refused
from finops.budgets.mailer import OutboxMailer
from finops.budgets.message import describe
from finops.budgets.models import Budget, BudgetAlert
from finops.clickhouse.client import Warehouse
from tests.budgets.mail_server import MailServer
from tests.budgets.scenes import (
    MINUTE,
    NOVEMBER,
    NOW,
    PaperMailer,
    deliver,
    make_budget,
    raise_alert,
)
from tests.queries.rows import Charge, ledger_of

ACME = {"workspace": "acme"}
FORM = {
    **ACME,
    "tenant": "acme-web",
    "amount": "1000",
    "thresholds": "80, 100",
    "recipients": "ann@acme.example\nbob@acme.example",
}


def page(client: Client, address: str = "/budgets") -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_an_analyst_sets_a_budget(as_ann: Client, ann: User, acme: Workspace) -> None:
    response = as_ann.post("/budgets/new", FORM, follow=True)
    assert response.redirect_chain == [("/budgets", 302)]
    budget = Budget.objects.get()
    assert (budget.workspace, budget.tenant, budget.created_by) == (acme, "acme-web", ann)
    assert budget.amount_usd == 1000
    assert budget.thresholds == [80, 100]
    assert budget.recipients == ["ann@acme.example", "bob@acme.example"]
    assert "The budget is set. acme-web: $1000 a month." in response.content.decode()


def test_the_form_starts_with_the_author_and_both_thresholds(as_ann: Client) -> None:
    html = as_ann.get("/budgets/new?tenant=acme-web").content.decode()
    assert 'value="acme-web"' in html
    assert 'value="80, 100"' in html
    assert "ann@acme.example</textarea>" in html


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount", "a lot", "Enter a number."),
        ("amount", "", "This field is required."),
        ("amount", "0", "greater than or equal to 0.000001"),
        ("amount", "1e30", "digits"),
        ("thresholds", "half", "Write whole percentages"),
        ("thresholds", "0", "ascending whole percentages"),
        ("thresholds", "-5", "Write whole percentages"),
        ("recipients", "nobody", "&#x27;nobody&#x27; is not an e-mail address."),
        ("recipients", " , ", "1 to 20 e-mail addresses"),
        ("tenant", "t" * 201, "at most 200 characters"),
    ],
)
def test_a_wrong_value_is_said_and_nothing_is_lost(
    as_ann: Client, field: str, value: str, said: str
) -> None:
    html = as_ann.post("/budgets/new", {**FORM, field: value}).content.decode()
    assert said in html
    assert "bob@acme.example" in html or field == "recipients"
    assert not Budget.objects.exists()


def test_thresholds_are_read_as_people_write_them(as_ann: Client) -> None:
    as_ann.post("/budgets/new", {**FORM, "thresholds": "100 % ; 50%, 80 80"})
    assert Budget.objects.get().thresholds == [50, 80, 100]


def test_a_second_budget_for_a_tenant_is_refused_in_words(as_ann: Client) -> None:
    as_ann.post("/budgets/new", FORM)
    html = as_ann.post("/budgets/new", FORM).content.decode()
    assert "There is an active budget for this already" in html
    assert Budget.objects.count() == 1


def test_a_budget_is_changed_but_not_whose_it_is(as_ann: Client, acme: Workspace) -> None:
    budget = make_budget(acme)
    assert 'name="tenant"' not in as_ann.get(f"/budgets/{budget.pk}/edit").content.decode()
    values = {**FORM, "tenant": "other", "amount": "1500.50", "thresholds": "90"}
    as_ann.post(f"/budgets/{budget.pk}/edit", values)
    budget.refresh_from_db()
    assert (budget.tenant, budget.amount_usd, budget.thresholds) == (
        "acme-web",
        Decimal("1500.5"),
        [90],
    )


def test_a_budget_is_paused_and_resumed(as_ann: Client, acme: Workspace) -> None:
    budget = make_budget(acme)
    as_ann.post(f"/budgets/{budget.pk}/switch", {**ACME, "active": "0"})
    assert not Budget.objects.get().active
    assert "paused" in page(as_ann)
    as_ann.post(f"/budgets/{budget.pk}/switch", {**ACME, "active": "1"})
    assert Budget.objects.get().active


def test_resuming_beside_another_active_budget_is_refused(as_ann: Client, acme: Workspace) -> None:
    budget = make_budget(acme)
    as_ann.post(f"/budgets/{budget.pk}/switch", {**ACME, "active": "0"})
    make_budget(acme)
    html = as_ann.post(f"/budgets/{budget.pk}/switch", {**ACME, "active": "1"}, follow=True).content
    assert b"There is an active budget for this already" in html


def test_deleting_asks_first(as_ann: Client, acme: Workspace) -> None:
    budget = make_budget(acme)
    assert "Delete this budget?" in as_ann.get(f"/budgets/{budget.pk}/delete").content.decode()
    assert Budget.objects.exists()
    as_ann.post(f"/budgets/{budget.pk}/delete", ACME)
    assert not Budget.objects.exists()
    assert AuditEntry.objects.filter(action="budget.deleted").exists()


def test_the_page_says_where_a_budget_stands(
    configured_ch: Warehouse, as_ann: Client, acme: Workspace
) -> None:
    make_budget(acme)
    ledger_of(
        configured_ch,
        Charge(timezone.now(), Decimal(842), tenant="acme-web", workspace_id=acme.pk),
    )
    html = page(as_ann)
    assert "<strong>$842.00</strong>" in html
    assert "of $1,000.00 · 84.2 %" in html
    assert "threshold reached" in html
    assert 'width="84.2%"' in html
    assert "workspace=acme&amp;from=" in html


def test_the_link_of_a_mail_shows_the_money_that_it_speaks_of(
    configured_ch: Warehouse, as_ann: Client, acme: Workspace
) -> None:
    alert = raise_alert(make_budget(acme))
    ledger_of(
        configured_ch,
        Charge(NOVEMBER.start, Decimal(840), tenant="acme-web", workspace_id=acme.pk),
        Charge(NOVEMBER.end - MINUTE, Decimal(7), tenant="acme-web", workspace_id=acme.pk),
        Charge(NOVEMBER.end, Decimal(100), tenant="acme-web", workspace_id=acme.pk),
        Charge(NOW, Decimal(1000), tenant="other", workspace_id=acme.pk),
    )
    link = describe(alert, "")["overview_url"]
    html = page(as_ann, link)
    assert "$847.00" in html
    assert "2026-11-01" in html


def test_with_clickhouse_away_the_page_says_so_and_shows_the_rest(
    as_ann: Client, acme: Workspace
) -> None:
    make_budget(acme)
    html = page(as_ann)
    assert "where the budgets stand is unknown" in html
    assert "of $1,000.00" in html
    assert "$0.00" not in html


def test_without_smtp_the_page_names_the_folder_and_the_files(
    outbox: Path, as_ann: Client, acme: Workspace
) -> None:
    raise_alert(make_budget(acme))
    deliver(OutboxMailer(outbox))
    html = page(as_ann)
    assert "SMTP is not set" in html
    assert f"{outbox.parent.name}/outbox" in html
    assert next(outbox.iterdir()).name in html


def test_with_smtp_there_is_nothing_to_say_about_it(smtp: MailServer, as_ann: Client) -> None:
    assert "SMTP is not set" not in page(as_ann)


def test_a_refused_mail_is_shown_and_can_be_sent_again(as_ann: Client, acme: Workspace) -> None:
    alert = raise_alert(make_budget(acme))
    deliver(PaperMailer(Refused("550 no such user")))
    assert "550 no such user" in page(as_ann)
    as_ann.post(f"/budgets/alerts/{alert.pk}/again", ACME)
    alert.refresh_from_db()
    assert alert.state == BudgetAlert.State.CLAIMED


def test_a_delayed_mail_is_shown_with_its_next_attempt(as_ann: Client, acme: Workspace) -> None:
    raise_alert(make_budget(acme))
    deliver(PaperMailer(Postponed("451 greylisted")), NOW + MINUTE)
    assert "451 greylisted Tried 1 time; next at 00:01 CET." in page(as_ann)


def test_a_viewer_reads_and_changes_nothing(client: Client, acme: Workspace, victor: User) -> None:
    client.force_login(victor)
    budget = make_budget(acme)
    html = page(client)
    assert "acme-web" in html
    assert "New budget" not in html
    assert "Pause" not in html
    for address, data in (
        ("/budgets/new", FORM),
        (f"/budgets/{budget.pk}/edit", FORM),
        (f"/budgets/{budget.pk}/switch", {"active": "0"}),
        (f"/budgets/{budget.pk}/delete", {}),
        (f"/budgets/alerts/{raise_alert(budget).pk}/again", {}),
    ):
        assert client.post(address, data).status_code == 403
    assert list(Budget.objects.values_list("active", flat=True)) == [True]


def test_another_workspace_sees_and_reaches_none_of_it(
    client: Client, acme: Workspace, greta: User
) -> None:
    client.force_login(greta)
    budget = make_budget(acme)
    alert = raise_alert(budget)
    html = page(client)
    assert "acme-web" not in html
    assert alert.message_id not in html
    for address in (
        f"/budgets/{budget.pk}/edit",
        f"/budgets/{budget.pk}/switch",
        f"/budgets/{budget.pk}/delete",
        f"/budgets/alerts/{alert.pk}/again",
    ):
        assert client.post(address, {**FORM, "workspace": "globex"}).status_code == 404
    assert Budget.objects.get().active


def test_the_page_needs_a_login(client: Client, db: None) -> None:
    assert client.get("/budgets")["Location"].startswith("/login")


def test_a_tenants_name_can_not_bring_markup(as_ann: Client, acme: Workspace) -> None:
    make_budget(acme, "<script>alert(1)</script>")
    assert "<script>alert" not in page(as_ann)
