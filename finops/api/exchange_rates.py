"""/api/v1/exchange-rates and /display-currency: what pages show money in, and by which rates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import asker, workspace_of
from finops.api.body import as_api_error, read_body
from finops.api.permissions import ReadOrSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.api.unit_cost_body import time_text
from finops.pricing.errors import TermsRefused
from finops.pricing.exchange import (
    choose_currency,
    currency_of,
    remove_exchange_rate,
    set_exchange_rate,
)
from finops.pricing.exchange_rate import MAX_PER_USD
from finops.pricing.models import ExchangeRate

CURRENCY = r"^[A-Z]{3}$"


class ExchangeRateSerializer(serializers.Serializer[Any]):
    """What a dollar was worth from a day on."""

    id = serializers.IntegerField()
    currency = serializers.RegexField(CURRENCY)
    day = serializers.DateField(help_text="It holds from this day (UTC) until the next rate.")
    per_usd = serializers.RegexField(r"^\d+\.\d{10}$", help_text="1 USD is worth so much.")
    why = serializers.CharField()
    who = serializers.EmailField(allow_null=True, help_text="Null: a key or the command line.")
    created_at = serializers.DateTimeField()


class ExchangeRatesSerializer(serializers.Serializer[Any]):
    """All exchange rates of the workspace, by currency and day."""

    exchange_rates = ExchangeRateSerializer(many=True)


class NewExchangeRateSerializer(serializers.Serializer[Any]):
    """What an exchange rate takes; one of the same day is corrected."""

    currency = serializers.RegexField(CURRENCY, help_text="ISO 4217, such as EUR.")
    day = serializers.DateField()
    per_usd = serializers.DecimalField(
        max_digits=20,
        decimal_places=10,
        min_value=Decimal("1e-10"),
        max_value=Decimal(MAX_PER_USD),
    )
    why = serializers.CharField(max_length=500, help_text="Where the rate comes from.")


class DisplayCurrencySerializer(serializers.Serializer[Any]):
    """What the workspace's pages show money in; the API and the ledger stay in USD."""

    currency = serializers.RegexField(CURRENCY)


def exchange_rate_body(rate: ExchangeRate) -> dict[str, Any]:
    return {
        "id": rate.pk,
        "currency": rate.currency,
        "day": rate.day.isoformat(),
        "per_usd": f"{rate.per_usd:.10f}",
        "why": rate.why,
        "who": rate.who.email if rate.who else None,
        "created_at": time_text(rate.created_at),
    }


class ExchangeRatesView(APIView):
    """The exchange rates of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="exchange_rates_list",
        summary="All exchange rates",
        responses={(200, "application/json"): ExchangeRatesSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        held = workspace_of(request).exchange_rates.select_related("who")
        ordered = held.order_by("currency", "day")
        return Response({"exchange_rates": [exchange_rate_body(rate) for rate in ordered]})

    @extend_schema(
        operation_id="exchange_rates_create",
        summary="Enter an exchange rate",
        request=NewExchangeRateSerializer,
        responses={(201, "application/json"): ExchangeRateSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        given = read_body(NewExchangeRateSerializer(data=request.data))
        try:
            rate = set_exchange_rate(workspace_of(request), **given, **asker(request))
        except TermsRefused as error:
            raise as_api_error(error.problem) from None
        return Response(exchange_rate_body(rate), status=201)


class ExchangeRateView(APIView):
    """One exchange rate of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="exchange_rates_delete",
        summary="Take an exchange rate back",
        responses={204: None, **ERRORS},
    )
    def delete(self, request: Request, rate_id: int) -> Response:
        rate = get_object_or_404(
            ExchangeRate.objects.select_related("workspace"),
            pk=rate_id,
            workspace=workspace_of(request),
        )
        remove_exchange_rate(rate, **asker(request))
        return Response(status=204)


class DisplayCurrencyView(APIView):
    """What the pages of the caller's workspace show money in."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="display_currency_show",
        summary="The currency that pages show",
        responses={(200, "application/json"): DisplayCurrencySerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return Response({"currency": currency_of(workspace_of(request))})

    @extend_schema(
        operation_id="display_currency_choose",
        summary="Choose the currency that pages show",
        request=DisplayCurrencySerializer,
        responses={(200, "application/json"): DisplayCurrencySerializer, **WRITE_ERRORS},
    )
    def put(self, request: Request) -> Response:
        given = read_body(DisplayCurrencySerializer(data=request.data))
        try:
            chosen = choose_currency(workspace_of(request), given["currency"], **asker(request))
        except TermsRefused as error:
            raise as_api_error(error.problem) from None
        return Response({"currency": chosen.currency})
