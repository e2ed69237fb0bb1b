"""What the collector took from a workspace's senders, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range, ceil_hour, floor_hour
from finops.queries.unpriced import ON_GPUS

ARRIVALS = """
SELECT signal, dialect, emitter, sum(received) AS total, sum(calls) AS became_calls,
    max(last_at) AS last
FROM arrivals FINAL
WHERE workspace_id = {workspace_id:UInt64}
    AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
GROUP BY signal, dialect, emitter
ORDER BY total DESC, signal, dialect, emitter
LIMIT {limit:UInt32}
"""

SHARES = f"""
SELECT count() AS calls, countIf(counted = 0) AS repeated,
    countIf(counted = 1 AND tenant = '') AS nobody,
    countIf(counted = 1 AND isNull(cost_usd) AND NOT {ON_GPUS}) AS unpriced
FROM charges FINAL
WHERE workspace_id = {{workspace_id:UInt64}}
    AND started_at >= {{start:DateTime64(6, 'UTC')}} AND started_at < {{end:DateTime64(6, 'UTC')}}
"""

LAST_CALL = """
SELECT dialect, emitter, provider, operation, started_at, received_at,
    if(model_served = '', model_requested, model_served) AS model
FROM calls
WHERE workspace_id = {workspace_id:UInt64} AND started_at >= {start:DateTime64(6, 'UTC')}
ORDER BY received_at DESC
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one emitter sent: spans (or data points) of a signal, and the calls that they became.

    `dialect` is '' for spans that no dialect was recognised in; they were acknowledged, counted and
    left out.
    """

    signal: str
    dialect: str
    emitter: str
    received: int
    calls: int
    last_at: datetime

    @property
    def ignored(self) -> int:
        """Spans that are no calls: steps around them, and what speaks no dialect."""
        return self.received - self.calls if self.signal == "traces" else 0


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the calls of a range: how many repeat others, have no tenant, or no price."""

    calls: int
    repeated: int
    unattributed: int
    unpriced: int

    @property
    def counted(self) -> int:
        return self.calls - self.repeated

    @property
    def unattributed_share(self) -> Decimal | None:
        """From 0 to 1; None where there are no calls."""
        return Decimal(self.unattributed) / self.counted if self.counted else None

    @property
    def unpriced_share(self) -> Decimal | None:
        """From 0 to 1; None where there are no calls."""
        return Decimal(self.unpriced) / self.counted if self.counted else None


@dataclass(frozen=True, slots=True)
class LastCall:
    """The call that was received last."""

    dialect: str
    emitter: str
    provider: str
    model: str
    operation: str
    started_at: datetime
    received_at: datetime


def arrivals(ch: Warehouse, workspace_id: int, span: Range, *, limit: int = 100) -> list[Arrival]:
    """Return what arrived in the hours of a range, by emitter, the most first."""
    rows = ch.query(
        ARRIVALS,
        {
            "workspace_id": workspace_id,
            "start": floor_hour(span.start),
            "end": ceil_hour(span.end),
            "limit": limit,
        },
        settings=SETTINGS,
    )
    return [
        Arrival(
            signal=row["signal"],
            dialect=row["dialect"],
            emitter=row["emitter"],
            received=row["total"],
            calls=row["became_calls"],
            last_at=row["last"],
        )
        for row in rows
    ]


def shares(ch: Warehouse, workspace_id: int, span: Range) -> Shares:
    """Return what of the charged calls of a range can't be told or priced."""
    (row,) = ch.query(
        SHARES,
        {"workspace_id": workspace_id, "start": span.start, "end": span.end},
        settings=SETTINGS,
    )
    return Shares(row["calls"], row["repeated"], row["nobody"], row["unpriced"])


def last_call(ch: Warehouse, workspace_id: int, since: datetime) -> LastCall | None:
    """Return the newest call that started after `since`; None where there is none."""
    rows = ch.query(LAST_CALL, {"workspace_id": workspace_id, "start": since}, settings=SETTINGS)
    return LastCall(**rows[0]) if rows else None
