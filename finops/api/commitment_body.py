"""How commitments look on the wire: amounts as those of an average month of 730.5 hours."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.api.driver_body import SpanSerializer, span_body
from finops.api.unit_cost_body import UsdField, usd_text
from finops.insights.assumptions import Assumed
from finops.insights.commitment_case import CommitmentCase
from finops.insights.commitments import Plan, break_even, pays_off_after_months
from finops.insights.from_ledger import Commitments
from finops.queries import Range

SHARE = Decimal("0.000001")


def commitments_body(span: Range, pool: str, found: Commitments) -> dict[str, Any]:
    case = found.case
    return {
        **span_body(span),
        "pool": pool,
        "unit": "GPU" if pool else "USD per hour",
        "currency": "USD",
        "hours": len(found.demand.hours),
        "unknown_hours": found.demand.unknown_hours,
        "assumptions": assumptions_body(found.assumed),
        "missing": [name for name, each in found.assumed.items() if each.value is None],
        "recommended": bool(case and case.recommended),
        "cautions": case.cautions if case else [],
        "best": (case.best.offer.name if case.best.offer else "none") if case else None,
        "all_on_demand_usd": (
            usd_text(case.best.month_usd(case.all_on_demand_usd)) if case else None
        ),
        "plans": [plan_body(plan, case) for plan in case.plans] if case else [],
        "if_demand_changes": sensitivity_body(case) if case else [],
    }


def plan_body(plan: Plan, case: CommitmentCase) -> dict[str, Any]:
    saving = case.all_on_demand_usd - plan.total_usd
    offer = plan.offer
    return {
        "term": offer.name if offer else "none",
        "months": offer.months if offer else 0,
        "level": number_text(plan.level),
        "reserved_usd": usd_text(plan.month_usd(plan.reserved_usd)),
        "on_demand_usd": usd_text(plan.month_usd(plan.on_demand_usd)),
        "spot_usd": usd_text(plan.month_usd(plan.spot_usd)),
        "total_usd": usd_text(plan.month_usd(plan.total_usd)),
        "saving_usd": usd_text(plan.month_usd(saving)),
        "used_share": share_text(plan.used),
        "break_even_share": share_text(break_even(offer, case.market)) if offer else None,
        "pays_off_after_months": share_text(pays_off_after_months(plan, case.market)),
    }


def sensitivity_body(case: CommitmentCase) -> list[dict[str, Any]]:
    return [
        {
            "demand": number_text(each.demand),
            "total_usd": usd_text(case.best.month_usd(each.total_usd)),
            "saving_usd": usd_text(case.best.month_usd(each.saving_usd)),
            "best_level": number_text(each.best_level),
        }
        for each in case.sensitivities
    ]


def assumptions_body(assumed: Mapping[str, Assumed]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": each.of.label,
            "unit": each.of.unit,
            "value": number_text(each.value),
            "source": each.source,
        }
        for name, each in assumed.items()
    ]


def share_text(share: Decimal | None) -> str | None:
    return None if share is None else number_text(share.quantize(SHARE))


def number_text(value: Decimal | None) -> str | None:
    """A plain decimal without needless zeros."""
    return None if value is None else f"{value.normalize():f}"


class AssumptionSerializer(serializers.Serializer[Any]):
    """A number that the answer rests on, and where it is from."""

    name = serializers.CharField(help_text="Also the parameter that sets it.")
    unit = serializers.CharField(allow_blank=True)
    value = serializers.CharField(allow_null=True, help_text="A decimal; null where it is missing.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add what can't be declared, since DRF's own fields have attributes of these names."""
        source = "'entered by you', measured, a public source, or assumed."
        return {
            **super().get_fields(),
            "label": serializers.CharField(),
            "source": serializers.CharField(help_text=source),
        }


class PlanSerializer(serializers.Serializer[Any]):
    """One term with the level that costs least; USD of an average month."""

    term = serializers.CharField()
    months = serializers.IntegerField()
    level = serializers.CharField(help_text="Units reserved: GPUs, or USD per hour.")
    reserved_usd = UsdField("What is reserved, used or not.")
    on_demand_usd = UsdField("What lies above, on demand.")
    spot_usd = UsdField("What of that runs on spot, interruptions included.")
    total_usd = UsdField("The three together.")
    saving_usd = UsdField("Against all on demand; negative where the plan costs more.")
    used_share = serializers.CharField(allow_null=True, help_text="Of the reserved hours.")
    break_even_share = serializers.CharField(
        allow_null=True, help_text="Use above which a reserved unit is worth it."
    )
    pays_off_after_months = serializers.CharField(
        allow_null=True, help_text="When on demand would have cost as much as the whole term."
    )


class SensitivitySerializer(serializers.Serializer[Any]):
    """The best plan as it is, with another demand."""

    demand = serializers.CharField(help_text="Times the demand of the past.")
    total_usd = UsdField("Cost of the plan.")
    saving_usd = UsdField("Against all on demand.")
    best_level = serializers.CharField(help_text="The level that would then cost least.")


class CommitmentsSerializer(SpanSerializer):
    """What to reserve, worked out on the demand of the past."""

    pool = serializers.CharField(allow_blank=True)
    unit = serializers.CharField()
    currency = serializers.CharField(help_text="Always USD.")
    hours = serializers.IntegerField(help_text="Hours of demand that are known.")
    unknown_hours = serializers.IntegerField(help_text="Billed and not observed: left out.")
    assumptions = AssumptionSerializer(many=True)
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Assumptions to enter before there is an answer."
    )
    recommended = serializers.BooleanField(help_text="False where the past is too short.")
    cautions = serializers.ListField(child=serializers.CharField())
    best = serializers.CharField(allow_null=True, help_text="The term of the cheapest plan.")
    all_on_demand_usd = UsdField("All demand on demand, an average month.")
    plans = PlanSerializer(many=True)
    if_demand_changes = SensitivitySerializer(many=True)
