"""/api/v1/rates: the published rates as the workspace pays them; read with the scope read."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, QueryDict
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import workspace_of
from finops.api.errors import InvalidParameter
from finops.api.parameters import read_limit
from finops.api.permissions import CanRead
from finops.api.rate_body import RateSerializer, rate_body
from finops.api.schema import ERRORS, query
from finops.api.unit_cost_body import UsdField, usd_text
from finops.clickhouse.client import warehouse
from finops.pricing.errors import NothingPublished
from finops.pricing.history import in_order
from finops.pricing.meters import METERS
from finops.pricing.publish import current_rate_version
from finops.pricing.terms import TIERS
from finops.queries.rates import MOST_TEXT, RateSearch, rates_now, rates_of_model

PARAMETERS = ("q", "provider", "tier", "meter", "own", "limit", "offset", "format")
PAGE = 100
MOST_OFFSET = 1_000_000


class RateNowSerializer(RateSerializer):
    """A rate that holds now for the smallest requests."""

    more_sizes = serializers.IntegerField(help_text="Other sizes and times of day with own prices.")
    used_calls = serializers.IntegerField(help_text="Calls of the last 30 days.")
    used_usd = UsdField("What they cost.")


class RatesSerializer(serializers.Serializer[Any]):
    """A page of rates, those that the workspace used first."""

    rate_version = serializers.IntegerField()
    found = serializers.IntegerField()
    rates = RateNowSerializer(many=True)


class RatesOfModelSerializer(serializers.Serializer[Any]):
    """All rates of one model, the list's and the workspace's own, each with its time."""

    rate_version = serializers.IntegerField()
    rates = RateSerializer(many=True)


def number(name: str, description: str, most: int) -> OpenApiParameter:
    schema = {"type": "integer", "minimum": 0, "maximum": most}
    return OpenApiParameter(name, schema, description=description)


class RatesView(APIView):
    """What each model costs now."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="rates_list",
        summary="Search the rates that hold now",
        parameters=[
            query("q", "Words in the provider's or model's name."),
            query("provider", "As the price list names it."),
            query("tier", "A service tier.", enum=[tier for tier in TIERS if tier != "any"]),
            query("meter", "Only rates with a price for it.", enum=list(METERS)),
            OpenApiParameter("own", OpenApiTypes.BOOL, description="Only what was agreed."),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": 10_000},
                description="The most rates. Default: 100.",
            ),
            number("offset", "How many to skip. Default: 0.", MOST_OFFSET),
        ],
        responses={(200, "application/json"): RatesSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        params = request.query_params
        refuse_unknown(params)
        search = read_search(params)
        limit = read_limit(params.get("limit", str(PAGE)))
        offset = read_offset(params.get("offset", "0"))
        workspace = workspace_of(request)
        version = version_number()
        with warehouse() as ch:
            page = rates_now(
                ch, workspace.pk, version, search, now=timezone.now(), limit=limit, offset=offset
            )
        rates = [
            {
                **rate_body(found.rate),
                "more_sizes": found.cells - 1,
                "used_calls": found.used_calls,
                "used_usd": usd_text(found.used_usd),
            }
            for found in page.rates
        ]
        return Response({"rate_version": version, "found": page.found, "rates": rates})


class RatesOfModelView(APIView):
    """What one model costs, and when."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="rates_of_model",
        summary="All rates of one model",
        description="Every tier, region and size, past and future; the list's and the own ones.",
        responses={(200, "application/json"): RatesOfModelSerializer, **ERRORS},
    )
    def get(self, request: Request, provider: str, model: str) -> Response:
        workspace = workspace_of(request)
        if "\x00" in provider + model:
            raise Http404("no such model")
        version = version_number()
        with warehouse() as ch:
            rates = rates_of_model(ch, workspace.pk, version, provider, model)
        if not rates:
            raise Http404("no such model")
        ordered = sorted(in_order(rates), key=lambda rate: rate.workspace_id == 0)
        return Response({"rate_version": version, "rates": [rate_body(rate) for rate in ordered]})


def version_number() -> int:
    """Return the number of the rates that charges use; 0, which has no rates, before the first."""
    try:
        return current_rate_version().number
    except NothingPublished:
        return 0


def refuse_unknown(params: QueryDict) -> None:
    for name in params:
        if name not in PARAMETERS:
            allowed = ", ".join(PARAMETERS)
            raise InvalidParameter(name[:50], "unknown_parameter", f"Parameters are {allowed}.")
        if len(params.getlist(name)) > 1:
            raise InvalidParameter(name, "repeated_parameter", "Give this parameter once.")
        if "\x00" in str(params[name]) or len(str(params[name])) > MOST_TEXT:
            raise InvalidParameter(
                name, "invalid_value", f"Give at most {MOST_TEXT} characters, and no NUL."
            )


def read_search(params: QueryDict) -> RateSearch:
    tier, meter = str(params.get("tier", "")), str(params.get("meter", ""))
    if tier and (tier not in TIERS or tier == "any"):
        raise InvalidParameter("tier", "unknown_tier", f"Use one of {', '.join(TIERS[1:])}.")
    if meter and meter not in METERS:
        raise InvalidParameter("meter", "unknown_meter", f"Use one of {', '.join(METERS)}.")
    own = str(params.get("own", "false")).lower()
    if own not in ("true", "false", "1", "0"):
        raise InvalidParameter("own", "invalid_value", "Use true or false.")
    return RateSearch(
        text=str(params.get("q", "")),
        provider=str(params.get("provider", "")),
        tier=tier,
        meter=meter,
        own=own in ("true", "1"),
    )


def read_offset(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,7}", text) and int(text) <= MOST_OFFSET:
        return int(text)
    raise InvalidParameter("offset", "invalid_offset", f"Give a number from 0 to {MOST_OFFSET}.")
