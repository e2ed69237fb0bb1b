"""How far the ledger has come: up to when every received call is in the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.health.heartbeat import LOADED, last_beat
from finops.queries.ledger import SETTINGS

# The inner select reads one byte a segment, whatever their number; FINAL sees the candidates only.
WAITING = """
SELECT count() AS calls, min(received_at) AS since FROM calls
WHERE workspace_id = {workspace_id:UInt64} AND segment IN (
    SELECT segment FROM segments FINAL
    WHERE charged = 0 AND segment IN (SELECT segment FROM segments WHERE charged = 0)
)
"""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Every call that was acknowledged before `costed_to` is charged; None: nothing is known.

    `waiting_calls` of this workspace are loaded and not charged yet. What the collector set aside
    as unreadable is in no number; its /healthz counts it.
    """

    costed_to: datetime | None
    waiting_calls: int


def freshness(ch: Warehouse, workspace_id: int) -> Freshness:
    """Return how far this workspace is costed.

    That is as far as the loader has come, which says so every five seconds, or when the first call
    that is loaded and not charged was received. The loader is asked first: what it then brings is
    found waiting.
    """
    loaded_to = last_beat(LOADED)
    [waiting] = ch.query(WAITING, {"workspace_id": workspace_id}, settings=SETTINGS)
    if loaded_to is None or not waiting["calls"]:
        return Freshness(costed_to=loaded_to, waiting_calls=waiting["calls"])
    return Freshness(min(loaded_to, waiting["since"]), waiting["calls"])
