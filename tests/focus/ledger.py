"""A small ledger for tests of the export: rates, charges made with them, and a pool's hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.pricing.rate import BUCKETS, Prices, Rate
from tests.queries.rows import roll_up

TOKENS = tuple(bucket for bucket in BUCKETS if bucket != "call")
HOUR = datetime(2026, 11, 20, 10, tzinfo=UTC)
_ids = count(1)


def per_million(**usd: str) -> Prices:
    """Prices from USD per million tokens; `call` is USD per call."""
    return Prices(
        **{
            bucket: Decimal(price) if bucket == "call" else Decimal(price).scaleb(-6)
            for bucket, price in usd.items()
        }
    )


GPT = per_million(input="2.5", cache_read="1.25", output="10")

# A pool's hour: ninety minutes of work on several cards for one tenant, and idle time.
PARTS = (
    {"kind": "busy", "tenant": "acme", "provider": "self-hosted", "model": "llama",
     "feature": "chat", "gpu_ms": 5_400_000, "cost_usd": Decimal(6)},
    {"kind": "idle", "cost_usd": Decimal("1.5")},
)  # fmt: skip


@dataclass(frozen=True)
class Bought:
    """A call and the rate that it is charged with; `listed` is the list's, if another."""

    tokens: Mapping[str, int]
    rate: Rate
    listed: Rate | None = None
    uses: Mapping[str, int] = field(default_factory=dict)
    at: datetime = HOUR
    rate_version: int = 1
    cost: bool = True
    columns: Mapping[str, Any] = field(default_factory=dict)


def rounded(usd: Decimal) -> Decimal:
    return usd.quantize(Decimal("1e-12"), ROUND_HALF_UP)


def worth(bought: Bought, rate: Rate) -> dict[str, Decimal]:
    """What each part of a call costs at a rate, as the charge job works it out."""
    costs = {
        f"{bucket}_usd": rounded(
            bought.tokens.get(bucket, 0) * (getattr(rate.prices, bucket) or Decimal(0))
        )
        if bought.tokens.get(bucket)
        else Decimal(0)
        for bucket in TOKENS
    }
    costs["call_usd"] = rate.prices.call or Decimal(0)
    costs["uses_usd"] = sum(
        (rounded(number * rate.uses[use]) for use, number in bought.uses.items()), Decimal(0)
    )
    return costs


def charge_of(bought: Bought, workspace_id: int) -> dict[str, Any]:
    number = next(_ids)
    costs: dict[str, Any] = worth(bought, bought.rate)
    listed = worth(bought, bought.listed or bought.rate)
    total = sum(costs.values(), Decimal(0))
    if bought.columns.get("hit"):
        costs, total, listed = dict.fromkeys(costs, Decimal(0)), Decimal(0), {}
    if not bought.cost:
        costs = dict.fromkeys(costs)
    return {
        "workspace_id": workspace_id,
        "trace_id": f"{number:016}",
        "span_id": f"{number:08}",
        "started_at": bought.at,
        "tenant": "acme",
        "feature": "",
        "team": "",
        "environment": "",
        "agent": "",
        "operation": "chat",
        "provider": bought.rate.provider,
        "model": bought.rate.model,
        "service_tier": bought.rate.service_tier,
        "region": bought.rate.region,
        "counted": 1,
        "last_attempt": 1,
        "request_succeeded": 1,
        "waste_class": "clean",
        "hit": 0,
        "uses": dict(bought.uses),
        "rate_version": bought.rate_version,
        "version": 1,
        **{f"{bucket}_tokens": bought.tokens.get(bucket) for bucket in TOKENS},
        **costs,
        "cost_usd": total if bought.cost else None,
        "list_usd": sum(listed.values(), Decimal(0)) if bought.cost else None,
        "unpriced_reason": "" if bought.cost else "no_rate",
        **bought.columns,
    }


def add_bought(ch: Warehouse, bought: Sequence[Bought], *, workspace_id: int = 1) -> None:
    """Write charges, their rates and the rollup."""
    rows = [charge_of(each, workspace_id) for each in bought]
    ch.insert("charges", {name: [row[name] for row in rows] for name in rows[0]})
    roll_up(ch)
    for version in {each.rate_version for each in bought}:
        rates = [r for b in bought if b.rate_version == version for r in (b.rate, b.listed) if r]
        add_rates(ch, rates, version=version, workspace_id=workspace_id)


def add_rates(
    ch: Warehouse, rates: Sequence[Rate], *, version: int = 1, workspace_id: int = 1
) -> None:
    names = (
        "provider", "model", "service_tier", "region", "context_above", "context_upto",
        "valid_from", "valid_to", "daily_from_s", "daily_to_s", "workspace_id",
    )  # fmt: skip
    ch.insert(
        "rates",
        {
            "rate_version": [version] * len(rates),
            **{name: [getattr(rate, name) for rate in rates] for name in names},
            **{f"{b}_usd": [getattr(rate.prices, b) for rate in rates] for b in BUCKETS},
            "uses_usd": [dict(rate.uses) for rate in rates],
            "published_at": [HOUR] * len(rates),
        },
    )
    pairs = sorted({(rate.provider, rate.model) for rate in rates})
    ch.insert(
        "rate_aliases",
        {
            "rate_version": [version] * len(pairs),
            "workspace_id": [workspace_id] * len(pairs),
            "provider": [provider for provider, _ in pairs],
            "model": [model for _, model in pairs],
            "rate_provider": [provider for provider, _ in pairs],
            "rate_model": [model for _, model in pairs],
            "resolved_at": [HOUR] * len(pairs),
        },
    )


def add_gpu_parts(
    ch: Warehouse, parts: Sequence[Mapping[str, Any]], *, workspace_id: int = 1
) -> None:
    """Write rows of gpu_allocations; a part names what differs from an idle hour of pool h100."""
    defaults: dict[str, Any] = {
        "workspace_id": workspace_id, "hour": HOUR, "pool": "h100", "kind": "idle", "tenant": "",
        "team": "", "feature": "", "environment": "", "provider": "", "model": "", "gpu_ms": 0,
        "weight": 0, "basis": "tokens", "cost_usd": Decimal(0), "price_version": "1", "version": 1,
    }  # fmt: skip
    rows = [{**defaults, **part} for part in parts]
    ch.insert("gpu_allocations", {name: [row[name] for row in rows] for name in defaults})
