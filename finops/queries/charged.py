"""How much of one batch of requests is in the ledger: for whoever sent it and waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range


@dataclass(frozen=True, slots=True)
class Charged:
    """Attempts of the batch that are charged, and their cost; None while none has a price."""

    calls: int
    cost_usd: Decimal | None


def charged(ch: Warehouse, workspace_id: int, span: Range, request_prefix: str) -> Charged:
    """Count the attempts whose request id starts with a prefix, each once however often it came."""
    row = ch.query(
        "SELECT uniqExact(request_id, attempt) AS calls, sumIf(cost_usd, counted = 1) AS cost "
        "FROM charges FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND started_at >= {start:DateTime64(6, 'UTC')} "
        "AND started_at < {end:DateTime64(6, 'UTC')} "
        "AND startsWith(request_id, {prefix:String})",
        {
            "workspace_id": workspace_id,
            "start": span.start,
            "end": span.end,
            "prefix": request_prefix,
        },
        settings=SETTINGS,
    )[0]
    return Charged(calls=row["calls"], cost_usd=row["cost"])
