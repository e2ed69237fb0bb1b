"""/api/v1/spend-commitments: promised spend, its discount, and how far it is drawn down."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import asker, workspace_of
from finops.api.body import as_api_error, read_body
from finops.api.permissions import ReadOrSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.clickhouse.client import warehouse
from finops.pricing.commit_spend import commit_spend, end_commitment
from finops.pricing.drawdown import drawdown
from finops.pricing.errors import TermsRefused
from finops.pricing.models import SpendCommitment
from finops.queries.spend_by_provider import spend_by_provider

PERCENT = r"^\d+\.\d{4}$"


class SpendCommitmentSerializer(serializers.Serializer[Any]):
    """A promise, and what was spent of it so far."""

    id = serializers.IntegerField()
    provider = serializers.CharField(help_text="'*': every provider.")
    committed_usd = UsdField("What is promised for the whole term.")
    discount_percent = serializers.RegexField(PERCENT)
    on_contract_rates = serializers.BooleanField()
    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(help_text="Not part of the term.")
    drawn_usd = UsdField("Cost of the calls of the term, discounts taken off.")
    expected_usd = UsdField("What an even pace would have drawn by now.")
    remaining_usd = UsdField("What is still to be spent; the shortfall once the term is over.")
    over = serializers.BooleanField(help_text="Whether the term has ended.")
    why = serializers.CharField()
    who = serializers.EmailField(allow_null=True, help_text="Null: a key or the command line.")
    created_at = serializers.DateTimeField()


class SpendCommitmentsSerializer(serializers.Serializer[Any]):
    """All commitments of the workspace, by provider."""

    spend_commitments = SpendCommitmentSerializer(many=True)


class NewSpendCommitmentSerializer(serializers.Serializer[Any]):
    """What a commitment takes."""

    provider = serializers.CharField(max_length=100, help_text="As calls or the list name it.")
    committed_usd = serializers.DecimalField(
        max_digits=20, decimal_places=2, min_value=Decimal("0.01")
    )
    discount_percent = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal(0),
        min_value=Decimal(0),
        max_value=Decimal(100),
        help_text="Off list prices, for every call that starts in the term.",
    )
    on_contract_rates = serializers.BooleanField(
        default=False, help_text="Whether it also comes off contract rates and other discounts."
    )
    valid_from = serializers.DateTimeField(default_timezone=UTC)
    valid_to = serializers.DateTimeField(default_timezone=UTC)
    why = serializers.CharField(max_length=500, help_text="Such as the contract's number.")


class SpendCommitmentEndSerializer(serializers.Serializer[Any]):
    """When a commitment ends."""

    valid_to = serializers.DateTimeField(
        default_timezone=UTC, help_text="The first moment without it."
    )


def commitment_body(commitment: SpendCommitment, now: datetime) -> dict[str, Any]:
    with warehouse() as ch:
        spent = spend_by_provider(
            ch, commitment.workspace.pk, commitment.valid_from, min(commitment.valid_to, now)
        )
    stands = drawdown(commitment, spent, now=now)
    return {
        "id": commitment.pk,
        "provider": commitment.provider,
        "committed_usd": usd_text(commitment.committed_usd),
        "discount_percent": f"{commitment.discount_percent:.4f}",
        "on_contract_rates": commitment.on_contract_rates,
        "valid_from": time_text(commitment.valid_from),
        "valid_to": time_text(commitment.valid_to),
        "drawn_usd": usd_text(stands.drawn_usd),
        "expected_usd": usd_text(stands.expected_usd),
        "remaining_usd": usd_text(stands.remaining_usd),
        "over": stands.over,
        "why": commitment.why,
        "who": commitment.who.email if commitment.who else None,
        "created_at": time_text(commitment.created_at),
    }


class SpendCommitmentsView(APIView):
    """The commitments of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="spend_commitments_list",
        summary="All spend commitments and how far they are drawn down",
        responses={(200, "application/json"): SpendCommitmentsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = workspace_of(request).commitments.select_related("who", "workspace")
        ordered = found.order_by("provider", "valid_from", "pk")
        return Response({"spend_commitments": [commitment_body(one, now) for one in ordered]})

    @extend_schema(
        operation_id="spend_commitments_create",
        summary="Commit spend",
        description="Calls that were charged before are repriced; closed months keep theirs.",
        request=NewSpendCommitmentSerializer,
        responses={(201, "application/json"): SpendCommitmentSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        terms = read_body(NewSpendCommitmentSerializer(data=request.data))
        commitment = SpendCommitment(workspace=workspace_of(request), **terms)
        try:
            commit_spend(commitment, **asker(request))
        except TermsRefused as error:
            raise as_api_error(error.problem) from None
        return Response(commitment_body(commitment, timezone.now()), status=201)


class SpendCommitmentView(APIView):
    """One commitment of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="spend_commitments_end",
        summary="Say when a spend commitment ends",
        request=SpendCommitmentEndSerializer,
        responses={(200, "application/json"): SpendCommitmentSerializer, **WRITE_ERRORS},
    )
    def patch(self, request: Request, commitment_id: int) -> Response:
        commitment = get_object_or_404(
            SpendCommitment.objects.select_related("workspace", "who"),
            pk=commitment_id,
            workspace=workspace_of(request),
        )
        terms = read_body(SpendCommitmentEndSerializer(data=request.data))
        try:
            end_commitment(commitment, terms["valid_to"], **asker(request))
        except TermsRefused as error:
            raise as_api_error(error.problem) from None
        return Response(commitment_body(commitment, timezone.now()))
