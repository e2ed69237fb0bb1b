"""GET /api/v1/gpu-costs: what GPU pools cost, what of it was idle, and whose the rest was."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.csv_rows import write
from finops.api.errors import InvalidParameter
from finops.api.negotiation import CsvRenderer, Negotiation
from finops.api.parameters import MOST_ROWS, read_limit, read_range
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, RANGE_PARAMETERS, limit, query
from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.clickhouse.client import warehouse
from finops.focus.spreadsheet import defuse
from finops.queries.gpu_costs import GPU_DIMENSIONS, GpuCost, gpu_costs, gpu_pool_costs
from finops.queries.gpu_pool_cost import KINDS, PoolCost, all_pools
from finops.queries.range import ceil_hour, floor_hour

SINGLE = ("from", "to", "group_by", "pool", "format", "limit")
USUAL_GROUP = "pool,kind,tenant,model"
MEASURES = ("cost_usd", "calls", "tokens", "output_tokens", "gpu_hours", "kwh", "usd_per_million")
PARAMETERS = [
    *RANGE_PARAMETERS,
    query(
        "group_by",
        f"One or more of {', '.join(GPU_DIMENSIONS)}, separated by commas. Default: {USUAL_GROUP}.",
    ),
    query("pool", "Only this pool's rows; `pools` has all of them."),
    limit("The most rows."),
]


class GpuPoolCostSerializer(serializers.Serializer[Any]):
    """A pool's bills: GPU hours and money by what they were for, and the cost of tokens."""

    pool = serializers.CharField(allow_blank=True, help_text="Empty: all pools together.")
    bill_usd = UsdField("The sum of the four below, to the last digit.")
    busy_usd = UsdField("For GPU time at work.")
    idle_usd = UsdField("For GPU time observed and not at work.")
    unobserved_usd = UsdField("For GPU time of which nothing is known: silent hosts, gaps.")
    overhead_usd = UsdField("What the pool adds for CPU, memory and network.")
    gpu_hours = serializers.FloatField(help_text="Paid for.")
    utilisation = serializers.FloatField(allow_null=True, help_text="Busy ÷ paid GPU time.")
    idle_share = serializers.FloatField(allow_null=True)
    unobserved_share = serializers.FloatField(allow_null=True)
    unpriced_gpu_hours = serializers.FloatField(help_text="No price covers them: not in the bill.")
    calls = serializers.IntegerField()
    tokens = serializers.IntegerField(help_text="In and out, of the calls that ran on it.")
    output_tokens = serializers.IntegerField()
    usd_per_million = UsdField("bill_usd per million tokens: with all that is paid for.")
    usd_per_million_full = UsdField("The same × utilisation: had the GPUs always been busy.")
    kwh = serializers.FloatField(help_text="Of the GPUs, as measured.")
    site_kwh = serializers.FloatField(help_text="With cooling and losses (PUE).")
    kwh_per_million = serializers.FloatField(allow_null=True, help_text="Site kWh.")
    co2e_g = serializers.FloatField(allow_null=True, help_text="Null without a grid factor.")
    co2e_g_per_million = serializers.FloatField(allow_null=True)


