"""Statements from the ledger: a month's book, and the statement of one tenant in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.focus.errors import NoStatement
from finops.focus.month_book import MonthBook, keep_book
from finops.focus.statement import (
    Asked,
    Statement,
    by_feature,
    gpu_times_of,
    without_gpu_models,
)
from finops.focus.statement_month import Standing, span_of, standing_of
from finops.queries import Filters, unpriced
from finops.queries.statement import GpuSum, Sums, gpu_sums, month_sums, rate_versions


@dataclass(frozen=True, slots=True)
class Month:
    """A workspace's month as it stands at `made_at`."""

    workspace: Workspace
    month: date
    standing: Standing
    made_at: datetime
    book: MonthBook
    gpus: list[GpuSum]


def read_book(ch: Warehouse, workspace: Workspace, month: date, now: datetime) -> Month:
    """Work out who pays what of a month."""
    span = span_of(month)
    by_tenant: dict[str, Sums] = {
        one.group["tenant"]: one.sums for one in month_sums(ch, workspace.pk, span, ("tenant",))
    }
    gpus = gpu_sums(ch, workspace.pk, span)
    standing = standing_of(workspace, month, now)
    return Month(workspace, month, standing, now, keep_book(by_tenant, gpus), gpus)


def make_statement(ch: Warehouse, month: Month, tenant: str, asked: Asked) -> Statement:
    """Make a tenant's statement; raises NoStatement where the month has nothing of that name."""
    due = month.book.dues.get(tenant)
    if due is None:
        raise NoStatement(
            f"{tenant[:100]!r} has no calls and no GPU time in {month.month:%Y-%m}."
            if tenant
            else "Calls without a tenant get no statement: they are on the page of the month."
        )
    span, workspace = span_of(month.month), month.workspace
    features = month_sums(ch, workspace.pk, span, ("feature",), tenant)
    without = unpriced(ch, workspace.pk, span, Filters({"tenant": (tenant,)}), limit=1000)
    return Statement(
        workspace=workspace.name,
        workspace_slug=workspace.slug,
        tenant=tenant,
        month=month.month,
        asked=asked,
        standing=month.standing,
        made_at=month.made_at,
        due=due,
        by_model=month_sums(ch, workspace.pk, span, ("provider", "model"), tenant),
        by_feature=by_feature(tenant, features, month.gpus),
        gpu_times=gpu_times_of(tenant, month.gpus),
        unpriced=without_gpu_models(tenant, without, month.gpus),
        rate_versions=rate_versions(ch, workspace.pk, span, tenant),
    )
