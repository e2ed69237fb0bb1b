"""/api/v1/deployments: which model a deployment is; read with the scope read, set with admin."""

from __future__ import annotations

from datetime import UTC
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
from finops.pricing.models import Deployment
from finops.pricing.name_deployment import end_deployment, name_deployment


class DeploymentSerializer(serializers.Serializer[Any]):
    """A name of the workspace's own and the model that is billed for it."""

    id = serializers.IntegerField()
    provider = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    model_provider = serializers.CharField(allow_blank=True, help_text="Empty: the same provider.")
    model = serializers.CharField()
    valid_from = serializers.DateTimeField(help_text="Of the call's start; part of it.")
    valid_to = serializers.DateTimeField(allow_null=True, help_text="Not part; null: no end.")
    why = serializers.CharField()
    who = serializers.EmailField(allow_null=True, help_text="Null: a key or the command line.")
    created_at = serializers.DateTimeField()


class DeploymentsSerializer(serializers.Serializer[Any]):
    """All deployments of the workspace, by provider and name."""

    deployments = DeploymentSerializer(many=True)


class NewDeploymentSerializer(serializers.Serializer[Any]):
    """What a deployment takes."""

    provider = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="As calls name it."
    )
    name = serializers.CharField(max_length=200, help_text="As calls name their model.")
    model_provider = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="Whose model it is; left out: the same provider's.",
    )
    model = serializers.CharField(
        max_length=200, help_text="What is billed, as the list or a contract names it."
    )
    valid_from = serializers.DateTimeField(default_timezone=UTC)
    valid_to = serializers.DateTimeField(default_timezone=UTC, required=False, allow_null=True)
    why = serializers.CharField(max_length=500)


class DeploymentEndSerializer(serializers.Serializer[Any]):
    """When a deployment stops being that model."""

    valid_to = serializers.DateTimeField(
        default_timezone=UTC, help_text="The first moment that it is another."
    )


def deployment_body(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.pk,
        "provider": deployment.provider,
        "name": deployment.name,
        "model_provider": deployment.model_provider,
        "model": deployment.model,
        "valid_from": time_text(deployment.valid_from),
        "valid_to": time_text(deployment.valid_to) if deployment.valid_to else None,
        "why": deployment.why,
        "who": deployment.who.email if deployment.who else None,
        "created_at": time_text(deployment.created_at),
    }


class DeploymentsView(APIView):
    """The deployments of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="deployments_list",
        summary="All deployments",
        responses={(200, "application/json"): DeploymentsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        found = workspace_of(request).deployments.select_related("who")
        ordered = found.order_by("provider", "name", "valid_from", "pk")
        return Response({"deployments": [deployment_body(one) for one in ordered]})

    @extend_schema(
        operation_id="deployments_create",
        summary="Say which model a deployment is",
        description="Calls that were charged before are repriced; closed months keep theirs.",
        request=NewDeploymentSerializer,
        responses={(201, "application/json"): DeploymentSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        terms = read_body(NewDeploymentSerializer(data=request.data))
        deployment = Deployment(workspace=workspace_of(request), **terms)
        try:
            name_deployment(deployment, **asker(request))
        except TermsRefused as error:
            raise as_api_error(error.problem) from None
        return Response(deployment_body(deployment), status=201)


class DeploymentView(APIView):
    """One deployment of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="deployments_end",
        summary="Say when a deployment stops being that model",
        request=DeploymentEndSerializer,
        responses={(200, "application/json"): DeploymentSerializer, **WRITE_ERRORS},
    )
    def patch(self, request: Request, deployment_id: int) -> Response:
        deployment = get_object_or_404(
            Deployment.objects.select_related("workspace", "who"),
            pk=deployment_id,
            workspace=workspace_of(request),
        )
        terms = read_body(DeploymentEndSerializer(data=request.data))
        try:
            end_deployment(deployment, terms["valid_to"], **asker(request))
        except TermsRefused as error:
            raise as_api_error(error.problem) from None
        return Response(deployment_body(deployment))
