"""/api/v1/rate-overrides: contract rates; read with the scope read, agree and end with admin."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import asker, workspace_of
from finops.api.body import as_api_error, read_body
from finops.api.permissions import ReadOrSetMoney
from finops.api.rate_override_body import (
    NewRateOverrideSerializer,
    RateOverrideEndSerializer,
    RateOverrideSerializer,
    RateOverridesSerializer,
    rate_override_body,
)
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.pricing.agree import agree_override, end_override
from finops.pricing.errors import OverrideRefused
from finops.pricing.models import RateOverride
from finops.pricing.terms import in_terms, override_of


class RateOverridesView(APIView):
    """The contract rates of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="rate_overrides_list",
        summary="All contract rates",
        responses={(200, "application/json"): RateOverridesSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        found = workspace_of(request).overrides.select_related("who")
        ordered = found.order_by("provider", "model", "valid_from", "pk")
        return Response({"rate_overrides": [rate_override_body(one) for one in ordered]})

    @extend_schema(
        operation_id="rate_overrides_create",
        summary="Agree a contract rate",
        description="Calls that were charged before are repriced; closed months keep theirs.",
        request=NewRateOverrideSerializer,
        responses={(201, "application/json"): RateOverrideSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        terms = read_body(NewRateOverrideSerializer(data=request.data))
        override = override_of(workspace_of(request), terms)
        try:
            agree_override(override, **asker(request))
        except OverrideRefused as error:
            raise as_api_error(in_terms(error.problem)) from None
        return Response(rate_override_body(override), status=201)


class RateOverrideView(APIView):
    """One contract rate of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="rate_overrides_end",
        summary="Say when a contract rate ends",
        request=RateOverrideEndSerializer,
        responses={(200, "application/json"): RateOverrideSerializer, **WRITE_ERRORS},
    )
    def patch(self, request: Request, override_id: int) -> Response:
        override = get_object_or_404(
            RateOverride.objects.select_related("workspace", "who"),
            pk=override_id,
            workspace=workspace_of(request),
        )
        terms = read_body(RateOverrideEndSerializer(data=request.data))
        try:
            end_override(override, terms["valid_to"], **asker(request))
        except OverrideRefused as error:
            raise as_api_error(in_terms(error.problem)) from None
        return Response(rate_override_body(override))
