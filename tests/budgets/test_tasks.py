"""The task of the minute, from the ledger to the mail server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
import time_machine

from finops.accounts.models import Workspace
from finops.budgets.models import BudgetAlert
from finops.budgets.tasks import evaluate_budgets
from finops.celery import app
from finops.clickhouse.client import Warehouse
from finops.config import load_config
from tests.budgets.mail_server import MailServer
from tests.budgets.scenes import NOW, make_budget
from tests.queries.rows import Charge, ledger_of

State = BudgetAlert.State


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def spend(ch: Warehouse, workspace: Workspace, usd: str) -> None:
    yesterday = NOW - timedelta(days=1)
    ledger_of(ch, Charge(yesterday, Decimal(usd), tenant="acme-web", workspace_id=workspace.pk))


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_budget_that_is_exceeded_leads_to_one_mail_and_to_none_a_minute_later(
    configured_ch: Warehouse, smtp: MailServer, acme: Workspace, time: time_machine.Traveller
) -> None:
    make_budget(acme)
    spend(configured_ch, acme, "1042.50")
    for _ in range(3):
        evaluate_budgets()
        time.shift(60)
    (message,) = smtp.messages
    assert str(message["Subject"]).strip() == (
        "Budget exceeded: acme-web spent $1,042.50 of $1,000.00 in November 2026"
    )
    assert smtp.accepted[0].rcpt_tos == ["ann@acme.example", "bob@acme.example"]
    for kind, ampersand in (("plain", "&"), ("html", "&amp;")):
        text = body(message, kind)
        assert "$1,042.50" in text
        assert "2.08x" in text  # 1.0425 of the money in half of the month
        link = "/?workspace=acme&from=2026-11-01&to=2026-11-30&tenant=acme-web"
        assert load_config().site_url + link.replace("&", ampersand) in text
    states = dict(BudgetAlert.objects.values_list("threshold", "state"))
    assert states == {80: State.SUPERSEDED, 100: State.SENT}


def test_eighty_percent_and_later_all_of_it_are_two_mails(
    configured_ch: Warehouse, smtp: MailServer, acme: Workspace, time: time_machine.Traveller
) -> None:
    make_budget(acme)
    spend(configured_ch, acme, "800")
    evaluate_budgets()
    spend(configured_ch, acme, "300")
    time.shift(60)
    evaluate_budgets()
    subjects = [str(m["Subject"]).strip().partition(":")[0] for m in smtp.messages]
    assert subjects == ["Budget at 80 %", "Budget exceeded"]


def test_without_smtp_the_mail_is_in_the_outbox(
    configured_ch: Warehouse, outbox: Path, acme: Workspace, time: time_machine.Traveller
) -> None:
    make_budget(acme)
    spend(configured_ch, acme, "850")
    for _ in range(2):
        evaluate_budgets()
        time.shift(60)
    (path,) = outbox.glob("*")
    message = message_from_bytes(path.read_bytes(), policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert "$850.00" in body(message, "plain")
    assert BudgetAlert.objects.get().state == State.OUTBOX


def test_a_mail_server_that_is_down_delays_the_mail(
    configured_ch: Warehouse, smtp: MailServer, acme: Workspace, time: time_machine.Traveller
) -> None:
    make_budget(acme)
    spend(configured_ch, acme, "850")
    smtp.answer = "421 shutting down"
    evaluate_budgets()
    assert "421 shutting down" in BudgetAlert.objects.get().error
    smtp.answer = "250 OK"
    time.shift(60)
    evaluate_budgets()
    assert len(smtp.messages) == 1


def test_with_clickhouse_away_what_was_raised_is_sent_all_the_same(
    configured_ch: Warehouse,
    smtp: MailServer,
    acme: Workspace,
    time: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_budget(acme)
    spend(configured_ch, acme, "850")
    smtp.answer = "451 later"
    evaluate_budgets()
    smtp.answer = "250 OK"
    monkeypatch.setenv("FINOPS_CLICKHOUSE_URL", "clickhouse://finops:x@127.0.0.1:1/finops")
    load_config.cache_clear()
    time.shift(60)
    evaluate_budgets()
    assert len(smtp.messages) == 1


def test_the_schedule_names_the_task() -> None:
    entry = app.conf.beat_schedule["evaluate-budgets"]
    assert entry["task"] == evaluate_budgets.name
