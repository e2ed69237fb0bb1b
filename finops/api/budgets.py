"""/api/v1/budgets: read with the scope read, set and change with the scope admin."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.accounts.models import Workspace
from finops.api.authentication import asker, workspace_of
from finops.api.body import as_api_error
from finops.api.budget_body import (
    BudgetChangeSerializer,
    BudgetSerializer,
    BudgetsSerializer,
    NewBudgetSerializer,
    budget_body,
    read_budget,
)
from finops.api.permissions import ReadOrSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.budgets.board import known_standings
from finops.budgets.change import change_budget, create_budget, delete_budget
from finops.budgets.models import Budget, BudgetAlert

ALERTS_OF = timedelta(days=366)
ONE = {(200, "application/json"): BudgetSerializer}


class BudgetsView(APIView):
    """The budgets of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="budgets_list",
        summary="All budgets and where they stand",
        responses={(200, "application/json"): BudgetsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        workspace = workspace_of(request)
        budgets = list(
            workspace.budgets.select_related("workspace", "created_by").order_by("tenant", "pk")
        )
        return Response({"budgets": bodies(workspace, budgets, timezone.now())})

    @extend_schema(
        operation_id="budgets_create",
        summary="Set a budget",
        request=NewBudgetSerializer,
        responses={(201, "application/json"): BudgetSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        workspace, now = workspace_of(request), timezone.now()
        values = read_budget(request.data, new=True)
        try:
            budget = create_budget(workspace, values, now=now, **asker(request))
        except ModelError as error:
            raise as_api_error(error) from None
        return Response(bodies(workspace, [budget], now)[0], status=201)


class BudgetView(APIView):
    """One budget of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="budgets_read",
        summary="One budget, where it stands and its alerts",
        responses={**ONE, **ERRORS},
    )
    def get(self, request: Request, budget_id: int) -> Response:
        workspace = workspace_of(request)
        budget = find(workspace, budget_id)
        return Response(bodies(workspace, [budget], timezone.now())[0])

    @extend_schema(
        operation_id="budgets_change",
        summary="Change a budget",
        request=BudgetChangeSerializer,
        responses={**ONE, **WRITE_ERRORS},
    )
    def patch(self, request: Request, budget_id: int) -> Response:
        workspace, now = workspace_of(request), timezone.now()
        budget = find(workspace, budget_id)
        values = read_budget(request.data, new=False)
        try:
            budget = change_budget(budget, values, now=now, **asker(request))
        except ModelError as error:
            raise as_api_error(error) from None
        return Response(bodies(workspace, [budget], now)[0])

    @extend_schema(
        operation_id="budgets_delete",
        summary="Delete a budget and its alerts",
        responses={204: None, **ERRORS},
    )
    def delete(self, request: Request, budget_id: int) -> Response:
        delete_budget(find(workspace_of(request), budget_id), **asker(request))
        return Response(status=204)


def find(workspace: Workspace, budget_id: int) -> Budget:
    return get_object_or_404(
        Budget.objects.select_related("workspace", "created_by"),
        pk=budget_id,
        workspace=workspace,
    )


def bodies(workspace: Workspace, budgets: list[Budget], now: datetime) -> list[dict[str, Any]]:
    known = known_standings(workspace, budgets, now) or {}
    alerts = defaultdict(list)
    recent = BudgetAlert.objects.filter(
        budget__in=budgets, period_start__gt=(now - ALERTS_OF).date()
    )
    for alert in recent.order_by("-pk"):
        alerts[alert.budget_id].append(alert)
    return [budget_body(budget, known.get(budget.pk), alerts[budget.pk]) for budget in budgets]
