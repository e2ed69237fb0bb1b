"""--workspace, as every command that works in one workspace takes it."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import CommandError

from finops.accounts.models import Workspace


def add_workspace_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workspace", required=True, metavar="SLUG", help="the workspace, by its slug"
    )


def find_workspace(slug: str) -> Workspace:
    """Return the workspace; raises CommandError that lists the slugs that there are."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        slugs = ", ".join(Workspace.objects.order_by("slug").values_list("slug", flat=True))
        there = f"there are: {slugs}." if slugs else "there is none yet: run create_workspace."
        raise CommandError(f"No workspace has the slug {slug!r}; {there}")
    return workspace


def the_workspace(slug: str | None) -> Workspace:
    """Return the workspace named or, without a name, the only one; raises CommandError else."""
    if slug is not None:
        return find_workspace(slug)
    found = list(Workspace.objects.order_by("slug")[:2])
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError("There is no workspace yet: run create_workspace.")
    raise CommandError("There are several workspaces: say which with --workspace SLUG.")
