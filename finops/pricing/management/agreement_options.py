"""What every command has that takes in an agreement: its term, who says so and why, its end."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import CommandError

from finops.accounts.management.workspace_option import add_workspace_option
from finops.accounts.models import User, Workspace
from finops.management.moment import moment

KEPT = (
    "Calls charged from now on use this; those that were charged before are repriced by the "
    "worker, closed months apart."
)


def add_agreement_options(parser: ArgumentParser, *, agreed: str, without: str) -> None:
    """Add --workspace, --from, --to, --why, --who, --list, --end and --on.

    `agreed` ends "the member who ..."; `without` ends "the first moment ...".
    """
    add_workspace_option(parser)
    parser.add_argument("--from", dest="valid_from", type=moment, help="UTC")
    parser.add_argument("--to", dest="valid_to", type=moment, help="UTC, exclusive")
    parser.add_argument("--why", help="for the audit trail, such as the contract's number")
    parser.add_argument("--who", metavar="EMAIL", help=f"the member who {agreed}")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--list", action="store_true", help="show what there is")
    other.add_argument("--end", type=int, metavar="ID", help="end this one --on a date")
    parser.add_argument("--on", type=moment, help=f"UTC, the first moment {without}")


def require(what: str, options: Mapping[str, Any], needed: Mapping[str, str]) -> None:
    """Raise CommandError that names the options, by their destination, which were not given."""
    missing = [flag for option, flag in needed.items() if options[option] is None]
    if missing:
        raise CommandError(f"A {what} also needs {', '.join(missing)}.")


def require_moment(options: Mapping[str, Any], without: str) -> datetime:
    """When an agreement ends; raises CommandError where --on was left out."""
    on = options["on"]
    if not isinstance(on, datetime):
        raise CommandError(f"--end needs --on: the first moment {without}.")
    return on


def find_member(workspace: Workspace, email: str | None) -> User | None:
    """The member of that address; raises CommandError for somebody else."""
    if email is None:
        return None
    found = User.objects.filter(memberships__workspace=workspace, email=email.lower()).first()
    if found is None:
        raise CommandError(f"{email} is not a member of {workspace.slug}.")
    return found


def explain(problem: ValidationError, flags: Mapping[str, str]) -> str:
    """What is wrong, by option; `flags` names those that aren't called as their field is."""
    if not hasattr(problem, "error_dict"):
        return " ".join(problem.messages)
    return " ".join(
        line if field == NON_FIELD_ERRORS else f"{flags.get(field) or flag_of(field)}: {line}"
        for field, lines in problem.message_dict.items()
        for line in lines
    )


def flag_of(field: str) -> str:
    """The option that is called as a field is."""
    return f"--{field.replace('_', '-')}"
