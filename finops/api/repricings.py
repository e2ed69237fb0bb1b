"""/api/v1/repricings: what was priced anew; /closed-months: what is protected from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
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

from finops.accounts.models import Role
from finops.api.authentication import asker, workspace_of
from finops.api.body import read_body
from finops.api.errors import InvalidParameter
from finops.api.permissions import CanRead, CanSetMoney, ReadOrSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.clickhouse.client import Warehouse, warehouse
from finops.costing.closing import close_month, moved_since, reopen_month
from finops.costing.errors import MonthClosed, MonthRefused
from finops.costing.mark import ask_for_repricing
from finops.costing.repricing import ClosedMonth, Repricing

SHOWN = 200


class RepricingDifferenceSerializer(serializers.Serializer[Any]):
    """What one tenant's month cost in the hours that were priced anew."""

    tenant = serializers.CharField(allow_blank=True)
    month = serializers.CharField()
    old_usd = serializers.CharField()
    new_usd = serializers.CharField()
    difference_usd = serializers.CharField()


class RepricingSerializer(serializers.Serializer[Any]):
    """One repricing: why, by whom, of which time, and what came out."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Repricing.State.choices)
    cause = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    who = serializers.EmailField(allow_null=True)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    forced = serializers.BooleanField()
    left_out = serializers.ListField(child=serializers.CharField(), help_text="Closed months.")
    old_rate_versions = serializers.ListField(child=serializers.IntegerField())
    new_rate_version = serializers.IntegerField(allow_null=True)
    rows = serializers.IntegerField(help_text="Charges that were written anew.")
    differences = RepricingDifferenceSerializer(many=True)
    problem = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RepricingsSerializer(serializers.Serializer[Any]):
    """The newest repricings of the workspace."""

    repricings = RepricingSerializer(many=True)


class NewRepricingSerializer(serializers.Serializer[Any]):
    """Which calls to price anew, by their start."""

    start = serializers.DateTimeField(default_timezone=UTC)
    end = serializers.DateTimeField(default_timezone=UTC, help_text="Not part of it.")
    why = serializers.CharField(max_length=500)
    force = serializers.BooleanField(default=False, help_text="Closed months, too.")


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


class CanCloseMonths(CanSetMoney):
    """An admin or owner, or a key with the scope admin."""

    role = Role.ADMIN


class ReadOrCloseMonths(BasePermission):
    """What CanRead asks for a request that changes nothing, else what CanCloseMonths asks."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = CanRead() if request.method in SAFE_METHODS else CanCloseMonths()
        return needed.has_permission(request, view)


class RepricingsView(APIView):
    """The repricings of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="repricings_list",
        summary="The newest repricings",
        responses={(200, "application/json"): RepricingsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        found = workspace_of(request).repricings.select_related("who").order_by("-pk")
        return Response({"repricings": [repricing_body(one) for one in found[:SHOWN]]})

    @extend_schema(
        operation_id="repricings_create",
        summary="Price calls anew",
        description="The worker does it within seconds. Closed months take `force`, a reason and "
        "an admin.",
        request=NewRepricingSerializer,
        responses={(201, "application/json"): RepricingSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        asked = read_body(NewRepricingSerializer(data=request.data))
        if asked["start"] >= asked["end"]:
            raise InvalidParameter("end", "invalid_range", "The end has to be after the start.")
        if asked["force"]:
            CanCloseMonths().has_permission(request, self)
        who = asker(request)
        try:
            repricing = ask_for_repricing(
                workspace_of(request),
                asked["start"],
                asked["end"],
                who=who["actor"],
                key=who["key"],
                why=asked["why"],
                now=timezone.now(),
                forced=asked["force"],
            )
        except MonthClosed as error:
            raise InvalidParameter("force", error.code, str(error)) from None
        return Response(repricing_body(repricing), status=201)


class RepricingView(APIView):
    """One repricing of the caller's workspace; another's doesn't exist here."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="repricings_read",
        summary="One repricing and its differences",
        responses={(200, "application/json"): RepricingSerializer, **ERRORS},
    )
    def get(self, request: Request, repricing_id: int) -> Response:
        found = workspace_of(request).repricings.select_related("who")
        return Response(repricing_body(get_object_or_404(found, pk=repricing_id)))


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

    permission_classes = [CanCloseMonths]

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


def repricing_body(repricing: Repricing) -> dict[str, Any]:
    finished = repricing.finished_at
    return {
        "id": repricing.pk,
        "state": repricing.state,
        "cause": repricing.cause,
        "why": repricing.why,
        "who": repricing.who.email if repricing.who else None,
        "start": time_text(repricing.start),
        "end": time_text(repricing.end),
        "forced": repricing.forced,
        "left_out": repricing.left_out,
        "old_rate_versions": repricing.old_versions,
        "new_rate_version": repricing.new_version,
        "rows": repricing.rows,
        "differences": repricing.differences,
        "problem": repricing.problem,
        "created_at": time_text(repricing.created_at),
        "finished_at": time_text(finished) if finished else None,
    }


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
