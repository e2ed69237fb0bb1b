"""How an explained change looks on the wire; the parts of each row sum to its change."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.insights.drivers import FACTORS, Change
from finops.insights.explain import Explanation
from finops.queries import Range

HELP = {
    "volume": "More or fewer actions.",
    "calls_per_action": "Requests for each action.",
    "tokens_per_call": "Tokens of each kind for each request.",
    "price": "What a token of the same model and kind costs: rates, tiers, discounts.",
    "cache": "What the provider's cache and the own cache left of the cost.",
    "retry": "Attempts that were paid for and that another attempt superseded.",
    "model_mix": "Other models for the same requests, new and vanished ones too.",
}


def drivers_body(explained: Explanation) -> dict[str, Any]:
    before, after = explained.periods
    rows = sorted(
        explained.found.rows.items(), key=lambda item: (-abs(item[1].change_usd), item[0])
    )
    return {
        **span_body(explained.span),
        "baseline": span_body(explained.baseline),
        "group_by": explained.by,
        "currency": "USD",
        "total": change_body(explained.found.total),
        "rows": [
            {
                "name": "" if name == explained.rest else name,
                "rest": name == explained.rest,
                **change_body(change),
            }
            for name, change in rows
        ],
        "unpriced_calls": {"before": before.unpriced_calls, "after": after.unpriced_calls},
    }


def span_body(span: Range) -> dict[str, str]:
    return {"from": time_text(span.start), "to": time_text(span.end)}


def change_body(change: Change) -> dict[str, Any]:
    return {
        "before_usd": usd_text(change.before_usd),
        "after_usd": usd_text(change.after_usd),
        "change_usd": usd_text(change.change_usd),
        "parts": {f"{factor}_usd": usd_text(change.parts[factor]) for factor in FACTORS},
    }


class CostChangePartsSerializer(serializers.Serializer[Any]):
    """What each factor did to the cost."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return one amount for each factor."""
        return {f"{factor}_usd": UsdField(HELP[factor]) for factor in FACTORS}


class CostChangeSerializer(serializers.Serializer[Any]):
    """A cost in both periods, and why it changed."""

    before_usd = UsdField("Cost in the baseline, of the calls that have a price.")
    after_usd = UsdField("Cost in the range.")
    change_usd = UsdField("after_usd - before_usd, and the sum of the parts to the last digit.")
    parts = CostChangePartsSerializer()


class CostChangeRowSerializer(CostChangeSerializer):
    """One row; '' = unattributed."""

    name = serializers.CharField(allow_blank=True)
    rest = serializers.BooleanField(help_text="Whether it stands for all that are not named.")


class SpanSerializer(serializers.Serializer[Any]):
    """A range of time."""

    to = serializers.DateTimeField(help_text="The end, not part of it.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Put `from`, which is a keyword of Python, before the others."""
        return {
            "from": serializers.DateTimeField(help_text="The start, part of it."),
            **super().get_fields(),
        }


class CostChangeCountsSerializer(serializers.Serializer[Any]):
    """A count in both periods."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()


class DriversSerializer(SpanSerializer):
    """Why the cost of a range differs from that of the baseline."""

    baseline = SpanSerializer()
    group_by = serializers.CharField()
    currency = serializers.CharField(help_text="Always USD.")
    total = CostChangeSerializer()
    rows = CostChangeRowSerializer(many=True, help_text="The largest change first.")
    unpriced_calls = CostChangeCountsSerializer(
        help_text="Calls without a price explain nothing here."
    )
