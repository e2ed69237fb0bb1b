"""GET /api/v1/gpu-pools/<id>/calls?hour=: what each call of a pool's hour cost."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.errors import InvalidParameter
from finops.api.negotiation import Negotiation
from finops.api.parameters import MOST_ROWS, read_limit, read_time
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, limit, query
from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.clickhouse.client import warehouse
from finops.costing.allocation.calls import CallCost, calls_of_hour
from finops.costing.allocation.said import pools_of
from finops.pricing.pools import GpuPool
from finops.queries.range import EARLIEST, HOUR, LATEST, floor_hour

SINGLE = ("hour", "format", "limit")


class GpuCallSerializer(serializers.Serializer[Any]):
    """A call's part of the hour; the parts of a group are its row, to the last digit."""

    trace_id = serializers.CharField()
    span_id = serializers.CharField()
    started_at = serializers.DateTimeField()
    tenant = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    tokens = serializers.IntegerField(help_text="Of the whole call.")
    weight = serializers.IntegerField(help_text="Thousandths of tokens or of GPU milliseconds.")
    cost_usd = UsdField("Of this hour; a call that ran over its end has a part in the next.")


class GpuCallsSerializer(serializers.Serializer[Any]):
    """The calls of one hour, by start."""

    hour = serializers.DateTimeField()
    calls = GpuCallSerializer(many=True)
    truncated = serializers.BooleanField(help_text="Whether `limit` cut the calls.")


class GpuCallsView(APIView):
    """Calls that ran on a pool of the caller's workspace."""

    permission_classes = [CanRead]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="gpu_pools_calls",
        summary="What each call of a pool's hour cost",
        parameters=[
            query("hour", "A time in the hour, such as 2026-11-20T14:00:00Z. Default: the last."),
            limit("The most calls."),
        ],
        responses={(200, "application/json"): GpuCallsSerializer, **ERRORS},
    )
    def get(self, request: Request, pool_id: int) -> Response:
        params = request.query_params
        for name in params:
            if name not in SINGLE or len(params.getlist(name)) > 1:
                allowed = ", ".join(SINGLE)
                raise InvalidParameter(
                    name[:50], "unknown_parameter", f"Give each of {allowed} once, and no other."
                )
        workspace = workspace_of(request)
        pool = get_object_or_404(GpuPool, pk=pool_id, workspace=workspace)
        moment = read_time("hour", params["hour"]) if "hour" in params else timezone.now() - HOUR
        if not EARLIEST < moment < LATEST:
            raise InvalidParameter("hour", "invalid_time", "Give a time between 2000 and 2100.")
        hour = floor_hour(moment)
        most = read_limit(params.get("limit", str(MOST_ROWS)))
        with warehouse() as ch:
            found = calls_of_hour(ch, workspace.pk, pools_of(workspace), pool.name, hour)
        return Response(
            {
                "hour": time_text(hour),
                "calls": [call_body(one) for one in found[:most]],
                "truncated": len(found) > most,
            }
        )


def call_body(one: CallCost) -> dict[str, Any]:
    return {
        "trace_id": one.trace_id,
        "span_id": one.span_id,
        "started_at": time_text(one.started_at),
        "tenant": one.group.tenant,
        "model": one.group.model,
        "tokens": one.tokens,
        "weight": one.weight,
        "cost_usd": usd_text(one.cost_usd),
    }
