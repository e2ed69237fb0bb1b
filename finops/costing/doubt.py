"""An alert where sums, charges and calls disagree: told once, to those who run the workspace.

Reconciling looks at the last day. What was found there stays in doubt until its own hours have been
compared again and agree, however long ago they are.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.mail import EmailMessage

from finops.accounts.models import Role, User, Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.models import LedgerDoubt, ReconcileRun
from finops.costing.reconcile import COMPARE, Mismatch

HOUR = timedelta(hours=1)
SHOWN = 10

log = structlog.get_logger(__name__)


def watch_ledger(ch: Warehouse, run: ReconcileRun, *, now: datetime) -> list[LedgerDoubt]:
    """Open doubts for what a comparison found, and clear those whose hours agree: returned.

    The caller holds the charge job's lease, so nothing moves while hours are compared again.
    """
    found = by_workspace(run.mismatches)
    for workspace in Workspace.objects.filter(pk__in=found):
        raise_doubt(workspace, found[workspace.pk], now)
    open_doubts = LedgerDoubt.objects.filter(cleared_at=None).select_related("workspace")
    cleared = [one for one in open_doubts if one.workspace.pk not in found and agrees(ch, one)]
    LedgerDoubt.objects.filter(pk__in=[one.pk for one in cleared]).update(cleared_at=now)
    return cleared


def tell_of_doubts(cleared: list[LedgerDoubt], *, now: datetime, site_url: str) -> None:
    """Send the alerts that nobody was sent yet, and the all-clear to who got one."""
    for doubt in cleared:
        log.info("ledger_in_order", workspace=doubt.workspace.slug)
        if doubt.told_at is not None:
            send(doubt, "The ledger is in order again", ORDER_BODY, site_url)
    for doubt in LedgerDoubt.objects.filter(cleared_at=None, told_at=None):
        tell(doubt, now, site_url)


def by_workspace(mismatches: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for mismatch in mismatches:
        found[mismatch["workspace_id"]].append(mismatch)
    return found


def raise_doubt(workspace: Workspace, found: list[dict[str, Any]], now: datetime) -> None:
    """Open a doubt, or let the one that is open cover the new hours, too."""
    hours = [datetime.fromisoformat(mismatch["hour"]) for mismatch in found]
    start, end = min(hours), max(hours) + HOUR
    doubt, new = LedgerDoubt.objects.get_or_create(
        workspace=workspace,
        cleared_at=None,
        defaults={"opened_at": now, "start": start, "end": end, "mismatches": found},
    )
    if new:
        log.error("ledger_in_doubt", workspace=workspace.slug, hours=len(hours))
        return
    doubt.start, doubt.end = min(doubt.start, start), max(doubt.end, end)
    doubt.mismatches = found
    doubt.save(update_fields=["start", "end", "mismatches"])


def agrees(ch: Warehouse, doubt: LedgerDoubt) -> bool:
    """Compare the hours of a doubt again."""
    (row,) = ch.query(COMPARE, {"start": doubt.start, "end": doubt.end})
    left = [Mismatch(*values) for values in row["found"]]
    if row["different"] > len(left):
        return False  # not all are named, so this workspace's may be among the others
    return not any(mismatch.workspace_id == doubt.workspace.pk for mismatch in left)


def tell(doubt: LedgerDoubt, now: datetime, site_url: str) -> None:
    """Send the alert once; a mail server that can't be reached is asked again next time."""
    if not LedgerDoubt.objects.filter(pk=doubt.pk, told_at=None).update(told_at=now):
        return
    if not send(doubt, "Sums and charges disagree", DOUBT_BODY, site_url):
        LedgerDoubt.objects.filter(pk=doubt.pk).update(told_at=None)


DOUBT_BODY = """\
The hourly sums of {workspace} don't equal its charges, found at {opened} UTC:

{hours}

What pages and reports say of these hours may be wrong until it is put right:

    manage.py recompute --from {start} --to {end} --workspace {slug}

You get one message for this, and one when the hours agree again.
{url}
"""
ORDER_BODY = """\
The hourly sums of {workspace} equal its charges again, from {start} to {end} UTC.
{url}
"""


def send(doubt: LedgerDoubt, subject: str, body: str, site_url: str) -> bool:
    """Write to the owners and admins; False where it could not be sent."""
    workspace = doubt.workspace
    people = User.objects.filter(
        is_active=True,
        memberships__workspace=workspace,
        memberships__role__in=(Role.OWNER, Role.ADMIN),
    )
    recipients = sorted(people.values_list("email", flat=True))
    if not recipients:
        return True
    name = " ".join(workspace.name.split())
    text = body.format(
        workspace=name,
        slug=workspace.slug,
        opened=f"{doubt.opened_at:%Y-%m-%d %H:%M}",
        start=f"{doubt.start:%Y-%m-%dT%H:%M}",
        end=f"{doubt.end:%Y-%m-%dT%H:%M}",
        hours="\n".join(describe(mismatch) for mismatch in doubt.mismatches[:SHOWN]),
        url=f"{site_url}/rates/repricings?workspace={workspace.slug}",
    )
    message = EmailMessage(f"{subject}: {name}", text, to=recipients)
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    try:
        message.send()
    except OSError as error:
        log.warning("ledger_mail_failed", error=str(error))
        return False
    return True


def describe(mismatch: dict[str, Any]) -> str:
    return (
        f"  {mismatch['hour'][:16]}: {mismatch['calls']} calls, {mismatch['charges']} charges of "
        f"{mismatch['charges_usd']} USD; summed up as {mismatch['rollup_calls']} calls, "
        f"{mismatch['rollup_usd']} USD"
    )


def doubt_of(workspace: Workspace) -> LedgerDoubt | None:
    """Return what pages of a workspace warn of; None while its ledger is in order."""
    return LedgerDoubt.objects.filter(workspace=workspace, cleared_at=None).first()


def doubts_open() -> int:
    """Count the workspaces whose ledgers are in doubt, for /healthz."""
    return LedgerDoubt.objects.filter(cleared_at=None).count()
