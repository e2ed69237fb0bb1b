"""GET /api/v1/drivers: why the cost of a range differs from that of the range before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.driver_body import DriversSerializer, drivers_body
from finops.api.errors import InvalidParameter
from finops.api.parameters import read_filters, read_group_by, read_range, read_time, refuse_unknown
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, FILTER_PARAMETERS, RANGE_PARAMETERS, query
from finops.clickhouse.client import warehouse
from finops.insights.explain import explain_change
from finops.queries import DIMENSIONS, Dimension, Filters, InvalidRange, Range

SINGLE = ("from", "to", "baseline_from", "baseline_to", "group_by", "format")
DRIVERS_PARAMETERS = [
    *RANGE_PARAMETERS,
    query(
        "baseline_from",
        "Start of the range to compare with, in the same forms. Default: the range of equal length "
        "that ends where this one starts.",
    ),
    query("baseline_to", "Its end; give both or none."),
    query(
        "group_by",
        "What a row stands for. Default: tenant. Actions are counted in each tenant, feature, …; "
        "by model or provider the whole workspace is explained as one.",
        enum=list(DIMENSIONS),
    ),
    *FILTER_PARAMETERS,
]


@dataclass(frozen=True, slots=True)
class DriversQuestion:
    """A question that can be answered: parameters checked, defaults filled in."""

    span: Range
    baseline: Range
    by: Dimension
    filters: Filters


class DriversView(APIView):
    """Drivers of the change of the caller's workspace."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="drivers",
        summary="Why cost changed between two ranges",
        parameters=DRIVERS_PARAMETERS,
        responses={(200, "application/json"): DriversSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        asked = read_drivers_question(request.query_params, now=timezone.now())
        with warehouse() as ch:
            explained = explain_change(
                ch, workspace_of(request).pk, asked.span, asked.baseline, asked.by, asked.filters
            )
        return Response(drivers_body(explained))


def read_drivers_question(params: QueryDict, *, now: datetime) -> DriversQuestion:
    """Read the query string; raises InvalidParameter naming the first that can't be used."""
    refuse_unknown(params, SINGLE)
    by = read_group_by(params.get("group_by", "tenant"))
    if len(by) != 1:
        raise InvalidParameter("group_by", "unknown_group_by", "Group by one dimension here.")
    span = read_range(params, now)
    return DriversQuestion(span, read_baseline(params, span), by[0], read_filters(params))


def read_baseline(params: QueryDict, span: Range) -> Range:
    given = [name for name in ("baseline_from", "baseline_to") if name in params]
    if not given:
        if span.previous is None:
            raise InvalidParameter("from", "invalid_range", "Nothing is known of the time before.")
        return span.previous
    if len(given) == 1:
        raise InvalidParameter(given[0], "incomplete_baseline", "Give both ends of the baseline.")
    start, end = (read_time(name, str(params[name])) for name in given)
    try:
        return Range(start, end)
    except InvalidRange as error:
        raise InvalidParameter("baseline_from", "invalid_range", str(error)) from None
