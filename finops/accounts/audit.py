"""The audit trail: one entry for each change to what people and machines may do or pay."""

from __future__ import annotations

from finops.accounts.models import AuditEntry, User, Workspace


def record(
    workspace: Workspace, actor: User | None, action: str, target: str = "", **detail: object
) -> AuditEntry:
    """Write an entry; call it in the transaction of the change itself.

    `actor` is None for a change made by a command; `detail` is JSON and never holds a secret.
    """
    return AuditEntry.objects.create(
        workspace=workspace, actor=actor, action=action, target=target, detail=detail
    )
