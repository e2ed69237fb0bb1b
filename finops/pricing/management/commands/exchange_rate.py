"""`manage.py exchange_rate`: what a dollar was worth on a day, and what the pages show."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import User, Workspace
from finops.pricing.errors import TermsRefused
from finops.pricing.exchange import (
    choose_currency,
    currency_of,
    remove_exchange_rate,
    set_exchange_rate,
)
from finops.pricing.management.agreement_options import find_member
from finops.pricing.management.commands.override_rate import amount
from finops.pricing.models import ExchangeRate


def day(text: str) -> date:
    """Read a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-11-21") from None


class Command(BaseCommand):
    help = (
        "Enter a dated exchange rate (1 USD = so much), which holds until the next one, or choose "
        "the currency that the pages show with --show. The ledger itself stays in USD."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_workspace_option(parser)
        parser.add_argument("--currency", help="ISO 4217, such as EUR")
        parser.add_argument("--day", type=day, help="from the first instant of this day in UTC")
        parser.add_argument("--per-usd", type=amount, help="what 1 USD is worth")
        parser.add_argument("--why", help="where the rate comes from")
        parser.add_argument("--who", metavar="EMAIL", help="the member who enters it")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--list", action="store_true", help="show the rates")
        other.add_argument("--remove", type=int, metavar="ID", help="take this one back")
        other.add_argument("--show", metavar="CURRENCY", help="what the pages show money in")

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        actor = find_member(workspace, options["who"])
        try:
            lines = act(workspace, options, actor)
        except TermsRefused as error:
            raise CommandError(str(error)) from None
        for line in lines:
            self.stdout.write(line)


def act(workspace: Workspace, options: dict[str, Any], actor: User | None) -> list[str]:
    if options["list"]:
        held = workspace.exchange_rates.order_by("currency", "day")
        return [f"pages show {currency_of(workspace)}", *map(describe, held)]
    if options["show"] is not None:
        chosen = choose_currency(workspace, options["show"], actor=actor)
        return [f"pages show {chosen.currency}"]
    if options["remove"] is not None:
        return [remove(workspace, options["remove"], actor)]
    return [describe(enter(workspace, options, actor))]


def enter(workspace: Workspace, options: dict[str, Any], actor: User | None) -> ExchangeRate:
    needed = ("currency", "day", "per_usd", "why")
    missing = [f"--{name.replace('_', '-')}" for name in needed if options[name] is None]
    if missing:
        raise CommandError(f"An exchange rate also needs {', '.join(missing)}.")
    return set_exchange_rate(workspace, *(options[name] for name in needed), actor=actor)


def remove(workspace: Workspace, number: int, actor: User | None) -> str:
    found = workspace.exchange_rates.filter(pk=number).first()
    if found is None:
        raise CommandError(f"{workspace.slug} has no exchange rate {number}: --list shows them.")
    line = describe(found)
    remove_exchange_rate(found, actor=actor)
    return f"{line} (removed)"


def describe(rate: ExchangeRate) -> str:
    return f"{rate.pk}  {rate}; {rate.why}"
