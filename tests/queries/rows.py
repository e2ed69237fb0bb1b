"""Rows of the ledger for tests: a charge with defaults, and the rollup that belongs to charges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from finops.clickhouse.client import Warehouse

WORKSPACE = 7
_ids = count(1)


def at(text: str) -> datetime:
    """A time of 21 November 2026 in UTC: at('14:05') or at('14:05:12.5')."""
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


@dataclass(frozen=True)
class Charge:
    """A row of charges; what a test doesn't name is a clean, successful gpt-4o call for 1 USD."""

    started_at: datetime
    cost_usd: Decimal | None = Decimal(1)
    tenant: str = "acme"
    model: str = "gpt-4o"
    provider: str = "openai"
    feature: str = ""
    team: str = ""
    environment: str = ""
    operation: str = "chat"
    input_tokens: int | None = 100
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    audio_in_tokens: int | None = None
    image_in_tokens: int | None = None
    output_tokens: int | None = 10
    reasoning_tokens: int | None = None
    audio_out_tokens: int | None = None
    input_usd: Decimal | None = None
    cache_read_usd: Decimal | None = None
    output_usd: Decimal | None = None
    provider_cache_saving_usd: Decimal | None = None
    response_cache_saving_usd: Decimal | None = None
    action_id: str = ""
    counted: int = 1
    last_attempt: int = 1
    request_succeeded: int = 1
    waste_class: str = "clean"
    unpriced_reason: str = ""
    workspace_id: int = WORKSPACE
    version: int = 1


def add_charges(ch: Warehouse, charges: Sequence[Charge]) -> None:
    columns = {
        field.name: [getattr(charge, field.name) for charge in charges] for field in fields(Charge)
    }
    ids = [next(_ids) for _ in charges]
    ch.insert(
        "charges",
        {
            **columns,
            "trace_id": [f"{i:016}" for i in ids],
            "span_id": [f"{i:08}" for i in ids],
        },
    )


def roll_up(ch: Warehouse) -> None:
    """Fill usage_hourly from all charges, the way its columns are documented."""
    tokens = [
        "input", "cache_read", "cache_write_5m", "cache_write_1h",
        "output", "reasoning", "audio_in", "audio_out", "image_in",
    ]  # fmt: skip
    classes = ["clean", "retry", "failed", "fallback", "aborted", "duplicate"]
    keys = "workspace_id, hour, tenant, team, feature, environment, operation, provider, model"
    names = [f"{name}_tokens" for name in tokens] + [f"{name}_cost_usd" for name in classes]
    sums = [f"sumIf(ifNull(c.{name}_tokens, 0), counted)" for name in tokens]
    sums += [
        f"sumIf(ifNull(c.cost_usd, 0), counted AND waste_class = '{name}')" for name in classes
    ]
    ch.command(
        f"INSERT INTO usage_hourly ({keys}, calls, requests, successful_requests, unpriced_calls, "
        f"uncounted_calls, cost_usd, {', '.join(names)}, is_deleted, version) "
        f"SELECT workspace_id, toStartOfHour(started_at) AS hour, {keys.split(', ', 2)[2]}, "
        "countIf(counted), countIf(counted AND last_attempt), "
        "countIf(counted AND last_attempt AND request_succeeded), "
        "countIf(counted AND isNull(c.cost_usd)), countIf(NOT counted), "
        f"sumIf(ifNull(c.cost_usd, 0), counted), {', '.join(sums)}, 0, 1 "
        f"FROM charges AS c FINAL GROUP BY {keys}"
    )


def ledger_of(ch: Warehouse, *charges: Charge) -> None:
    """Add charges and their rollup."""
    add_charges(ch, charges)
    roll_up(ch)
