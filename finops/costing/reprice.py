"""Repricing: charges of a range written anew by the rates of now, with an audit of the difference.

    waiting -> which months are closed? -> where do rates differ? -> portions -> audit entry

Each portion runs under the charge job's lease, which is given back in between so that new calls are
not kept waiting. What a portion cost is written down before it is touched: a run that was cut off
goes on where it stopped, and the difference that it reports is still that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction

from finops.accounts.audit import record
from finops.clickhouse.client import Warehouse
from finops.costing.closing import TenantMonth, totals
from finops.costing.lease import Lease, renew_lease
from finops.costing.reprice_hours import reprice_hours
from finops.costing.repricing import Repricing
from finops.costing.repricing_plan import STEP_CHARGES, cut_up, next_portion, plan_of
from finops.pricing.publish import publish_rates

MOST_IN_AUDIT = 1_000
State = Repricing.State
Clock = Callable[[], datetime]

log = structlog.get_logger(__name__)


def next_repricing() -> Repricing | None:
    """Return the one to work on: one that was begun before those that wait."""
    todo = Repricing.objects.filter(state__in=(State.RUNNING, State.WAITING))
    return todo.select_related("workspace", "who").order_by("state", "pk").first()


def reprice(ch: Warehouse, lease: Lease, repricing: Repricing, clock: Clock) -> bool:
    """Do one portion of a repricing under the lease; True when it is done or was refused.

    Raises LeaseLost and WarehouseError; a later run goes on.
    """
    rates = publish_rates(ch, now=clock())
    if repricing.state == State.WAITING:
        repricing.state, repricing.started_at = State.RUNNING, clock()
        repricing.end = min(repricing.end, clock())
        name_others(repricing)
        save(repricing, lease, clock)
    elif repricing.portion is not None:
        return portion_done(ch, lease, repricing, clock)
    plan = plan_of(ch, repricing, clock())
    repricing.left_out = sorted({*repricing.left_out, *plan.left_out})
    repricing.old_versions = sorted({*repricing.old_versions, *plan.old_versions})
    repricing.new_version = rates.number
    span = next_portion(ch, repricing.workspace.pk, plan.spans)
    if span is None:
        finish(repricing, lease, clock)
        return True
    before = totals(ch, repricing.workspace.pk, *span)
    repricing.portion = {
        "start": span[0].isoformat(),
        "end": span[1].isoformat(),
        "before": [as_json(row) for row in before],
    }
    save(repricing, lease, clock)
    return portion_done(ch, lease, repricing, clock)


def name_others(repricing: Repricing) -> None:
    """Say which changes that wait are in force by now, and so in this difference, too."""
    others = Repricing.objects.filter(
        workspace=repricing.workspace,
        state=State.WAITING,
        start__lt=repricing.end,
        end__gt=repricing.start,
    ).exclude(pk=repricing.pk)
    numbers = ", ".join(str(pk) for pk in others.order_by("pk").values_list("pk", flat=True)[:5])
    if numbers:
        repricing.cause = f"{repricing.cause[:150]}; in part also repricing {numbers}"


def portion_done(ch: Warehouse, lease: Lease, repricing: Repricing, clock: Clock) -> bool:
    """Write the portion's charges anew and add up what changed; False: there may be more."""
    portion = repricing.portion or {}
    start, end = (datetime.fromisoformat(portion[name]) for name in ("start", "end"))
    rates = publish_rates(ch, now=clock())
    rows = 0
    for step in list(cut_up(ch, repricing.workspace.pk, (start, end), STEP_CHARGES)):
        rows += reprice_hours(
            ch,
            rates,
            workspace_id=repricing.workspace.pk,
            start=step[0],
            end=step[1],
            version=lease.version,
            now=clock(),
        )
        # Who lost the lease meanwhile wrote below another: the portion is done again.
        renew_lease(lease, now=clock())
    after = totals(ch, repricing.workspace.pk, start, end)
    repricing.rows += rows
    repricing.new_version = rates.number
    repricing.differences = add_up(
        repricing.differences, portion["before"], [as_json(row) for row in after]
    )
    repricing.done_to, repricing.portion = end, None
    save(repricing, lease, clock)
    return False


def save(repricing: Repricing, lease: Lease, clock: Clock) -> None:
    """Write down how far it is; raises LeaseLost where another process goes on from there."""
    with transaction.atomic():
        # The lease's row is locked until the end: nobody can take it over in between.
        renew_lease(lease, now=clock())
        repricing.save()


