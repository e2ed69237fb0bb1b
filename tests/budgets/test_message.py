from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from finops.accounts.models import Workspace
from finops.budgets.message import write_message
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.snapshot import ModelSpend
from tests.budgets.scenes import MINUTE, NOVEMBER, NOW, SENDER, SITE, snapshot

LINK = f"{SITE}/?workspace=acme&from=2026-11-01&to=2026-11-30&tenant=acme-web"


def alert_of(tenant: str = "acme-web", spend: str = "840", threshold: int = 80) -> BudgetAlert:
    known = snapshot(spend, unpriced=3)
    budget = Budget(
        pk=7,
        workspace=Workspace(slug="acme", name="Acme", timezone="Europe/Berlin"),
        tenant=tenant,
        amount_usd=Decimal(1000),
        recipients=["ann@acme.example", "bob@acme.example"],
    )
    return BudgetAlert(
        budget=budget,
        period_start=NOVEMBER.first_day,
        threshold=threshold,
        amount_usd=Decimal(1000),
        snapshot=known.to_json(),
        message_id="<budget-7.2026-11.80.1@example.com>",
        claimed_at=NOW,
        retry_at=NOW,
    )


def parse(alert: BudgetAlert) -> EmailMessage:
    """Return the e-mail as it arrives: written out as bytes and read again."""
    written = write_message(alert, sender=SENDER, site_url=SITE, now=NOW).as_bytes()
    message = message_from_bytes(written, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_subject_and_headers() -> None:
    message = parse(alert_of())
    assert message["Subject"] == (
        "Budget at 80 %: acme-web spent $840.00 of $1,000.00 in November 2026"
    )
    assert message["From"] == SENDER
    assert message["To"] == "ann@acme.example, bob@acme.example"
    assert message["Message-ID"] == "<budget-7.2026-11.80.1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_both_parts_say_amount_pace_month_end_and_what_is_missing(kind: str) -> None:
    text = " ".join(text_of(parse(alert_of()), kind).split())
    # 840 of 1000 in half the month: pace 0.84 ÷ 0.5 = 1.68, month's end 840 ÷ 0.5 = 1680
    for fact in (
        "84.0 %",
        "$840.00",
        "$1,000.00",
        "$160.00",
        "50.0 %",
        "1.68x",
        "$1,680.00 by the end of the month, $680.00 over",
        "3 calls of this month have no known price",
        "16 Nov 2026, 00:00 CET",
        "15 Nov 2026, 23:59 CET",
    ):
        assert fact in text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_models_are_listed_with_what_the_others_cost(kind: str) -> None:
    text = text_of(parse(alert_of()), kind)
    for fact in ("gpt-4o", "$630.00", "75.0 %", "other models", "$210.00", "25.0 %"):
        assert fact in text


def test_links_lead_to_the_filtered_page_and_to_the_budget() -> None:
    message = parse(alert_of())
    assert LINK in text_of(message, "plain")
    assert LINK.replace("&", "&amp;") in text_of(message, "html")
    assert f"{SITE}/budgets?workspace=acme#budget-7" in text_of(message, "plain")


def test_a_budget_of_the_whole_workspace_links_to_all_tenants() -> None:
    message = parse(alert_of(tenant=""))
    assert "acme&from=2026-11-01&to=2026-11-30\n" in text_of(message, "plain").replace("\r", "")
    assert str(message["Subject"]).startswith("Budget at 80 %: Acme spent")


def test_beyond_the_amount_it_says_how_far() -> None:
    message = parse(alert_of(spend="1042.5", threshold=100))
    assert str(message["Subject"]).strip().startswith("Budget exceeded: acme-web spent $1,042.50")
    assert "Over budget    $42.50" in text_of(message, "plain")


def test_names_from_outside_can_neither_forge_headers_nor_markup() -> None:
    alert = alert_of(tenant="a\r\nBcc: all@x.example <b>&")
    known = replace(snapshot(), models=(ModelSpend("<script>\nx", Decimal(1)),))
    alert.snapshot = known.to_json()
    message = parse(alert)
    assert message["Bcc"] is None
    assert "a Bcc: all@x.example <b>&" in str(message["Subject"])
    html = text_of(message, "html")
    assert "<script>" not in html
    assert "<b>&" not in html
    assert "&lt;script&gt; x" in html


def test_html_carries_its_style_inline_and_loads_nothing() -> None:
    html = text_of(parse(alert_of()), "html")
    assert 'style="' in html
    assert "prefers-color-scheme: dark" in html
    assert "src=" not in html
    assert "@import" not in html
    assert "url(" not in html


def test_a_later_attempt_has_the_same_id_and_words() -> None:
    alert = alert_of()
    first = write_message(alert, sender=SENDER, site_url=SITE, now=NOW)
    later = write_message(alert, sender=SENDER, site_url=SITE, now=NOW + 30 * MINUTE)
    assert first["Message-ID"] == later["Message-ID"]
    for kind in ("plain", "html"):
        assert text_of(first, kind) == text_of(later, kind)


def test_lines_are_short_ascii_as_mail_servers_want_them() -> None:
    written = write_message(alert_of("Ünïcode"), sender=SENDER, site_url=SITE, now=NOW).as_bytes()
    assert written.isascii()
    assert max(map(len, written.splitlines())) <= 78
