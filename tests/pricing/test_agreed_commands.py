"""`manage.py name_deployment`, `commit_spend` and `exchange_rate`, as a script sees them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import AuditEntry, Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role
from finops.pricing.exchange import currency_of
from finops.pricing.models import Deployment, ExchangeRate, SpendCommitment

ACME = ("--workspace", "acme")
CHAT = (*ACME, "--provider", "azure.ai.openai", "--name", "Prod-Chat", "--why", "portal")
MINI = ("--model", "gpt-4o-mini", "--from", "2026-06-01")
PPA = (*ACME, "--provider", "aws.bedrock", "--usd", "120000", "--why", "PPA 7")
YEAR = ("--from", "2026-01-01", "--to", "2027-01-01")
EURO = (*ACME, "--currency", "eur", "--day", "2026-11-20", "--why", "ECB")


@pytest.fixture(autouse=True)
def acme(db: None) -> Workspace:
    return create_workspace("acme", "Acme")


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_a_deployment_is_named_listed_ended_and_audited(acme: Workspace) -> None:
    ann = User.objects.create_user("ann@acme.example", None)
    set_role(ann, acme, Role.ANALYST)

    run("name_deployment", *CHAT, *MINI, "--who", "ann@acme.example")
    saved = Deployment.objects.get(workspace=acme)
    assert (saved.provider, saved.name, saved.who) == ("azure", "prod-chat", ann)
    run("name_deployment", *ACME, "--end", str(saved.pk), "--on", "2026-07-01")
    run("name_deployment", *CHAT, "--model", "gpt-4o", "--from", "2026-07-01")

    assert run("name_deployment", *ACME, "--list") == (
        f"{saved.pk}  azure/prod-chat is azure/gpt-4o-mini from 2026-06-01 00:00 to "
        "2026-07-01 00:00 UTC; portal\n"
        f"{saved.pk + 1}  azure/prod-chat is azure/gpt-4o from 2026-07-01 00:00 UTC; portal\n"
    )
    entries = AuditEntry.objects.filter(action__startswith="deployment").order_by("pk")
    assert [entry.action for entry in entries] == [
        "deployment.saved",
        "deployment.ended",
        "deployment.saved",
    ]
    assert (entries[0].actor, entries[0].detail["model"]) == (ann, "azure/gpt-4o-mini")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (CHAT, "needs --model, --from"),
        ((*CHAT, *MINI, "--to", "2026-05-01"), "end has to be after"),
        ((*CHAT, "--model", " ", "--from", "2026-06-01"), "cannot be blank"),
        ((*ACME, "--end", "1", "--on", "2026-06-01"), "no deployment 1"),
        (
            (*ACME, "--provider", "openai", "--name", "gpt-4o", *MINI, "--why", "x"),
            "price list itself has gpt-4o",
        ),
    ],
)
def test_a_wrong_deployment_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("name_deployment", *arguments)
    assert not Deployment.objects.exists()


def test_two_models_never_stand_behind_one_name_at_once() -> None:
    run("name_deployment", *CHAT, *MINI)
    with pytest.raises(CommandError, match="already says that this is gpt-4o-mini"):
        run("name_deployment", *CHAT, "--model", "gpt-4o", "--from", "2026-08-01")
    assert Deployment.objects.count() == 1


def test_a_commitment_is_promised_listed_and_ended(acme: Workspace) -> None:
    run("commit_spend", *PPA, *YEAR, "--discount-percent", "12.5", "--on-contract-rates")

    saved = SpendCommitment.objects.get(workspace=acme)
    assert (saved.provider, saved.committed_usd) == ("aws", Decimal(120_000))
    assert run("commit_spend", *ACME, "--list") == (
        f"{saved.pk}  aws: $120,000.00 from 2026-01-01 00:00 to 2027-01-01 00:00 UTC, "
        "12.5 % off, also off contract rates; PPA 7\n"
    )
    with pytest.raises(CommandError, match="already runs"):
        run("commit_spend", *PPA, "--from", "2026-06-01", "--to", "2028-01-01")
    run("commit_spend", *ACME, "--end", str(saved.pk), "--on", "2026-06-01")
    run("commit_spend", *PPA, "--from", "2026-06-01", "--to", "2028-01-01")
    ended = AuditEntry.objects.get(action="commitment.ended")
    assert ended.detail["before"] == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (PPA, "needs --from, --to"),
        ((*PPA, "--from", "2027-01-01", "--to", "2026-01-01"), "end has to be after"),
        ((*PPA, *YEAR, "--discount-percent", "101"), "--discount-percent: .* equal to 100"),
        ((*PPA, "--from", "2026-01-01", "--to", "2046-01-01"), "at most 10 years"),
        ((*ACME, "--end", "1", "--on", "2026-06-01"), "no commitment 1"),
    ],
)
def test_a_wrong_commitment_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("commit_spend", *arguments)
    assert not SpendCommitment.objects.exists()


def test_an_exchange_rate_is_entered_corrected_listed_and_taken_back(acme: Workspace) -> None:
    run("exchange_rate", *EURO, "--per-usd", "0.93")
    run("exchange_rate", *EURO, "--per-usd", "0.92")
    assert run("exchange_rate", *ACME, "--show", "eur") == "pages show EUR\n"

    rate = ExchangeRate.objects.get(workspace=acme)
    assert (rate.day, rate.per_usd) == (date(2026, 11, 20), Decimal("0.92"))
    line = f"{rate.pk}  1 USD = 0.92 EUR from 2026-11-20; ECB"
    assert run("exchange_rate", *ACME, "--list") == f"pages show EUR\n{line}\n"
    corrected = AuditEntry.objects.filter(action="exchange_rate.saved").order_by("pk")
    assert [entry.detail["before"] for entry in corrected] == ["", "0.9300000000"]
    assert run("exchange_rate", *ACME, "--remove", str(rate.pk)) == f"{line} (removed)\n"
    assert currency_of(acme) == "EUR"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (EURO, "needs --per-usd"),
        ((*EURO, "--per-usd", "0"), "greater than or equal to"),
        ((*EURO, "--per-usd", "much"), "not a number"),
        ((*ACME, "--day", "soon"), "not a date"),
        ((*ACME, "--show", "euro"), "three letters"),
        ((*ACME, "--remove", "7"), "no exchange rate 7"),
        (
            (*ACME, "--currency", "USD", "--day", "2026-11-20", "--per-usd", "1", "--why", "x"),
            "needs no exchange rate",
        ),
    ],
)
def test_a_wrong_exchange_rate_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("exchange_rate", *arguments)
    assert not ExchangeRate.objects.exists()


def test_a_wide_discount_and_a_price_by_use_are_agreed_by_command(acme: Workspace) -> None:
    given = (*ACME, "--from", "2026-06-01", "--why", "contract 7")
    run("override_rate", *given, "--provider", "openai", "--model", "*", "--discount-percent", "5")
    run("override_rate", *given, "--model", "whisper-1", "--use", "audio_hour=0.18",
        "--region", "EU-west-1")  # fmt: skip

    said = run("override_rate", *ACME, "--list")
    assert "openai/*, tier any: 5 % off the list" in said
    assert "/whisper-1, tier any, region eu-west-1: audio_hour 0.18;" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "*", "--provider", "openai", "--input-usd-per-million", "1"), "one model"),
        (("--model", "gpt-4o", "--provider", "*", "--discount-percent", "1"), "every model"),
        (("--model", "gpt-4o", "--use", "coffee=1"), "is not NAME=USD"),
        (("--model", "gpt-4o", "--use", "page=-1"), "a number from 0"),
    ],
)
def test_a_wrong_wide_contract_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("override_rate", *ACME, "--from", "2026-06-01", "--why", "x", *arguments)


def test_the_end_of_the_earth_is_no_problem() -> None:
    late = datetime(9999, 1, 1, tzinfo=UTC)
    run("name_deployment", *CHAT, "--model", "gpt-4o", "--from", late.date().isoformat())
    assert Deployment.objects.get().valid_from == late
