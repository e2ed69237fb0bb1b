"""How a unit cost looks on the wire: counts as numbers, money as decimal strings.

Money has 12 places and is a string because a JSON number is a float in most readers, and a float
loses cents of a large bill.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.queries import Dimension, UnitCost
from finops.queries.unit_costs import EXACT, USD_PLACES

COUNTS = (
    "requests",
    "successful_requests",
    "calls",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
)
COSTS = (
    "cost_usd",
    "clean_cost_usd",
    "waste_cost_usd",
    "retry_cost_usd",
    "failed_cost_usd",
    "fallback_cost_usd",
    "aborted_cost_usd",
    "duplicate_cost_usd",
    "cost_per_successful_request_usd",
    "waste_cost_per_successful_request_usd",
    "loaded_cost_per_successful_request_usd",
)
MEASURE_NAMES = (*COUNTS, *COSTS)
USD_PATTERN = r"^-?\d+\.\d{12}$"


def measures_of(row: UnitCost) -> dict[str, int | str | None]:
    counts = {name: getattr(row, name) for name in COUNTS}
    return {**counts, **{name: usd_text(getattr(row, name)) for name in COSTS}}


def row_body(row: UnitCost, group_by: tuple[Dimension, ...]) -> dict[str, Any]:
    """One object: the names of the group, then its measures."""
    return {**{name: row.group[name] for name in group_by}, **measures_of(row)}


def usd_text(amount: Decimal | None) -> str | None:
    """A decimal with exactly 12 places; None where the amount is unknown."""
    return None if amount is None else format(EXACT.quantize(amount, USD_PLACES), "f")


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class UsdField(serializers.RegexField):
    """An exact amount of USD, as a string; null where it is unknown."""

    def __init__(self, help_text: str) -> None:
        super().__init__(USD_PATTERN, help_text=help_text, allow_null=True)


class MeasuresSerializer(serializers.Serializer[Any]):
    """The sums of a group and what follows from them."""

    requests = serializers.IntegerField(help_text="Requests, counted where the last attempt is.")
    successful_requests = serializers.IntegerField(help_text="Those whose last attempt succeeded.")
    calls = serializers.IntegerField(help_text="Attempts; repeats of one response count once.")
    unpriced_calls = serializers.IntegerField(help_text="Calls without a cost: no rate or usage.")
    input_tokens = serializers.IntegerField(help_text="All input tokens, cached ones included.")
    output_tokens = serializers.IntegerField(help_text="All output tokens, reasoning included.")
    cost_usd = UsdField(
        "Clean and waste together; null when calls are unpriced and the others cost nothing."
    )
    clean_cost_usd = UsdField("What the successful attempts cost.")
    waste_cost_usd = UsdField("cost_usd - clean_cost_usd.")
    retry_cost_usd = UsdField("Waste: attempts superseded in a request that succeeded.")
    failed_cost_usd = UsdField("Waste: attempts of requests that never succeeded.")
    fallback_cost_usd = UsdField("Waste: attempts superseded by another model.")
    aborted_cost_usd = UsdField("Waste: attempts cancelled by the client.")
    duplicate_cost_usd = UsdField("Waste: the same prompt again after a success.")
    cost_per_successful_request_usd = UsdField(
        "clean_cost_usd / successful_requests, half to even; null when nothing succeeded."
    )
    waste_cost_per_successful_request_usd = UsdField("waste_cost_usd / successful_requests.")
    loaded_cost_per_successful_request_usd = UsdField("cost_usd / successful_requests.")


class RowSerializer(MeasuresSerializer):
    """One group; only the dimensions that were asked for are there. '' = unattributed."""

    tenant = serializers.CharField(required=False, allow_blank=True)
    model = serializers.CharField(required=False, allow_blank=True)
    provider = serializers.CharField(required=False, allow_blank=True)
    feature = serializers.CharField(required=False, allow_blank=True)
    team = serializers.CharField(required=False, allow_blank=True)
    environment = serializers.CharField(required=False, allow_blank=True)
    operation = serializers.CharField(required=False, allow_blank=True)


class UnitCostsSerializer(serializers.Serializer[Any]):
    """Unit costs of a range."""

    to = serializers.DateTimeField(help_text="The end of the range, not part of it.")
    group_by = serializers.ListField(child=serializers.CharField())
    currency = serializers.CharField(help_text="Always USD.")
    costed_to = serializers.DateTimeField(
        allow_null=True, help_text="Every call acknowledged before this is in the numbers."
    )
    rows = RowSerializer(many=True)
    groups = serializers.IntegerField(help_text="How many rows there are without a limit.")
    truncated = serializers.BooleanField(help_text="Whether `limit` cut the rows.")
    totals = MeasuresSerializer()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Put `from`, which is a keyword of Python, before the others."""
        start = serializers.DateTimeField(help_text="The start of the range, part of it.")
        return {"from": start, **super().get_fields()}
