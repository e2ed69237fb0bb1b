"""What each call of a pool's hour cost: the row of its group, shared out by the call's weight.

Rows are shared out to calls in the same way as the bill is to rows, so the calls of a group add up
to its row to the last digit. A call that ran over two hours has a part in each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.costing.allocation.plan import HOUR, CallKind, Pool, pool_of_call
from finops.costing.allocation.share import share_out
from finops.costing.allocation.split import GPU_TIME, Group, in_units, usd
from finops.costing.allocation.work import NAMES, PARTS, params_of

CALLS = f"""
SELECT {", ".join(NAMES)}, unrated, named_pool, lower(hex(trace_id)) AS trace,
    lower(hex(span_id)) AS span, started_at, all_tokens, by_tokens, by_time
FROM ({PARTS})
WHERE hour = {{start:DateTime('UTC')}}
ORDER BY started_at, trace, span
"""
ROWS = """
SELECT tenant, model, provider, team, feature, environment, cost_usd, basis
FROM gpu_allocations FINAL
WHERE workspace_id = {workspace_id:UInt64} AND hour = {hour:DateTime('UTC')}
    AND pool = {pool:String} AND kind = 'busy'
"""
GROUP = tuple(field.name for field in fields(Group))


@dataclass(frozen=True, slots=True)
class CallCost:
    """A call's part of an hour's bill; ids as hexadecimal text."""

    trace_id: str
    span_id: str
    started_at: datetime
    group: Group
    tokens: int
    weight: int
    cost_usd: Decimal


def calls_of_hour(
    ch: Warehouse, workspace_id: int, pools: list[Pool], pool: str, hour: datetime
) -> list[CallCost]:
    """Return the calls that ran on a pool in an hour, by start; none before it is allocated."""
    rows = ch.query(ROWS, {"workspace_id": workspace_id, "hour": hour, "pool": pool})
    costs = {group_of(row): in_units(row["cost_usd"]) for row in rows}
    basis = "by_time" if any(row["basis"] == GPU_TIME for row in rows) else "by_tokens"
    alive = [one for one in pools if one.priced(hour)]
    groups: dict[Group, list[dict[str, Any]]] = defaultdict(list)
    if costs:
        for call in ch.query(CALLS, params_of(workspace_id, hour, hour + HOUR)):
            if pool_of_call(alive, kind_of(call)) == pool:
                groups[group_of(call)].append(call)
    found = [
        cost
        for group, calls in groups.items()
        for cost in share_row(group, calls, costs.get(group, 0), basis)
    ]
    return sorted(found, key=lambda one: (one.started_at, one.trace_id, one.span_id))


def share_row(group: Group, calls: list[dict[str, Any]], units: int, basis: str) -> list[CallCost]:
    """Share a row's cost among its calls; without any weight each has none."""
    weights = {(call["trace"], call["span"]): int(call[basis]) for call in calls}
    parts = share_out(units if any(weights.values()) else 0, weights)
    return [
        CallCost(
            trace_id=call["trace"],
            span_id=call["span"],
            started_at=call["started_at"],
            group=group,
            tokens=call["all_tokens"],
            weight=weights[call["trace"], call["span"]],
            cost_usd=usd(parts[call["trace"], call["span"]]),
        )
        for call in calls
    ]


def group_of(row: dict[str, Any]) -> Group:
    return Group(**{name: row[name] for name in GROUP})


def kind_of(call: dict[str, Any]) -> CallKind:
    return CallKind(
        call["provider"], call["model"], call["tenant"], bool(call["unrated"]), call["named_pool"]
    )
