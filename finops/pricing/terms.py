"""A contract price in the words that people and programs use for it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from finops.accounts.models import Workspace
from finops.pricing.models import RateOverride, Tier
from finops.pricing.rate import BUCKETS

# The columns of prices -> what they are called outside, with their unit.
PRICES = {
    f"{bucket}_usd": f"{bucket}_usd" if bucket == "call" else f"{bucket}_usd_per_million"
    for bucket in BUCKETS
}
STANDARD = "standard"  # the column has '' for it
TIERS = tuple(tier.value or STANDARD for tier in Tier)


def override_of(workspace: Workspace, terms: Mapping[str, Any]) -> RateOverride:
    """Return an unsaved override; terms that are left out keep their defaults."""
    columns = {
        "provider": terms.get("provider", ""),
        "model": terms["model"],
        "service_tier": column_of(terms.get("service_tier", Tier.ANY.value)),
        "region": terms.get("region", "").strip().lower(),
        "discount_percent": terms.get("discount_percent"),
        "uses_usd": {
            name: f"{usd.normalize():f}" for name, usd in (terms.get("uses_usd") or {}).items()
        },
        "valid_from": terms["valid_from"],
        "valid_to": terms.get("valid_to"),
        "why": terms["why"],
        **{column: terms.get(name) for column, name in PRICES.items()},
    }
    return RateOverride(workspace=workspace, **columns)


def uses_of(override: RateOverride) -> dict[str, Decimal]:
    """Return USD for one of what is sold by use: a search, a page, an hour of audio."""
    return {name: Decimal(usd) for name, usd in override.uses_usd.items()}


def column_of(tier: str) -> str:
    return "" if tier == STANDARD else tier


def tier_of(override: RateOverride) -> str:
    return override.service_tier or STANDARD


def in_terms(problem: ValidationError) -> ValidationError:
    """Return what is wrong by the outer names of the fields."""
    if not hasattr(problem, "error_dict"):
        return problem
    return ValidationError(
        {PRICES.get(field, field): errors for field, errors in problem.error_dict.items()}
    )
