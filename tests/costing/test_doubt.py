from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role
from finops.clickhouse.client import Warehouse
from finops.costing.doubt import agrees, doubt_of, doubts_open, tell_of_doubts, watch_ledger
from finops.costing.models import LedgerDoubt
from finops.costing.reconcile import reconcile
from finops.health.probes import ask_ledger
from tests.costing.calls import START, insert_calls
from tests.costing.charging import charge

pytestmark = pytest.mark.django_db

SITE = "https://ledger.example"


def look(ch: Warehouse, now: Any) -> None:
    """What the job does every ten minutes."""
    cleared = watch_ledger(ch, reconcile(ch, now=now), now=now)
    tell_of_doubts(cleared, now=now, site_url=SITE)


def disturb(ch: Warehouse, cents: int) -> None:
    ch.command(
        "INSERT INTO usage_hourly SELECT * REPLACE ("
        " cost_usd + toDecimal128({cents:Int64}, 12) / 100 AS cost_usd, version + 1 AS version)"
        " FROM usage_hourly FINAL",
        {"cents": cents},
    )


def member(name: str, workspace: Workspace, role: Role) -> None:
    set_role(User.objects.create_user(f"{name}@acme.example", None), workspace, role)


def test_a_ledger_that_differs_is_told_once_and_cleared_when_it_agrees(ch: Warehouse) -> None:
    acme, globex = create_workspace("acme", "Acme"), create_workspace("globex", "Globex")
    for name, role in (("olga", Role.OWNER), ("adam", Role.ADMIN), ("ann", Role.ANALYST)):
        member(name, acme, role)
    member("gus", globex, Role.OWNER)
    insert_calls(ch, [{"workspace_id": acme.pk, "span": "a"}])
    charge(ch)
    now = START + timedelta(hours=3)
    look(ch, now)
    assert (doubts_open(), mail.outbox, ask_ledger().state) == (0, [], "ok")

    disturb(ch, 1)
    for _ in range(3):
        look(ch, now)

    (message,) = mail.outbox
    assert message.to == ["adam@acme.example", "olga@acme.example"]
    assert message.subject == "Sums and charges disagree: Acme"
    assert "2026-11-20T10:00: 1 calls, 1 charges of 0.0035 USD" in message.body
    assert "recompute --from 2026-11-20T10:00 --to 2026-11-20T11:00" in message.body
    assert (doubt_of(acme), doubt_of(globex)) == (LedgerDoubt.objects.get(), None)
    assert (ask_ledger().state, ask_ledger().detail) == ("doubt", {"workspaces": 1})

    # Two days later nobody compares that hour any more, but the doubt does.
    later = now + timedelta(days=2)
    look(ch, later)
    assert (doubts_open(), len(mail.outbox)) == (1, 1)
    disturb(ch, -1)
    look(ch, later)
    assert (doubts_open(), ask_ledger().state) == (0, "ok")
    assert [one.subject for one in mail.outbox[1:]] == ["The ledger is in order again: Acme"]


def test_a_doubt_stays_while_more_hours_differ_than_are_named(ch: Warehouse) -> None:
    acme, globex = create_workspace("acme", "Acme"), create_workspace("globex", "Globex")
    hours = [START + timedelta(hours=n) for n in range(60)]
    many = [{"workspace_id": globex.pk, "span": f"g{n}", "started_at": at}
            for n, at in enumerate(hours)]  # fmt: skip
    insert_calls(ch, [{"workspace_id": acme.pk, "span": "a"}, *many])
    charge(ch)
    disturb(ch, 1)
    doubt = LedgerDoubt(workspace=acme, opened_at=START, start=START, end=hours[-1])
    assert not agrees(ch, doubt)


def test_a_mail_server_that_is_away_is_asked_again(
    ch: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = create_workspace("acme", "Acme\nBcc: x@y.example")
    member("olga", acme, Role.OWNER)
    LedgerDoubt.objects.create(workspace=acme, opened_at=START, start=START, end=START)

    def refuse(_: Any) -> None:
        raise OSError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", refuse)
        tell_of_doubts([], now=START, site_url=SITE)
    assert LedgerDoubt.objects.get().told_at is None
    tell_of_doubts([], now=START, site_url=SITE)
    assert [one.subject for one in mail.outbox] == [
        "Sums and charges disagree: Acme Bcc: x@y.example"
    ]
