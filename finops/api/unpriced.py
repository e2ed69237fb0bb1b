"""GET /api/v1/unpriced: the calls that have no cost, by model and reason."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.negotiation import Negotiation
from finops.api.parameters import read_unpriced_question
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, UNPRICED_PARAMETERS
from finops.api.unit_cost_body import time_text
from finops.clickhouse.client import warehouse
from finops.queries import unpriced

REASONS = {
    "no_model": "the call names no model",
    "no_rate": "no list price or contract covers the model at that time",
    "no_usage": "no tokens were reported",
}


class UnpricedRowSerializer(serializers.Serializer[Any]):
    """Calls of one model that have no cost for one reason."""

    provider = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    reason = serializers.ChoiceField(
        choices=list(REASONS.items()),
        help_text="; ".join(f"{reason}: {why}" for reason, why in REASONS.items()) + ".",
    )
    calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField(help_text="All input tokens, cached ones included.")
    output_tokens = serializers.IntegerField(help_text="All output tokens, reasoning included.")


class UnpricedSerializer(serializers.Serializer[Any]):
    """What has no cost in a range, the most calls first."""

    to = serializers.DateTimeField(help_text="The end of the range, not part of it.")
    rows = UnpricedRowSerializer(many=True)
    truncated = serializers.BooleanField(help_text="Whether `limit` cut the rows.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Put `from`, which is a keyword of Python, before the others."""
        start = serializers.DateTimeField(help_text="The start of the range, part of it.")
        return {"from": start, **super().get_fields()}


class UnpricedView(APIView):
    """Unpriced calls of the caller's workspace."""

    permission_classes = [CanRead]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="unpriced",
        summary="Calls without a price, and why",
        parameters=UNPRICED_PARAMETERS,
        responses={(200, "application/json"): UnpricedSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        asked = read_unpriced_question(request.query_params, now=timezone.now())
        with warehouse() as ch:
            # One more than may be shown tells whether there are more.
            found = unpriced(
                ch, workspace_of(request).pk, asked.span, asked.filters, limit=asked.limit + 1
            )
        return Response(
            {
                "from": time_text(asked.span.start),
                "to": time_text(asked.span.end),
                "rows": [asdict(row) for row in found[: asked.limit]],
                "truncated": len(found) > asked.limit,
            }
        )
