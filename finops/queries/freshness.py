"""How far the ledger has come: up to when every received call is charged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from finops.clickhouse.client import Warehouse


@dataclass(frozen=True, slots=True)
class Freshness:
    """Every call received before `costed_to` is charged; None until the first one is.

    `waiting_calls` of this workspace are loaded and not charged yet.
    """

    costed_to: datetime | None
    waiting_calls: int


def freshness(ch: Warehouse, workspace_id: int) -> Freshness:
    """Return how far this workspace is costed.

    With calls waiting, that is when the first of them was received; with none, when the last
    segment of spans that is charged was loaded.
    """
    waiting = ch.query(
        "SELECT count() AS calls, min(received_at) AS since FROM calls "
        "WHERE workspace_id = {workspace_id:UInt64} AND segment IN "
        "(SELECT segment FROM segments FINAL WHERE charged = 0)",
        {"workspace_id": workspace_id},
    )[0]
    if waiting["calls"]:
        return Freshness(costed_to=waiting["since"], waiting_calls=waiting["calls"])
    charged = ch.query("SELECT maxOrNull(loaded_at) AS upto FROM segments WHERE charged = 1")[0]
    return Freshness(costed_to=charged["upto"], waiting_calls=0)
