"""/api/v1/repricings: what was priced anew, and asking for it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import asker, workspace_of
from finops.api.body import read_body
from finops.api.errors import InvalidParameter
from finops.api.parameters import read_limit
from finops.api.permissions import CanAdminister, CanRead, ReadOrSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS, limit
from finops.api.unit_cost_body import time_text
from finops.costing.errors import MonthClosed
from finops.costing.mark import ask_for_repricing
from finops.costing.repricing import Repricing

# Each has its differences by tenant and month with it.
MOST, USUAL = 200, 50


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
    truncated = serializers.BooleanField(help_text="Whether `limit` cut the older ones.")


class NewRepricingSerializer(serializers.Serializer[Any]):
    """Which calls to price anew, by their start."""

    start = serializers.DateTimeField(default_timezone=UTC)
    end = serializers.DateTimeField(default_timezone=UTC, help_text="Not part of it.")
    why = serializers.CharField(max_length=500)
    force = serializers.BooleanField(default=False, help_text="Closed months, too.")


class RepricingsView(APIView):
    """The repricings of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="repricings_list",
        summary="The newest repricings",
        parameters=[limit("The most repricings.", MOST, USUAL)],
        responses={(200, "application/json"): RepricingsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        most = read_limit(request.query_params.get("limit", str(USUAL)), MOST)
        found = workspace_of(request).repricings.select_related("who").order_by("-pk")[: most + 1]
        shown = [repricing_body(one) for one in found]
        return Response({"repricings": shown[:most], "truncated": len(shown) > most})

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
            CanAdminister().has_permission(request, self)
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
