"""`manage.py override_rate`: set the price that a workspace has agreed with a provider."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.accounts.management.workspace_option import find_workspace
from finops.accounts.models import User, Workspace
from finops.pricing.agree import agree_override, end_override
from finops.pricing.errors import OverrideRefused
from finops.pricing.management.agreement_options import (
    KEPT,
    add_agreement_options,
    explain,
    find_member,
    flag_of,
    require,
    require_moment,
)
from finops.pricing.models import RateOverride, Tier
from finops.pricing.rate import SOLD
from finops.pricing.terms import (
    PRICES,
    TIERS,
    in_terms,
    override_of,
    tier_of,
    uses_of,
)

FLAGS = {"valid_from": "--from", "valid_to": "--to"}
WITHOUT = "at other prices"


def amount(text: str) -> Decimal:
    """Read a decimal number."""
    try:
        read = Decimal(text)
    except InvalidOperation:
        read = Decimal("NaN")
    if not read.is_finite():
        raise ArgumentTypeError(f"{text!r} is not a number such as 2.50")
    return read


def use_price(text: str) -> tuple[str, Decimal]:
    """Read NAME=USD."""
    name, equals, usd = text.partition("=")
    if not equals or name not in SOLD:
        raise ArgumentTypeError(f"{text!r} is not NAME=USD with one of {', '.join(SOLD)}")
    return name, amount(usd)


class Command(BaseCommand):
    help = (
        "Set a contract rate: prices or a discount that go before the list prices for one "
        "workspace and model; a discount also for every model of a provider (--model '*') or of "
        "all (--provider '*' --model '*'). --list shows what is agreed, --end with --on ends one."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_agreement_options(parser, agreed="agreed it", without=WITHOUT)
        parser.add_argument("--provider", default="", help="as calls or the price list name it")
        parser.add_argument("--model", help="as calls or the price list name it")
        parser.add_argument("--service-tier", choices=TIERS, default=Tier.ANY.value)
        for name in PRICES.values():
            parser.add_argument(flag_of(name), type=amount, metavar="USD")
        parser.add_argument("--region", default="", help="as calls name it; left out: every one")
        parser.add_argument(
            "--use",
            dest="uses_usd",
            type=use_price,
            action="append",
            metavar="NAME=USD",
            help="what one use costs, such as web_search=0.01 or audio_hour=0.36; repeatable",
        )
        parser.add_argument("--discount-percent", type=amount, help="off every list price")

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        if options["list"]:
            for override in workspace.overrides.order_by("provider", "model", "valid_from", "pk"):
                self.stdout.write(describe(override))
            return
        actor = find_member(workspace, options["who"])
        try:
            if options["end"] is not None:
                said = end(workspace, options, actor)
            else:
                said = agree(workspace, options, actor)
        except OverrideRefused as error:
            raise CommandError(explain(in_terms(error.problem), FLAGS)) from None
        self.stdout.write(f"{describe(said)}\n{KEPT}")


def agree(workspace: Workspace, options: dict[str, Any], actor: User | None) -> RateOverride:
    needed = {"model": "--model", "valid_from": "--from", "why": "--why"}
    require("contract rate", options, needed)
    terms = {**options, "uses_usd": dict(options["uses_usd"] or ())}
    return agree_override(override_of(workspace, terms), actor=actor)


def end(workspace: Workspace, options: dict[str, Any], actor: User | None) -> RateOverride:
    override = workspace.overrides.filter(pk=options["end"]).first()
    if override is None:
        raise CommandError(f"{workspace.slug} has no override {options['end']}: --list shows them.")
    return end_override(override, require_moment(options, WITHOUT), actor=actor)


def describe(override: RateOverride) -> str:
    """One line: number, model, tier, prices, time and reason."""
    prices = [
        f"{name} {getattr(override, column).normalize():f}"
        for column, name in PRICES.items()
        if getattr(override, column) is not None
    ]
    prices += [f"{name} {usd:f}" for name, usd in uses_of(override).items()]
    if override.discount_percent is not None:
        prices = [f"{override.discount_percent.normalize():f} % off the list"]
    until = f" to {override.valid_to:%Y-%m-%d %H:%M}" if override.valid_to else ""
    where = f", region {override.region}" if override.region else ""
    return (
        f"{override.pk}  {override.provider}/{override.model}, tier {tier_of(override)}{where}: "
        f"{', '.join(prices)}; from {override.valid_from:%Y-%m-%d %H:%M}{until} UTC; {override.why}"
    )
