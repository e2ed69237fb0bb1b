"""Workspaces and their members: how each comes to be, with its entry in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import Membership, Role, User, Workspace


def create_workspace(
    slug: str, name: str, *, timezone: str = "UTC", actor: User | None = None
) -> Workspace:
    """Make a workspace; raises django's ValidationError when the slug is taken or a value wrong."""
    workspace = Workspace(slug=slug, name=name, timezone=timezone)
    workspace.full_clean()
    with transaction.atomic():
        workspace.save()
        record(workspace, actor, "workspace.created", slug, name=name)
    return workspace


def set_ingest_limits(
    workspace: Workspace, limits: Mapping[str, int], *, actor: User | None = None
) -> None:
    """Give a workspace limits of its own for what it sends; those not named are the collector's.

    Raises django's ValidationError when a name is unknown or a limit no whole number.
    """
    before = workspace.ingest_limits
    workspace.ingest_limits = dict(limits)
    workspace.full_clean()
    with transaction.atomic():
        workspace.save(update_fields=["ingest_limits"])
        if before != workspace.ingest_limits:
            record(
                workspace,
                actor,
                "workspace.ingest_limits_set",
                workspace.slug,
                limits=workspace.ingest_limits,
                before=before,
            )


def set_role(
    user: User, workspace: Workspace, role: Role, *, actor: User | None = None
) -> Membership:
    """Make a user a member with this role, or change the role; the same role changes nothing."""
    with transaction.atomic():
        membership, created = Membership.objects.get_or_create(
            user=user, workspace=workspace, defaults={"role": role}
        )
        before = None if created else membership.role
        if before != role:
            membership.role = role
            membership.save(update_fields=["role"])
            record(workspace, actor, "member.role_set", user.email, role=str(role), before=before)
    return membership
