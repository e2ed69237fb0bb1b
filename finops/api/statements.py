"""GET /api/v1/statements and /statement: what each tenant pays for a month, and one in full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.errors import InvalidParameter
from finops.api.negotiation import CsvRenderer, Negotiation
from finops.api.parameters import refuse_others
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, query
from finops.api.statement_body import (
    MonthSerializer,
    StatementSerializer,
    month_body,
    statement_body,
)
from finops.clickhouse.client import warehouse
from finops.focus.errors import InvalidMonth, NoStatement
from finops.focus.statement import KINDS, Asked
from finops.focus.statement_csv import statement_csv
from finops.focus.statement_month import read_month
from finops.focus.statement_sheet import statement_html
from finops.focus.statements import make_statement, read_book
from finops.focus.wording import file_stem

OF_MONTH = ("month", "kind", "distribute", "format")
PARAMETERS = [
    query("month", "Such as 2026-11; a month of UTC. Default: the current one."),
    query("kind", "Default: chargeback.", enum=list(KINDS)),
    query(
        "distribute",
        "1 adds each tenant's share of idle GPU time and of calls without a tenant to a "
        "chargeback. Default: 0.",
        enum=["0", "1"],
    ),
]


class HtmlRenderer(BaseRenderer):
    """Announces HTML; the view makes the file itself."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        return ""


class StatementsView(APIView):
    """The dues of all tenants for one month."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="statements",
        summary="What each tenant pays for a month",
        parameters=PARAMETERS,
        responses={(200, "application/json"): MonthSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        refuse_others(request.query_params, OF_MONTH)
        asked, month = read_asked(request), read_month_parameter(request)
        with warehouse() as ch:
            book = read_book(ch, workspace_of(request), month, timezone.now())
        return Response(month_body(book, asked))


class StatementView(APIView):
    """One tenant's statement: JSON, CSV, or HTML to print."""

    permission_classes = [CanRead]
    renderer_classes = [JSONRenderer, CsvRenderer, HtmlRenderer]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="statement",
        summary="One tenant's statement for a month",
        parameters=[query("tenant", "Whose statement.", required=True), *PARAMETERS],
        responses={
            (200, "application/json"): StatementSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "text/html"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        refuse_others(request.query_params, (*OF_MONTH, "tenant"))
        asked, month = read_asked(request), read_month_parameter(request)
        with warehouse() as ch:
            book = read_book(ch, workspace_of(request), month, timezone.now())
            try:
                made = make_statement(ch, book, request.query_params.get("tenant", ""), asked)
            except NoStatement as error:
                raise InvalidParameter("tenant", error.code, str(error)) from None
        kind = request.accepted_renderer.format
        if kind == JSONRenderer.format:
            return Response(statement_body(made))
        content = statement_csv(made) if kind == CsvRenderer.format else statement_html(made)
        return file_answer(content, file_stem(made), kind)


def file_answer(content: str, stem: str, kind: str) -> HttpResponse:
    """Answer with a file to keep: opened here, its style element would be refused."""
    return HttpResponse(
        content,
        content_type=f"text/{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{stem}.{kind}"'},
    )


def read_asked(request: Request) -> Asked:
    kind = request.query_params.get("kind", KINDS[0])
    distribute = request.query_params.get("distribute", "0")
    if distribute not in ("0", "1"):
        raise InvalidParameter("distribute", "invalid_value", "Give 0 or 1.")
    for known in KINDS:
        if kind == known:
            return Asked(known, distribute == "1")
    raise InvalidParameter("kind", "invalid_value", f"Use one of {', '.join(KINDS)}.")


def read_month_parameter(request: Request) -> date:
    now = timezone.now()
    try:
        return read_month(request.query_params.get("month", f"{now:%Y-%m}"), now)
    except InvalidMonth as error:
        raise InvalidParameter("month", error.code, str(error)) from None
