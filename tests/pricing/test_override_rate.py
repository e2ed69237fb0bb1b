"""`manage.py override_rate`, as a script sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import AuditEntry, Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role
from finops.pricing.models import RateOverride

GPT = ("--workspace", "acme", "--provider", "openai", "--model", "gpt-4o", "--why", "contract 7")
JUNE = ("--from", "2026-06-01")
KEPT = (
    "Calls charged from now on use this; those that were charged before are repriced by the "
    "worker, closed months apart.\n"
)


@pytest.fixture(autouse=True)
def acme(db: None) -> Workspace:
    return create_workspace("acme", "Acme")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("override_rate", *arguments, stdout=out)
    return out.getvalue()


def test_prices_are_set_in_usd_per_million_and_told_back(acme: Workspace) -> None:
    ann = User.objects.create_user("ann@acme.example", None)
    set_role(ann, acme, Role.ANALYST)

    said = run(
        *GPT, *JUNE, "--to", "2026-07-01T12:00", "--input-usd-per-million", "2.00",
        "--cache-read-usd-per-million", "0.125", "--call-usd", "0.0001",
        "--who", "Ann@acme.example",
    )  # fmt: skip

    saved = RateOverride.objects.get()
    assert (saved.workspace, saved.service_tier, saved.who) == (acme, "any", ann)
    assert saved.named_prices == {
        "input": Decimal(2),
        "cache_read": Decimal("0.125"),
        "call": Decimal("0.0001"),
    }
    assert saved.valid_from == datetime(2026, 6, 1, tzinfo=UTC)
    assert saved.valid_to == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert AuditEntry.objects.get(action="rate_override.saved").actor == ann
    line = (
        f"{saved.pk}  openai/gpt-4o, tier any: input_usd_per_million 2, "
        "cache_read_usd_per_million 0.125, call_usd 0.0001; "
        "from 2026-06-01 00:00 to 2026-07-01 12:00 UTC; contract 7\n"
    )
    assert said == line + KEPT
    assert run("--workspace", "acme", "--list") == line


def test_a_discount_for_standard_processing_leaves_other_tiers_alone() -> None:
    said = run(*GPT, *JUNE, "--discount-percent", "12.5", "--service-tier", "standard")
    saved = RateOverride.objects.get()
    assert (saved.service_tier, saved.discount_percent) == ("", Decimal("12.5"))
    assert "tier standard: 12.5 % off the list; from 2026-06-01 00:00 UTC; contract 7" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workspace", "acme"), "needs --model, --from, --why"),
        (("--workspace", "nobody", "--list"), "No workspace has the slug 'nobody'"),
        ((*GPT, *JUNE), "Give prices or a discount"),
        ((*GPT, *JUNE, "--input-usd-per-million", "cheap"), "'cheap' is not a number"),
        ((*GPT, *JUNE, "--input-usd-per-million", "NaN"), "'NaN' is not a number"),
        (
            (*GPT, *JUNE, "--input-usd-per-million", "-1"),
            "per-million: .* greater than or equal to 0",
        ),
        ((*GPT, *JUNE, "--discount-percent", "101"), "--discount-percent: .*100"),
        ((*GPT, *JUNE, "--to", "2026-05-01", "--discount-percent", "1"), "--to: The end has"),
        ((*GPT, "--from", "June", "--discount-percent", "1"), "'June' is neither a date"),
        ((*GPT, *JUNE, "--discount-percent", "1", "--who", "x@y.example"), "not a member of acme"),
        (("--workspace", "acme", "--end", "1", "--on", "2026-06-01"), "no override 1"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)
    assert not RateOverride.objects.exists()


def test_two_rates_at_once_are_refused_until_the_first_is_ended() -> None:
    run(*GPT, *JUNE, "--discount-percent", "10")
    first = RateOverride.objects.get()
    better = (*GPT, "--from", "2026-08-01", "--discount-percent", "20")
    with pytest.raises(CommandError, match=f"Override {first.pk} already sets .* end it first"):
        run(*better)

    end = ("--workspace", "acme", "--end", str(first.pk))
    with pytest.raises(CommandError, match="needs --on"):
        run(*end)
    assert "to 2026-08-01 00:00 UTC" in run(*end, "--on", "2026-08-01")
    run(*better)

    assert run("--workspace", "acme", "--list").count("\n") == 2
    ended = AuditEntry.objects.get(action="rate_override.ended")
    assert (ended.target, ended.detail["valid_to"]) == (
        "openai/gpt-4o",
        "2026-08-01T00:00:00+00:00",
    )


def test_an_end_before_the_start_is_refused() -> None:
    run(*GPT, *JUNE, "--discount-percent", "10")
    number = str(RateOverride.objects.get().pk)
    with pytest.raises(CommandError, match="The end has to be after the start"):
        run("--workspace", "acme", "--end", number, "--on", "2026-06-01")
    assert RateOverride.objects.get().valid_to is None


def test_workspaces_keep_their_rates_to_themselves() -> None:
    create_workspace("globex", "Globex")
    run(*GPT, *JUNE, "--discount-percent", "10")
    number = str(RateOverride.objects.get().pk)

    assert run("--workspace", "globex", "--list") == ""
    with pytest.raises(CommandError, match="globex has no override"):
        run("--workspace", "globex", "--end", number, "--on", "2026-08-01")
    run("--workspace", "globex", *GPT[2:], *JUNE, "--discount-percent", "20")
    assert RateOverride.objects.count() == 2
