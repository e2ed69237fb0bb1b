"""/api/v1/closed-months: months whose costs were reported, and what moved since."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import asker, workspace_of
from finops.api.body import read_body
from finops.api.errors import InvalidParameter
from finops.api.permissions import CanAdminister, CanRead
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.clickhouse.client import Warehouse, warehouse
from finops.costing.closing import close_month, moved_since, reopen_month
from finops.costing.errors import MonthRefused
from finops.costing.repricing import ClosedMonth


class ClosedMonthSerializer(serializers.Serializer[Any]):
    """A closed month: what was frozen, and by how much it moved since."""

    month = serializers.CharField()
    closed_at = serializers.DateTimeField()
    who = serializers.EmailField(allow_null=True)
    why = serializers.CharField(allow_blank=True)
    calls = serializers.IntegerField()
    cost_usd = UsdField("As it was when the month was closed.")
    moved_calls = serializers.IntegerField(help_text="Calls that came since.")
    moved_usd = UsdField("What it costs more since, by late calls or a forced repricing.")


class ClosedMonthsSerializer(serializers.Serializer[Any]):
    """The closed months of the workspace, the newest first."""

    closed_months = ClosedMonthSerializer(many=True)


class CloseMonthSerializer(serializers.Serializer[Any]):
    """Which month of UTC to close."""

    month = serializers.RegexField(r"^\d{4}-(0[1-9]|1[0-2])$", help_text="Such as 2026-10.")
    why = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ReopenSerializer(serializers.Serializer[Any]):
    """Why a month is opened again."""

    why = serializers.CharField(max_length=500)


class ReadOrCloseMonths(BasePermission):
    """What CanRead asks for a request that changes nothing, else what CanAdminister asks."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = CanRead() if request.method in SAFE_METHODS else CanAdminister()
        return needed.has_permission(request, view)


class ClosedMonthsView(APIView):
    """The closed months of the caller's workspace."""

    permission_classes = [ReadOrCloseMonths]

    @extend_schema(
        operation_id="closed_months_list",
        summary="Closed months and what moved since",
        responses={(200, "application/json"): ClosedMonthsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        closed = workspace_of(request).closed_months.filter(reopened_at=None)
        with warehouse() as ch:
            ordered = closed.select_related("who", "workspace").order_by("-month")
            return Response({"closed_months": [closed_body(ch, one) for one in ordered]})

    @extend_schema(
        operation_id="closed_months_create",
        summary="Close a month",
        request=CloseMonthSerializer,
        responses={(201, "application/json"): ClosedMonthSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        asked = read_body(CloseMonthSerializer(data=request.data))
        month = read_month(asked["month"])
        with warehouse() as ch:
            try:
                closed = close_month(
                    ch,
                    workspace_of(request),
                    month,
                    now=timezone.now(),
                    why=asked["why"],
                    **asker(request),
                )
            except MonthRefused as error:
                raise InvalidParameter("month", error.code, str(error)) from None
            return Response(closed_body(ch, closed), status=201)


class ReopenMonthView(APIView):
    """Open a closed month again."""

    permission_classes = [CanAdminister]

    @extend_schema(
        operation_id="closed_months_reopen",
        summary="Open a month again",
        request=ReopenSerializer,
        responses={204: None, **WRITE_ERRORS},
    )
    def post(self, request: Request, month: str) -> Response:
        asked = read_body(ReopenSerializer(data=request.data))
        closed = get_object_or_404(
            ClosedMonth.objects.select_related("workspace"),
            workspace=workspace_of(request),
            month=read_month(month),
            reopened_at=None,
        )
        reopen_month(closed, now=timezone.now(), why=asked["why"], **asker(request))
        return Response(status=204)


def read_month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise Http404("no such month") from None


def closed_body(ch: Warehouse, closed: ClosedMonth) -> dict[str, Any]:
    moved = moved_since(ch, closed)
    return {
        "month": f"{closed.month:%Y-%m}",
        "closed_at": time_text(closed.closed_at),
        "who": closed.who.email if closed.who else None,
        "why": closed.why,
        "calls": closed.calls,
        "cost_usd": usd_text(closed.cost_usd),
        "moved_calls": moved.calls,
        "moved_usd": usd_text(moved.cost_usd),
    }
