"""What the cost of a period is made of: actions, calls, tokens, money, by segment and model.

Read from the charges: an action may have calls of many hours and models, so that only a count of
the distinct ones is right, and the rollup doesn't know which attempt was the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import NO_FILTERS, Dimension, Filters
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range, ceil_hour, floor_hour
from finops.queries.unpriced import ON_GPUS

ZERO = Decimal(0)
# Of these an action uses several, so they divide no actions: the workspace is one segment then.
OF_MODELS: tuple[Dimension, ...] = ("model", "provider")
SEGMENTS_AT_MOST = 100

# kind of token -> (its counts, their costs)
TOKENS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "input": (
        ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
        ("input_usd", "cache_read_usd", "cache_write_5m_usd", "cache_write_1h_usd"),
    ),
    "output": (("output_tokens", "reasoning_tokens"), ("output_usd", "reasoning_usd")),
    "audio_in": (("audio_in_tokens",), ("audio_in_usd",)),
    "audio_out": (("audio_out_tokens",), ("audio_out_usd",)),
    "image_in": (("image_in_tokens",), ("image_in_usd",)),
    "image_out": (("image_out_tokens",), ("image_out_usd",)),
}
COUNTS = {
    **{
        kind: " + ".join(f"toUInt64(ifNull({name}, 0))" for name in counts)
        for kind, (counts, _) in TOKENS.items()
    },
    "uses": "arraySum(mapValues(uses))",
}
COSTS = {
    **{
        kind: " + ".join(f"ifNull({name}, 0)" for name in costs)
        for kind, (_, costs) in TOKENS.items()
    },
    "uses": "ifNull(uses_usd, 0)",
}
FEES = "fees"


@dataclass(frozen=True, slots=True)
class Billed:
    """Units of one kind (tokens; uses; calls for fees), their cost, and what the cache saved.

    Amounts are USD; cost + saving is what the units would have cost uncached.
    """

    units: int
    cost_usd: Decimal
    saving_usd: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Cell:
    """The calls of one segment to one model that ended their request, or those that didn't.

    `superseded` calls are attempts that were paid for and followed by another one. `hits` were
    answered by the client's own cache and cost nothing.
    """

    segment: str
    provider: str
    model: str
    superseded: bool
    calls: int
    hits: int
    billed: Mapping[str, Billed]

    @property
    def cost_usd(self) -> Decimal:
        return sum((each.cost_usd for each in self.billed.values()), ZERO)


@dataclass(frozen=True, slots=True)
class Period:
    """All priced calls of a range. `actions` are distinct ones, counted in each segment they reach.

    `rest` names the segment that stands for all the small ones; None where there is none.
    """

    actions: Mapping[str, int]
    cells: tuple[Cell, ...]
    unpriced_calls: int = 0
    rest: str | None = None

    @property
    def cost_usd(self) -> Decimal:
        return sum((cell.cost_usd for cell in self.cells), ZERO)


REST = "\x00rest"  # no client can send a NUL


def periods_of(
    ch: Warehouse,
    workspace_id: int,
    spans: tuple[Range, Range],
    by: Dimension,
    filters: Filters = NO_FILTERS,
    *,
    most: int = SEGMENTS_AT_MOST,
) -> tuple[Period, Period]:
    """Return both ranges, divided into the same segments: the `most` costliest and the rest."""
    segments = None
    if by not in OF_MODELS:
        segments = largest(ch, workspace_id, spans, by, filters, most)
    before, after = (period_of(ch, workspace_id, span, by, filters, segments) for span in spans)
    return before, after


def largest(
    ch: Warehouse,
    workspace_id: int,
    spans: tuple[Range, Range],
    by: Dimension,
    filters: Filters,
    most: int,
) -> list[str]:
    """The names with the highest cost over both ranges, by the sums of their hours."""
    params: dict[str, Any] = {"workspace_id": workspace_id, "most": most, **filters.params()}
    hours = []
    for i, span in enumerate(spans):
        hours.append(
            f"(hour >= {{from_{i}:DateTime('UTC')}} AND hour < {{to_{i}:DateTime('UTC')}})"
        )
        params |= {f"from_{i}": floor_hour(span.start), f"to_{i}": ceil_hour(span.end)}
    rows = ch.query(
        f"SELECT {by} AS name FROM usage_hourly FINAL WHERE workspace_id = {{workspace_id:UInt64}} "
        f"AND ({' OR '.join(hours)}){filters.conditions()} "
        "GROUP BY name ORDER BY sum(cost_usd) DESC, name LIMIT {most:UInt32}",
        params,
        settings=SETTINGS,
    )
    return [row["name"] for row in rows]


def period_of(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    by: Dimension,
    filters: Filters,
    segments: list[str] | None,
) -> Period:
    segment = "''"
    params: dict[str, Any] = {
        "workspace_id": workspace_id,
        "start": span.start,
        "end": span.end,
        **filters.params(),
    }
    if segments is not None:
        segment = f"if({by} IN {{segments:Array(String)}}, {by}, {{rest:String}})"
        params |= {"segments": segments, "rest": REST}
    charges = (
        "FROM charges FINAL WHERE workspace_id = {workspace_id:UInt64} AND counted = 1 "
        "AND started_at >= {start:DateTime64(6, 'UTC')} "
        "AND started_at < {end:DateTime64(6, 'UTC')}" + filters.conditions()
    )
    actions = ch.query(
        f"SELECT {segment} AS seg, uniqExactIf(action_id, isNotNull(cost_usd)) AS actions, "
        f"countIf(isNull(cost_usd) AND NOT {ON_GPUS}) AS unpriced {charges} GROUP BY seg",
        params,
        settings=SETTINGS,
    )
    cells = ch.query(
        f"SELECT {segment} AS seg, provider, model, last_attempt = 0 AS superseded, "
        f"count() AS n_calls, countIf(hit) AS n_hits, sum(assumeNotNull(cost_usd)) AS c_all, "
        "sum(ifNull(provider_cache_saving_usd, 0)) AS saving, "
        f"{', '.join(sums())} {charges} "
        "AND isNotNull(cost_usd) AND (last_attempt = 1 OR cost_usd > 0) "
        "GROUP BY seg, provider, model, superseded",
        params,
        settings=SETTINGS,
    )
    return Period(
        actions={row["seg"]: row["actions"] for row in actions if row["actions"]},
        cells=tuple(cell_of(row) for row in cells),
        unpriced_calls=sum(row["unpriced"] for row in actions),
        rest=REST if any(row["seg"] == REST for row in actions) else None,
    )


def sums() -> list[str]:
    """SQL of the units and the cost of each kind; a hit's tokens were not bought."""
    return [
        *(f"sumIf({sql}, NOT hit) AS u_{kind}" for kind, sql in COUNTS.items()),
        *(f"sum({sql}) AS c_{kind}" for kind, sql in COSTS.items()),
    ]


def cell_of(row: Mapping[str, Any]) -> Cell:
    # What is left of a call's cost after its tokens and uses is what each call costs as such.
    billed = {
        kind: Billed(row[f"u_{kind}"], row[f"c_{kind}"], row["saving"] if kind == "input" else ZERO)
        for kind in COUNTS
        if row[f"u_{kind}"] or row[f"c_{kind}"]
    }
    fees = row["c_all"] - sum((each.cost_usd for each in billed.values()), ZERO)
    if fees:
        billed[FEES] = Billed(row["n_calls"] - row["n_hits"], fees)
    return Cell(
        segment=row["seg"],
        provider=row["provider"],
        model=row["model"],
        superseded=bool(row["superseded"]),
        calls=row["n_calls"],
        hits=row["n_hits"],
        billed=billed,
    )
