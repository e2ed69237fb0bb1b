"""Lines of the ledger for tests, without a ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from finops.focus.account import Account
from finops.queries.focus_lines import FocusLine, Metered
from finops.queries.focus_rates import NO_PRICES, Prices
from tests.focus.ledger import HOUR

ACME = Account("acme", "Acme Inc")


def prices(**usd_per_million: str) -> Prices:
    return Prices({name: Decimal(usd).scaleb(-6) for name, usd in usd_per_million.items()}, {})


def metered(bucket: str, tokens: int, usd: str, waste: str = "0") -> Metered:
    return Metered(bucket, tokens, Decimal(usd), Decimal(waste))


def line(*meters: Metered, **columns: Any) -> FocusLine:
    """A line of gpt-4o; what it costs is the sum of its meters and fees."""
    given: dict[str, Any] = {
        "hour": HOUR, "tenant": "acme", "team": "", "feature": "", "environment": "", "agent": "",
        "provider": "openai", "model": "gpt-4o", "service_tier": "", "region": "",
        "rate_version": 3, "hit": False, "calls": 1, "requests": 1, "successful_requests": 1,
        "waste_usd": Decimal(0), "meters": tuple(meters), "call_usd": Decimal(0),
        "call_waste_usd": Decimal(0), "charged_calls": 0, "uses": {}, "wasted_uses": {},
        "uses_usd": Decimal(0), "uses_waste_usd": Decimal(0), "contracted": NO_PRICES,
        "listed": NO_PRICES, **columns,
    }  # fmt: skip
    total = sum((each.usd for each in meters), given["call_usd"] + given["uses_usd"])
    return FocusLine(**{"cost_usd": total, "list_usd": total, **given})