class GpuRowSerializer(serializers.Serializer[Any]):
    """A group's part; only the dimensions that were asked for are there."""

    cost_usd = UsdField("Its part of the bills.")
    calls = serializers.IntegerField()
    tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    gpu_hours = serializers.FloatField()
    kwh = serializers.FloatField()
    usd_per_million = UsdField("cost_usd per million tokens; null without tokens.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the dimensions."""
        names = {
            name: serializers.CharField(required=False, allow_blank=True) for name in GPU_DIMENSIONS
        }
        return {**names, **super().get_fields()}


class GpuCostsSerializer(serializers.Serializer[Any]):
    """GPU costs of whole UTC hours."""

    to = serializers.DateTimeField(help_text="The end of the last hour, not part of it.")
    group_by = serializers.ListField(child=serializers.CharField())
    pools = GpuPoolCostSerializer(many=True)
    rows = GpuRowSerializer(many=True)
    totals = GpuPoolCostSerializer()
    truncated = serializers.BooleanField(help_text="Whether `limit` cut the rows.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Put `from`, which is a keyword of Python, before the others."""
        start = serializers.DateTimeField(help_text="The start of the first hour.")
        return {"from": start, **super().get_fields()}


class GpuCostsView(APIView):
    """GPU costs of the caller's workspace, as JSON, or its rows as CSV."""

    permission_classes = [CanRead]
    renderer_classes = [JSONRenderer, CsvRenderer]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="gpu_costs",
        summary="What GPU pools cost, what was idle, and whose the rest was",
        parameters=PARAMETERS,
        responses={
            (200, "application/json"): GpuCostsSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def get(self, request: Request) -> HttpResponse:
        params = request.query_params
        refuse_unknown(params)
        span = read_range(params, timezone.now())
        group_by = read_groups(params.get("group_by", USUAL_GROUP))
        most = read_limit(params.get("limit", str(MOST_ROWS)))
        workspace_id = workspace_of(request).pk
        with warehouse() as ch:
            # One more than may be shown tells whether there are more.
            rows = gpu_costs(
                ch, workspace_id, span, group_by, pool=params.get("pool", ""), limit=most + 1
            )
            pools = gpu_pool_costs(ch, workspace_id, span)
        if request.accepted_renderer.format == CsvRenderer.format:
            return csv_answer(rows[:most], group_by)
        return Response(
            {
                "from": time_text(floor_hour(span.start)),
                "to": time_text(ceil_hour(span.end)),
                "group_by": list(group_by),
                "pools": [pool_body(pool) for pool in pools],
                "rows": [row_body(row) for row in rows[:most]],
                "totals": pool_body(all_pools(pools)),
                "truncated": len(rows) > most,
            }
        )


def refuse_unknown(params: Any) -> None:
    for name in params:
        if name not in SINGLE:
            raise InvalidParameter(
                name[:50], "unknown_parameter", f"Parameters are {', '.join(SINGLE)}."
            )
        if len(params.getlist(name)) > 1:
            raise InvalidParameter(name, "repeated_parameter", "Give this parameter once.")
    if "\x00" in params.get("pool", ""):
        raise InvalidParameter("pool", "invalid_value", "A name can't hold a NUL character.")


def read_groups(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in GPU_DIMENSIONS:
            raise InvalidParameter(
                "group_by", "unknown_group_by", f"Use one or more of {', '.join(GPU_DIMENSIONS)}."
            )
    return names


def hours(milliseconds: int) -> float:
    return milliseconds / 3_600_000


def pool_body(one: PoolCost) -> dict[str, Any]:
    ratios = ("utilisation", "idle_share", "unobserved_share")
    return {
        "pool": one.pool,
        "bill_usd": usd_text(one.bill_usd),
        **{f"{kind}_usd": usd_text(one.usd_by_kind[kind]) for kind in KINDS},
        "gpu_hours": hours(one.gpu_ms),
        **{name: as_float(getattr(one, name)) for name in ratios},
        "unpriced_gpu_hours": hours(one.unpriced_ms),
        "calls": one.calls,
        "tokens": one.tokens,
        "output_tokens": one.output_tokens,
        "usd_per_million": usd_text(one.usd_per_million),
        "usd_per_million_full": usd_text(one.usd_per_million_full),
        "kwh": one.kwh,
        "site_kwh": one.site_kwh,
        "kwh_per_million": one.kwh_per_million,
        "co2e_g": one.co2e_g,
        "co2e_g_per_million": one.co2e_g_per_million,
    }


def as_float(number: Any) -> float | None:
    return None if number is None else float(number)


def row_body(row: GpuCost) -> dict[str, Any]:
    return {
        **row.group,
        "cost_usd": usd_text(row.cost_usd),
        "calls": row.calls,
        "tokens": row.tokens,
        "output_tokens": row.output_tokens,
        "gpu_hours": hours(row.gpu_ms),
        "kwh": row.energy_j / 3_600_000,
        "usd_per_million": usd_text(row.usd_per_million),
    }


def csv_answer(rows: list[GpuCost], group_by: tuple[str, ...]) -> HttpResponse:
    bodies = [row_body(row) for row in rows]
    lines = [
        [*(defuse(body[name]) for name in group_by), *(body[name] for name in MEASURES)]
        for body in bodies
    ]
    return HttpResponse(
        write([(*group_by, *MEASURES), *lines]),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="gpu-costs.csv"'},
    )
