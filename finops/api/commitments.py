"""GET /api/v1/commitments: the mix of reserved, on-demand and spot that would have cost least."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.commitment_body import CommitmentsSerializer, commitments_body
from finops.api.errors import InvalidParameter
from finops.api.parameters import LONGEST_VALUE, read_filters, read_time, refuse_unknown
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, FILTER_PARAMETERS, query
from finops.clickhouse.client import warehouse
from finops.insights.assumptions import Assumption, BadAssumption, assume
from finops.insights.commitment_case import OF_POOL, OF_SPEND
from finops.insights.from_ledger import ask_commitments
from finops.queries import DIMENSIONS, InvalidRange, Range

LOOK_BACK = timedelta(days=90)
RANGE = [
    query("from", "Start of the past that is looked at. Default: 90 days before `to`."),
    query("to", "Its end, not part of it. Default: now."),
]


def assumption_parameters(asked: Sequence[Assumption]) -> list[Any]:
    """Document each assumption once, with its unit, its bounds and its usual value."""
    by_name = {each.name: each for each in asked}
    return [
        query(
            each.name,
            f"{each.label}{', ' if each.unit else ''}{each.unit}; from {each.least:f} to "
            f"{each.most:f}. "
            + (
                f"Default: {each.usual:f}, {each.source}."
                if each.usual is not None
                else each.source
            ),
        )
        for each in by_name.values()
    ]


class CommitmentsView(APIView):
    """What to reserve of a pool of GPUs, or to promise of what is spent with providers."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="commitments",
        summary="What to reserve, and what it would have saved",
        parameters=[
            *RANGE,
            query("pool", "A pool of GPUs. Without it: USD spent with providers in each hour."),
            *assumption_parameters((*OF_SPEND, *OF_POOL)),
            *FILTER_PARAMETERS,
        ],
        responses={(200, "application/json"): CommitmentsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        params = request.query_params
        pool = str(params.get("pool", ""))
        if len(pool) > LONGEST_VALUE or "\x00" in pool:
            raise InvalidParameter("pool", "invalid_value", "No pool has such a name.")
        asked = OF_POOL if pool else OF_SPEND
        refuse_unknown(params, ("from", "to", "format", "pool", *(each.name for each in asked)))
        filters = read_filters(params)
        if pool and filters:
            name = next(name for name in DIMENSIONS if name in params)
            raise InvalidParameter(name, "no_filter_of_pool", "A pool is looked at as a whole.")
        span = read_span(params, timezone.now(), LOOK_BACK)
        given = read_assumptions(params, asked)
        with warehouse() as ch:
            found = ask_commitments(ch, workspace_of(request).pk, span, pool, filters, given)
        return Response(commitments_body(span, pool, found))


def read_span(params: QueryDict, now: datetime, length: timedelta) -> Range:
    """Read `from` and `to` with a default length of its own."""
    end = read_time("to", str(params["to"])) if "to" in params else now
    try:
        start = read_time("from", str(params["from"])) if "from" in params else end - length
        return Range(start, end)
    except (InvalidRange, OverflowError) as error:
        raise InvalidParameter("from", "invalid_range", str(error)) from None


def read_assumptions(params: QueryDict, asked: Sequence[Assumption]) -> dict[str, str]:
    """Return what was entered, by name; raises InvalidParameter for what can't be used."""
    given = {each.name: str(params[each.name]) for each in asked if each.name in params}
    try:
        assume(asked, given)
    except BadAssumption as error:
        raise InvalidParameter(error.name, error.code, str(error)) from None
    return given
