"""GET /api/v1/unit-costs: what a successful request cost, by tenant, model or another dimension."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.csv_rows import csv_pieces
from finops.api.negotiation import CsvRenderer, Negotiation
from finops.api.parameters import UnitCostsQuestion, read_unit_costs_question
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, UNIT_COSTS_PARAMETERS
from finops.api.unit_cost_body import UnitCostsSerializer, measures_of, row_body, time_text
from finops.clickhouse.client import connect, warehouse
from finops.config import load_config
from finops.queries import UnitCost, freshness, stream_unit_costs, totals, unit_costs


class UnitCostsView(APIView):
    """Unit costs of the caller's workspace, as JSON or streamed as CSV."""

    permission_classes = [CanRead]
    renderer_classes = [JSONRenderer, CsvRenderer]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="unit_costs",
        summary="Cost per successful request",
        parameters=UNIT_COSTS_PARAMETERS,
        responses={
            (200, "application/json"): UnitCostsSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        asked = read_unit_costs_question(request.query_params, now=timezone.now())
        workspace_id = workspace_of(request).pk
        if request.accepted_renderer.format == CsvRenderer.format:
            return csv_answer(workspace_id, asked)
        return Response(json_answer(workspace_id, asked))


def json_answer(workspace_id: int, asked: UnitCostsQuestion) -> dict[str, Any]:
    with warehouse() as ch:
        found = unit_costs(
            ch,
            workspace_id,
            asked.span,
            asked.group_by,
            asked.filters,
            order=asked.order,
            limit=asked.limit,
        )
        everything = totals(ch, workspace_id, asked.span, asked.filters)
        costed_to = freshness(ch, workspace_id).costed_to
    return {
        "from": time_text(asked.span.start),
        "to": time_text(asked.span.end),
        "group_by": list(asked.group_by),
        "currency": "USD",
        "costed_to": time_text(costed_to) if costed_to else None,
        "rows": [row_body(row, asked.group_by) for row in found.rows],
        "groups": found.groups,
        "truncated": len(found.rows) < found.groups,
        "totals": measures_of(everything),
    }


def csv_answer(workspace_id: int, asked: UnitCostsQuestion) -> StreamingHttpResponse:
    """Stream every row, whatever the limit; the first is read before the answer begins.

    So a warehouse that is away is still a 503 and not a broken file.
    """
    rows = own_stream(workspace_id, asked)
    first = [row for _, row in zip(range(1), rows, strict=False)]
    pieces = csv_pieces(chain(first, rows), asked.group_by)
    days = f"{asked.span.start:%Y-%m-%d}_{asked.span.end:%Y-%m-%d}"
    return StreamingHttpResponse(
        pieces,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="unit-costs_{days}.csv"'},
    )


def own_stream(workspace_id: int, asked: UnitCostsQuestion) -> Iterator[UnitCost]:
    """Rows over a connection of their own: the answer may leave the thread that asked."""
    ch = connect(load_config().warehouse_url())
    try:
        yield from stream_unit_costs(
            ch, workspace_id, asked.span, asked.group_by, asked.filters, order=asked.order
        )
    finally:
        ch.close()
