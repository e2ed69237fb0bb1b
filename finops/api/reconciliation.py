"""GET /api/v1/reconciliation: captured against billed, by day and model, with gap and reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.csv_rows import write
from finops.api.errors import InvalidParameter
from finops.api.invoice_body import (
    ROW_COLUMNS,
    ReconciliationSerializer,
    reconciliation_body,
    row_body,
)
from finops.api.negotiation import CsvRenderer, Negotiation
from finops.api.parameters import read_time, refuse_others
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, query
from finops.clickhouse.client import Warehouse, warehouse
from finops.focus.spreadsheet import defuse
from finops.invoices.compare import MOST_DAYS_BY_TIER, compare
from finops.invoices.reconcile import Reconciliation
from finops.invoices.rows import Terms
from finops.queries import InvalidRange
from finops.queries.invoiced import LONGEST_DAYS, Days, billed_span

PARAMETERS = (
    "from", "to", "provider", "by_tier", "tolerance_percent", "tolerance_usd", "format",
)  # fmt: skip
SCHEMA = [
    query(
        "from",
        "First day, in UTC: a date, or a time whose day counts. Default: the newest month that "
        "is billed.",
    ),
    query("to", f"The end, not part of it. At most {LONGEST_DAYS} days after `from`."),
    query("provider", "Only this provider, as the price list names it."),
    OpenApiParameter(
        "by_tier",
        OpenApiTypes.BOOL,
        description=f"A row for each service tier; for {MOST_DAYS_BY_TIER} days at most.",
    ),
    query("tolerance_percent", "Gaps up to this share of the bill are tolerated. Default: 1."),
    query("tolerance_usd", "Gaps up to this amount are rounding. Default: 0.01."),
]


class ReconciliationView(APIView):
    """What providers billed the caller's workspace, against what it captured."""

    permission_classes = [CanRead]
    renderer_classes = [JSONRenderer, CsvRenderer]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="reconciliation",
        summary="Captured against billed, with the reason of each gap",
        parameters=SCHEMA,
        responses={
            (200, "application/json"): ReconciliationSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        params = request.query_params
        refuse_others(params, PARAMETERS)
        workspace = workspace_of(request)
        with warehouse() as ch:
            days = read_days(params, ch, workspace.pk)
            found = compare(
                ch,
                workspace,
                days,
                by_tier=read_by_tier(params, days),
                provider=params.get("provider", "").strip().lower()[:100],
                terms=read_terms(params),
            )
        if request.accepted_renderer.format == CsvRenderer.format:
            return csv_answer(found, days)
        return Response(reconciliation_body(found))


def read_days(params: QueryDict, ch: Warehouse, workspace_id: int) -> Days:
    """Return whole days; without any, the newest billed month, else the last 30 days."""
    today = timezone.now().date()
    if "from" not in params and "to" not in params:
        return billed_span(ch, workspace_id) or Days(today - timedelta(days=29), today)
    try:
        end = read_time("to", str(params["to"])) if "to" in params else timezone.now()
        last = (end - timedelta(microseconds=1)).date()
        first = read_time("from", str(params["from"])).date() if "from" in params else last
        return Days(first, last)
    except (InvalidRange, OverflowError) as error:
        raise InvalidParameter("from", "invalid_range", str(error)) from None


def read_by_tier(params: QueryDict, days: Days) -> bool:
    asked = params.get("by_tier", "false").lower()
    if asked not in ("true", "false", "1", "0"):
        raise InvalidParameter("by_tier", "invalid", "Give true or false.")
    if asked in ("true", "1") and len(days.all) > MOST_DAYS_BY_TIER:
        raise InvalidParameter(
            "by_tier", "invalid_range", f"Ask for at most {MOST_DAYS_BY_TIER} days by tier."
        )
    return asked in ("true", "1")


def read_terms(params: QueryDict) -> Terms:
    return Terms(
        share=read_number(params, "tolerance_percent", "1", Decimal(100)) / 100,
        usd=read_number(params, "tolerance_usd", "0.01", Decimal(10**9)),
    )


def read_number(params: QueryDict, name: str, usual: str, largest: Decimal) -> Decimal:
    try:
        number = Decimal(params.get(name, usual))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= largest:
        raise InvalidParameter(name, "invalid", f"Give a number from 0 to {largest}.")
    return number


def csv_answer(found: Reconciliation, days: Days) -> HttpResponse:
    """One row for each of the JSON's; names that a spreadsheet would run are defused."""
    rows: list[list[Any]] = [list(ROW_COLUMNS)]
    for row in found.rows:
        body = row_body(row)
        for side in ("billed_tokens", "captured_tokens"):
            body[side] = "" if body[side] is None else sum(body[side].values())
        rows.append(
            [
                defuse(body[name]) if name in ("provider", "model", "service_tier") else body[name]
                for name in ROW_COLUMNS
            ]
        )
    return HttpResponse(
        write(rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": (
                f'attachment; filename="reconciliation_{days.first}_{days.last}.csv"'
            )
        },
    )
