"""A row of the table `rates` as the rate that it was written from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops.pricing.rate import BUCKETS, Prices, Rate

NAMES = (
    "provider",
    "model",
    "service_tier",
    "region",
    "context_above",
    "context_upto",
    "valid_from",
    "valid_to",
    "daily_from_s",
    "daily_to_s",
    "workspace_id",
    "source",
)


def rate_of(row: Mapping[str, Any]) -> Rate:
    """Return the rate; the row has the columns of the table under their own names."""
    return Rate(
        **{name: row[name] for name in NAMES},
        prices=Prices(**{bucket: row[f"{bucket}_usd"] for bucket in BUCKETS}),
        uses=dict(row["uses_usd"]),
    )