def as_json(row: TenantMonth) -> dict[str, str]:
    return {"tenant": row.tenant, "month": f"{row.month:%Y-%m}", "usd": str(row.cost_usd)}


def add_up(
    so_far: list[dict[str, str]], before: list[dict[str, str]], after: list[dict[str, str]]
) -> list[dict[str, str]]:
    """Return old and new sums by tenant and month with one portion more; JSON, money as text."""
    sums: dict[tuple[str, str], list[Decimal]] = {
        (row["tenant"], row["month"]): [Decimal(row["old_usd"]), Decimal(row["new_usd"])]
        for row in so_far
    }
    for side, rows in enumerate((before, after)):
        for row in rows:
            pair = sums.setdefault((row["tenant"], row["month"]), [Decimal(0), Decimal(0)])
            pair[side] += Decimal(row["usd"])
    return [
        {
            "tenant": tenant,
            "month": month,
            "old_usd": plain(old),
            "new_usd": plain(new),
            "difference_usd": plain(new - old),
        }
        for (tenant, month), (old, new) in sorted(sums.items(), key=lambda one: one[0][::-1])
    ]


def plain(usd: Decimal) -> str:
    """Write an amount exactly, without an exponent or trailing zeros."""
    return f"{usd.normalize():f}"


def finish(repricing: Repricing, lease: Lease, clock: Clock) -> None:
    """End a repricing with its entry in the audit trail; refused where all of it is closed."""
    refused = bool(repricing.left_out) and not repricing.rows
    repricing.state = State.REFUSED if refused else State.DONE
    if refused:
        repricing.problem = (
            f"Nothing was changed: {', '.join(repricing.left_out)} closed. "
            "Open the month again, or reprice it by force with a reason."
        )
    repricing.differences = [row for row in repricing.differences if Decimal(row["difference_usd"])]
    repricing.finished_at, repricing.portion = clock(), None
    with transaction.atomic():
        save(repricing, lease, clock)
        record(
            repricing.workspace,
            repricing.who,
            f"repricing.{repricing.state}",
            f"{repricing.start:%Y-%m-%d %H:%M} to {repricing.end:%Y-%m-%d %H:%M} UTC",
            **audit_of(repricing),
        )
    log.info("repriced", repricing=repricing.pk, state=repricing.state, rows=repricing.rows)


def audit_of(repricing: Repricing) -> dict[str, Any]:
    return {
        "key": repricing.key,
        "repricing": repricing.pk,
        "cause": repricing.cause,
        "why": repricing.why,
        "forced": repricing.forced,
        "old_rate_versions": repricing.old_versions,
        "new_rate_version": repricing.new_version,
        "rows": repricing.rows,
        "left_out": repricing.left_out,
        "difference_usd": plain(total_difference(repricing)),
        "differences": repricing.differences[:MOST_IN_AUDIT],
        "differences_in_all": len(repricing.differences),
    }


def total_difference(repricing: Repricing) -> Decimal:
    return sum((Decimal(row["difference_usd"]) for row in repricing.differences), Decimal(0))


def fail(repricing: Repricing, error: Exception, now: datetime) -> None:
    """Put a repricing aside that can't be done; it says why and may be asked for again."""
    put_aside(repricing, f"It could not be done: {error}", now)
    log.error("repricing_failed", repricing=repricing.pk, error=str(error))


def fail_unforeseen(repricing: Repricing, error: Exception, now: datetime) -> None:
    """Put a repricing aside that met a fault of the program, so that the next ones go on.

    Called while `error` is handled: its traceback goes to the log, and not to the user.
    """
    problem = (
        f"It stopped at an error that nobody foresaw ({type(error).__name__}); what it had done "
        "stays. Ask for it again. If it fails again, look for repricing_failed and number "
        f"{repricing.pk} in the worker's log."
    )
    put_aside(repricing, problem, now)
    log.exception("repricing_failed", repricing=repricing.pk)


def put_aside(repricing: Repricing, problem: str, now: datetime) -> None:
    repricing.state, repricing.finished_at = State.FAILED, now
    repricing.problem = problem[:300]
    # Nothing else: what the error left half done in memory may be what can't be saved.
    repricing.save(update_fields=["state", "finished_at", "problem"])
