"""GET /api/v1/ownership: API, rented GPUs, owned GPUs and serverless for the same traffic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.commitment_body import AssumptionSerializer, assumptions_body, number_text
from finops.api.commitments import assumption_parameters, read_assumptions, read_span
from finops.api.driver_body import SpanSerializer, span_body
from finops.api.parameters import read_filters, refuse_unknown
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, FILTER_PARAMETERS, query
from finops.api.unit_cost_body import UsdField, usd_text
from finops.clickhouse.client import warehouse
from finops.insights.from_ledger import Ownership, ask_ownership
from finops.insights.ownership import HORIZONS, WAYS, BreakEven, Course
from finops.insights.ownership_case import ALL, whole
from finops.queries import Range

LOOK_BACK = timedelta(days=30)


class WaySerializer(serializers.Serializer[Any]):
    """One way to serve the traffic; USD at today's value."""

    way = serializers.ChoiceField(choices=WAYS)
    cost_12_months_usd = UsdField("The first 12 months, less what owned GPUs are then worth.")
    cost_36_months_usd = UsdField("The first 36 months, likewise.")
    gpus_first = serializers.IntegerField(help_text="GPUs in the first month; 0: not counted.")
    gpus_last = serializers.IntegerField(help_text="GPUs in the last month.")
    months_usd = serializers.ListField(
        child=UsdField("The cost of a month."), help_text="36 months; purchases where they fall."
    )


class BreakEvenSerializer(serializers.Serializer[Any]):
    """Tokens a month (input and output) from which GPUs cost no more than the API."""

    way = serializers.ChoiceField(choices=WAYS)
    tokens_month = serializers.CharField(allow_null=True, help_text="null: the API is cheaper.")
    for_good_tokens_month = serializers.CharField(
        allow_null=True, help_text="From here on no further GPU makes the API cheaper again."
    )


class OwnershipSerializer(SpanSerializer):
    """What the traffic of the range would cost in four ways."""

    currency = serializers.CharField(help_text="Always USD.")
    unpriced_calls = serializers.IntegerField(help_text="Their tokens are in the traffic.")
    assumptions = AssumptionSerializer(many=True)
    missing = serializers.ListField(child=serializers.CharField())
    ways = WaySerializer(many=True)
    break_even = BreakEvenSerializer(many=True)


class OwnershipView(APIView):
    """A comparison in which every assumption can be set and says where it is from."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="ownership",
        summary="API, rented GPUs, owned GPUs or serverless, over 12 and 36 months",
        parameters=[
            query("from", "Start of the traffic that is measured. Default: 30 days before `to`."),
            query("to", "Its end, not part of it. Default: now."),
            *assumption_parameters(ALL),
            *FILTER_PARAMETERS,
        ],
        responses={(200, "application/json"): OwnershipSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        params = request.query_params
        refuse_unknown(params, ("from", "to", "format", *(each.name for each in ALL)))
        span = read_span(params, timezone.now(), LOOK_BACK)
        filters = read_filters(params)
        given = read_assumptions(params, ALL)
        with warehouse() as ch:
            found = ask_ownership(ch, workspace_of(request).pk, span, filters, given)
        return Response(ownership_body(span, found))


def ownership_body(span: Range, found: Ownership) -> dict[str, Any]:
    case = found.case
    return {
        **span_body(found.measured or span),
        "currency": "USD",
        "unpriced_calls": found.used.unpriced_calls if found.used else 0,
        "assumptions": assumptions_body(found.assumed),
        "missing": [name for name, each in found.assumed.items() if each.value is None],
        "ways": [way_body(course) for course in case.courses] if case else [],
        "break_even": [break_even_body(each) for each in case.break_evens] if case else [],
    }


def way_body(course: Course) -> dict[str, Any]:
    return {
        "way": course.way,
        **{f"cost_{h}_months_usd": usd_text(course.total_usd(h)) for h in HORIZONS},
        "gpus_first": course.gpus[0],
        "gpus_last": course.gpus[-1],
        "months_usd": [usd_text(amount) for amount in course.months],
    }


def break_even_body(found: BreakEven) -> dict[str, Any]:
    first = found.all_tokens(found.first_output_tokens)
    for_good = found.all_tokens(found.for_good_output_tokens)
    return {
        "way": found.way,
        "tokens_month": None if first is None else number_text(whole(first)),
        "for_good_tokens_month": None if for_good is None else number_text(whole(for_good)),
    }
