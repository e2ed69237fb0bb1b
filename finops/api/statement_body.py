"""A statement and a month's book as JSON; amounts are text with every digit."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.api.unit_cost_body import time_text
from finops.focus.month_book import Due
from finops.focus.statement import KINDS, Asked, Statement
from finops.focus.statements import Month
from finops.queries.statement import Sums


def usd(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.12f}"


def sums_body(sums: Sums) -> dict[str, Any]:
    return {
        name: usd(value) if isinstance(value, Decimal) else value
        for name, value in asdict(sums).items()
    }


def month_body(month: Month, asked: Asked) -> dict[str, Any]:
    """Every tenant's due, and what is in none."""
    book = month.book
    return {
        **head(month.month, month.standing, asked),
        "total_usd": usd(book.total_usd),
        "undistributed_usd": usd(book.left_usd(distributed=asked.distributed)),
        "nobodys_usd": {cause: usd(amount) for cause, amount in book.nobodys.items()},
        "tenants": [due_body(due, asked) for due in book.dues.values()],
    }


def head(month: Any, standing: Any, asked: Asked) -> dict[str, Any]:
    return {
        "month": f"{month:%Y-%m}",
        "currency": "USD",
        "kind": asked.kind,
        "distributed": asked.distributed,
        "closed_at": time_text(standing.closed_at) if standing.closed else None,
        "provisional": standing.why or None,
    }


def due_body(due: Due, asked: Asked) -> dict[str, Any]:
    return {
        "tenant": due.tenant,
        "total_usd": usd(due.total_usd(distributed=asked.distributed)),
        "calls_usd": usd(due.calls.cost_usd),
        "gpu_usd": usd(due.gpu_usd),
        "shares_usd": {cause: usd(amount) for cause, amount in due.shares.items()},
        "calls": sums_body(due.calls),
    }


def statement_body(statement: Statement) -> dict[str, Any]:
    """One tenant's statement."""
    return {
        **head(statement.month, statement.standing, statement.asked),
        **due_body(statement.due, statement.asked),
        "moved_usd": usd(statement.moved_usd),
        "cost_per_successful_request_usd": usd(statement.clean_per_success_usd),
        "loaded_cost_per_successful_request_usd": usd(statement.loaded_per_success_usd),
        "by_model": [{**one.group, **sums_body(one.sums)} for one in statement.by_model],
        "by_feature": [
            {
                "feature": one.feature,
                "total_usd": usd(one.total_usd),
                "gpu_usd": usd(one.gpu_usd),
                **(sums_body(one.sums.sums) if one.sums else {}),
            }
            for one in statement.by_feature
        ],
        "gpu_times": [
            {**asdict(time), "cost_usd": usd(time.cost_usd)} for time in statement.gpu_times
        ],
        "unpriced": [asdict(one) for one in statement.unpriced],
        "rate_versions": list(statement.rate_versions),
    }


class DueSerializer(serializers.Serializer[Any]):
    """What one tenant pays."""

    tenant = serializers.CharField()
    total_usd = serializers.CharField()
    calls_usd = serializers.CharField()
    gpu_usd = serializers.CharField()
    shares_usd = serializers.DictField(
        child=serializers.CharField(),
        help_text="The tenant's part of what is nobody's, by cause; in total_usd if distributed.",
    )
    calls = serializers.DictField(help_text="Requests, tokens, cost by waste class, savings.")


class HeadSerializer(serializers.Serializer[Any]):
    """Which month, and how it stands."""

    month = serializers.CharField(help_text="Such as 2026-11; a month of UTC.")
    currency = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    distributed = serializers.BooleanField()
    closed_at = serializers.CharField(allow_null=True)
    provisional = serializers.CharField(allow_null=True, help_text="Why it can still change.")


class MonthSerializer(HeadSerializer):
    """All dues of a month; they and undistributed_usd add up to total_usd exactly."""

    total_usd = serializers.CharField()
    undistributed_usd = serializers.CharField()
    nobodys_usd = serializers.DictField(child=serializers.CharField())
    tenants = DueSerializer(many=True)


class StatementSerializer(HeadSerializer, DueSerializer):
    """One tenant's statement, as the HTML and CSV say it."""

    moved_usd = serializers.CharField(help_text="Since the month was closed.")
    cost_per_successful_request_usd = serializers.CharField(allow_null=True)
    loaded_cost_per_successful_request_usd = serializers.CharField(allow_null=True)
    by_model = serializers.ListField(child=serializers.DictField())
    by_feature = serializers.ListField(child=serializers.DictField())
    gpu_times = serializers.ListField(child=serializers.DictField())
    unpriced = serializers.ListField(child=serializers.DictField())
    rate_versions = serializers.ListField(child=serializers.IntegerField())
