"""The statements: what each tenant pays by month, and one statement to read, print and send."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.asking import Asker
from dashboards.statement_table import statement_table
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role
from finops.clickhouse.client import Warehouse
from finops.focus.errors import InvalidMonth, NoStatement
from finops.focus.statement import KINDS, Asked, Statement
from finops.focus.statement_csv import statement_csv
from finops.focus.statement_month import read_month, span_of, standing_of
from finops.focus.statement_sheet import sheet, statement_html
from finops.focus.statements import make_statement, read_book
from finops.focus.versions import NAMES as VERSIONS
from finops.focus.wording import file_stem, month_text
from finops.queries import Range
from finops.queries.statement import tenant_months

MONTHS = 6
WRITERS = {"html": statement_html, "csv": statement_csv}


@require_safe
@require_role(Role.VIEWER)
def statements_page(request: WorkspaceRequest) -> HttpResponse:
    """Show who pays what: six months up to the one asked for, one row a tenant."""
    workspace, now = request.workspace, timezone.now()
    months = months_up_to(month_named(request.GET.get("month", f"{now:%Y-%m}"), now))
    span = Range(span_of(months[-1]).start, span_of(months[0]).end)
    found = Asker().ask(lambda ch: tenant_months(ch, workspace.pk, span))
    standings = [standing_of(workspace, month, now) for month in months]
    shown = found.value or []
    context = {
        "problem": found.problem,
        "table": statement_table(shown, list(zip(months, standings, strict=True))),
        "earlier": f"?{urlencode({'month': f'{months[-1] - timedelta(days=1):%Y-%m}'})}",
        "later": "" if months[0] >= now.date().replace(day=1) else "?",
        "focus": focus_files(span_of(months[0])),
        "first": month_text(months[-1]),
        "last": month_text(months[0]),
    }
    return render(request, "dashboards/statements.html", context)


@require_safe
@require_role(Role.VIEWER)
def statement_page(request: WorkspaceRequest, month: str, tenant: str) -> HttpResponse:
    """Show one statement, or hand it over as a file with ?format=html or csv."""
    workspace, now = request.workspace, timezone.now()
    asked, first = asked_for(request), month_named(month, now)

    def make(ch: Warehouse) -> Statement:
        return make_statement(ch, read_book(ch, workspace, first, now), tenant, asked)

    try:
        made = Asker().ask(make)
    except NoStatement as error:
        raise Http404(str(error)) from None
    kind = request.GET.get("format", "")
    if made.value is not None and kind in WRITERS:
        return as_file(made.value, kind)
    here = reverse("statement", args=(month, tenant))
    context = {
        "problem": made.problem,
        "tenant": tenant,
        "month": month_text(first),
        "back": f"{reverse('statements')}?{urlencode({'month': month})}",
        "choices": choices(here, asked),
        "files": {name: link(here, asked, format=name) for name in WRITERS},
        **(sheet(made.value) if made.value is not None else {}),
    }
    return render(request, "dashboards/statement.html", context)


def focus_files(month: Range) -> list[tuple[str, str]]:
    """The whole month in the FOCUS format: name and address of each file."""
    days = {"from": f"{month.start:%Y-%m-%d}", "to": f"{month.end:%Y-%m-%d}"}
    return [
        (
            f"{version} {name}",
            f"{reverse('api-focus')}?{urlencode({**days, 'version': version, 'format': kind})}",
        )
        for version in VERSIONS
        for kind, name in (("csv", "CSV"), ("parquet", "Parquet"))
    ]


def as_file(statement: Statement, kind: str) -> HttpResponse:
    return HttpResponse(
        WRITERS[kind](statement),
        content_type=f"text/{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_stem(statement)}.{kind}"'},
    )


def choices(here: str, asked: Asked) -> list[tuple[str, str, bool]]:
    """The three forms of a statement: text, address, and whether it is shown."""
    forms = (
        ("Chargeback", Asked(KINDS[0])),
        ("Chargeback with shares", Asked(KINDS[0], distribute=True)),
        ("Showback", Asked(KINDS[1])),
    )
    shown = (asked.kind, asked.distributed)
    return [
        (text, link(here, form), (form.kind, form.distributed) == shown) for text, form in forms
    ]


def link(here: str, asked: Asked, **more: str) -> str:
    query = {
        **({"kind": asked.kind} if asked.kind != KINDS[0] else {}),
        **({"distribute": "1"} if asked.distributed else {}),
        **more,
    }
    return f"{here}?{urlencode(query)}" if query else here


def asked_for(request: WorkspaceRequest) -> Asked:
    """Read the form from the address; what isn't known is a chargeback without shares."""
    kind = KINDS[1] if request.GET.get("kind") == KINDS[1] else KINDS[0]
    return Asked(kind, request.GET.get("distribute") == "1")


def month_named(text: str, now: datetime) -> date:
    """Read the month in the address; one that is none is a page that isn't there."""
    try:
        return read_month(text, now)
    except InvalidMonth as error:
        raise Http404(str(error)) from None


def months_up_to(last: date) -> list[date]:
    """The month and the five before it, newest first."""
    months = [last]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months
