"""`manage.py name_deployment`: say which model runs behind a name of the workspace's own."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.accounts.management.workspace_option import find_workspace
from finops.accounts.models import User, Workspace
from finops.pricing.errors import TermsRefused
from finops.pricing.management.agreement_options import (
    KEPT,
    add_agreement_options,
    find_member,
    require,
    require_moment,
)
from finops.pricing.models import Deployment
from finops.pricing.name_deployment import end_deployment, name_deployment

WITHOUT = "that it is another"


class Command(BaseCommand):
    help = (
        "Say which model a deployment is, so that its calls have a price: Azure deployments, "
        "Bedrock application profiles, names that a gateway makes up."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_agreement_options(parser, agreed="says so", without=WITHOUT)
        parser.add_argument("--provider", default="", help="as calls name it")
        parser.add_argument("--name", help="the deployment, as calls name their model")
        parser.add_argument("--model", help="what is billed, as the price list names it")
        parser.add_argument(
            "--model-provider", default="", help="whose model it is; left out: the same provider's"
        )

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        if options["list"]:
            for each in workspace.deployments.order_by("provider", "name", "valid_from", "pk"):
                self.stdout.write(describe(each))
            return
        actor = find_member(workspace, options["who"])
        try:
            change = end if options["end"] is not None else name
            said = change(workspace, options, actor)
        except TermsRefused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{describe(said)}\n{KEPT}")


def name(workspace: Workspace, options: dict[str, Any], actor: User | None) -> Deployment:
    needed = {"name": "--name", "model": "--model", "valid_from": "--from", "why": "--why"}
    require("deployment", options, needed)
    columns = ("provider", "name", "model", "model_provider", "valid_from", "valid_to", "why")
    return name_deployment(
        Deployment(workspace=workspace, **{column: options[column] for column in columns}),
        actor=actor,
    )


def end(workspace: Workspace, options: dict[str, Any], actor: User | None) -> Deployment:
    found = workspace.deployments.filter(pk=options["end"]).first()
    if found is None:
        raise CommandError(
            f"{workspace.slug} has no deployment {options['end']}: --list shows them."
        )
    return end_deployment(found, require_moment(options, WITHOUT), actor=actor)


def describe(deployment: Deployment) -> str:
    """One line: number, name, model, time and reason."""
    until = f" to {deployment.valid_to:%Y-%m-%d %H:%M}" if deployment.valid_to else ""
    provider = deployment.model_provider or deployment.provider
    return (
        f"{deployment.pk}  {deployment.provider}/{deployment.name} is "
        f"{provider}/{deployment.model} from {deployment.valid_from:%Y-%m-%d %H:%M}{until} UTC; "
        f"{deployment.why}"
    )
