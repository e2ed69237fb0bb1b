"""How a budget looks on the wire, and what may be sent to set or change one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from finops.api.body import read_body
from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.standing import Standing, Status

SHARE_PLACES = 6


class StandingSerializer(serializers.Serializer[Any]):
    """Where a budget stands in the running month."""

    to = serializers.DateTimeField(help_text="The end of the month, not part of it.")
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    spend_usd = UsdField("Spent so far; null when there are calls and none has a price.")
    spent_share = serializers.FloatField(allow_null=True, help_text="Spend / amount; 1 = all.")
    elapsed_share = serializers.FloatField(help_text="How much of the month is over, 0 to 1.")
    pace = serializers.FloatField(
        allow_null=True, help_text="spent_share / elapsed_share: above 1 is too fast."
    )
    run_rate_usd = UsdField("The month's end at this rate; null on the first day.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Put `from`, which is a keyword of Python, before the others."""
        start = serializers.DateTimeField(help_text="The start of the month.")
        return {"from": start, **super().get_fields()}


class AlertSerializer(serializers.Serializer[Any]):
    """A threshold that was crossed, and what became of its e-mail."""

    month = serializers.CharField(help_text="Such as 2026-11.")
    threshold = serializers.IntegerField(help_text="Percent.")
    state = serializers.ChoiceField(choices=BudgetAlert.State.values)
    raised_at = serializers.DateTimeField()
    spend_usd = UsdField("The spend at the time.")
    amount_usd = UsdField("The budget at the time.")
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_blank=True, help_text="Why it was not sent, or to whom.")


class BudgetSerializer(serializers.Serializer[Any]):
    """A budget of the workspace, or of one tenant."""

    id = serializers.IntegerField()
    tenant = serializers.CharField(allow_blank=True, help_text="'' = the whole workspace.")
    amount_usd = UsdField("What may be spent in a month.")
    period = serializers.ChoiceField(choices=Budget.PeriodLength.values)
    timezone = serializers.CharField(help_text="Where months begin and end: the workspace's.")
    thresholds = serializers.ListField(child=serializers.IntegerField())
    recipients = serializers.ListField(child=serializers.EmailField())
    active = serializers.BooleanField(help_text="False: paused.")
    created_at = serializers.DateTimeField()
    created_by = serializers.EmailField(allow_null=True, help_text="Null: a key.")
    standing = StandingSerializer(allow_null=True, help_text="Null while the ledger can't be read.")
    alerts = AlertSerializer(many=True, help_text="Of the last 12 months, newest first.")


class BudgetsSerializer(serializers.Serializer[Any]):
    """All budgets of the workspace, by tenant."""

    budgets = BudgetSerializer(many=True)


class BudgetChangeSerializer(serializers.Serializer[Any]):
    """What of a budget can be changed; a field that is left out stays."""

    amount_usd = serializers.DecimalField(
        max_digits=15, decimal_places=6, help_text="USD a month, above 0; best as a string."
    )
    thresholds = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=1000),
        required=False,
        min_length=1,
        max_length=10,
        help_text="Ascending percentages; 80 and 100 by default.",
    )
    recipients = serializers.ListField(child=serializers.EmailField(), min_length=1, max_length=20)
    active = serializers.BooleanField(required=False, help_text="False pauses it.")


class NewBudgetSerializer(BudgetChangeSerializer):
    """What a new budget takes."""

    tenant = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="'' = the whole workspace."
    )


def read_budget(data: Any, *, new: bool) -> dict[str, Any]:
    """Return checked values of a request's body; raises what answers with 400."""
    form = (
        NewBudgetSerializer(data=data) if new else BudgetChangeSerializer(data=data, partial=True)
    )
    return read_body(form)


def budget_body(
    budget: Budget, standing: Standing | None, alerts: Iterable[BudgetAlert]
) -> dict[str, Any]:
    """One budget, where it stands and what was raised."""
    return {
        "id": budget.pk,
        "tenant": budget.tenant,
        "amount_usd": usd_text(budget.amount_usd),
        "period": budget.period,
        "timezone": budget.workspace.timezone,
        "thresholds": budget.thresholds,
        "recipients": budget.recipients,
        "active": budget.active,
        "created_at": time_text(budget.created_at),
        "created_by": budget.created_by.email if budget.created_by else None,
        "standing": standing_body(standing) if standing else None,
        "alerts": [alert_body(alert) for alert in alerts],
    }


def standing_body(standing: Standing) -> dict[str, Any]:
    spent, pace = standing.spent_share, standing.pace
    return {
        "from": time_text(standing.period.start),
        "to": time_text(standing.period.end),
        "status": standing.status.value,
        "spend_usd": usd_text(standing.spend_usd),
        "spent_share": None if spent is None else round(float(spent), SHARE_PLACES),
        "elapsed_share": round(float(standing.elapsed_share), SHARE_PLACES),
        "pace": None if pace is None else round(float(pace), SHARE_PLACES),
        "run_rate_usd": usd_text(standing.run_rate_usd),
    }


def alert_body(alert: BudgetAlert) -> dict[str, Any]:
    known = alert.known
    return {
        "month": f"{alert.period_start:%Y-%m}",
        "threshold": alert.threshold,
        "state": alert.state,
        "raised_at": time_text(known.at),
        "spend_usd": usd_text(known.spend_usd),
        "amount_usd": usd_text(alert.amount_usd),
        "finished_at": time_text(alert.finished_at) if alert.finished_at else None,
        "error": alert.error,
    }
