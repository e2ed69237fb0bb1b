"""`manage.py commit_spend`: promise spend to a provider, for a discount while the term runs."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.accounts.management.workspace_option import find_workspace
from finops.accounts.models import User, Workspace
from finops.pricing.commit_spend import commit_spend, end_commitment
from finops.pricing.errors import TermsRefused
from finops.pricing.management.agreement_options import (
    KEPT,
    add_agreement_options,
    explain,
    find_member,
    require,
    require_moment,
)
from finops.pricing.management.commands.override_rate import amount
from finops.pricing.models import SpendCommitment

FLAGS = {"committed_usd": "--usd", "valid_from": "--from", "valid_to": "--to"}
WITHOUT = "without it"


class Command(BaseCommand):
    help = (
        "Take a spend commitment in: so many USD to a provider ('*': to all) in a term, and the "
        "discount that every call of the term gets. How far it is drawn down is at "
        "/api/v1/spend-commitments."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_agreement_options(parser, agreed="agreed it", without=WITHOUT)
        parser.add_argument("--provider", help="as calls or the price list name it, or '*'")
        parser.add_argument("--usd", type=amount, help="what is promised for the whole term")
        parser.add_argument("--discount-percent", type=amount, default=Decimal(0))
        parser.add_argument(
            "--on-contract-rates",
            action="store_true",
            help="the discount also comes off contract rates and other discounts",
        )

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        if options["list"]:
            for each in workspace.commitments.order_by("provider", "valid_from", "pk"):
                self.stdout.write(describe(each))
            return
        actor = find_member(workspace, options["who"])
        try:
            if options["end"] is not None:
                said = end(workspace, options, actor)
            else:
                said = promise(workspace, options, actor)
        except TermsRefused as error:
            raise CommandError(explain(error.problem, FLAGS)) from None
        self.stdout.write(f"{describe(said)}\n{KEPT}")


def promise(workspace: Workspace, options: dict[str, Any], actor: User | None) -> SpendCommitment:
    needed = {
        "provider": "--provider",
        "usd": "--usd",
        "valid_from": "--from",
        "valid_to": "--to",
        "why": "--why",
    }
    require("commitment", options, needed)
    columns = ("provider", "discount_percent", "on_contract_rates", "valid_from", "valid_to", "why")
    commitment = SpendCommitment(
        workspace=workspace,
        committed_usd=options["usd"],
        **{column: options[column] for column in columns},
    )
    return commit_spend(commitment, actor=actor)


def end(workspace: Workspace, options: dict[str, Any], actor: User | None) -> SpendCommitment:
    found = workspace.commitments.filter(pk=options["end"]).first()
    if found is None:
        raise CommandError(
            f"{workspace.slug} has no commitment {options['end']}: --list shows them."
        )
    return end_commitment(found, require_moment(options, WITHOUT), actor=actor)


def describe(commitment: SpendCommitment) -> str:
    """One line: number, provider, amount, discount, term and reason."""
    top = ", also off contract rates" if commitment.on_contract_rates else ""
    return (
        f"{commitment.pk}  {commitment.provider}: ${commitment.committed_usd:,.2f} from "
        f"{commitment.valid_from:%Y-%m-%d %H:%M} to {commitment.valid_to:%Y-%m-%d %H:%M} UTC, "
        f"{commitment.discount_percent.normalize():f} % off{top}; {commitment.why}"
    )
