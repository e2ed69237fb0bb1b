"""What inference servers were doing: requests, tokens, cache, queues and latencies over time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries.distribution import Distribution, merge
from finops.queries.errors import InvalidRange
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range
from finops.queries.serving_steps import COUNTER_ROWS, GAUGE_ROWS, HISTOGRAM_ROWS

# How far before the range the point is looked for that the first one is compared with.
LOOK_BACK_S = 3600
MAX_STEPS = 10_000

COUNTERS = (
    "prompt_tokens",
    "generation_tokens",
    "prefix_cache_queries",
    "prefix_cache_hits",
    "preemptions",
    "requests",
)
# Over several servers of a model, requests add up and shares of memory don't.
AVERAGED = ("kv_cache_usage",)

Key = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Level:
    """What a gauge showed in a step: `mean` over time, and the highest value that was seen."""

    mean: float
    highest: float


@dataclass(frozen=True, slots=True)
class ServingLoad:
    """What all servers of one model did in the step that begins at `at`.

    A measure that no server sent is not in the mappings. `levels`: running, waiting,
    kv_cache_usage. `counts`: those of COUNTERS. `finished`: requests by the reason they ended for.
    `spreads`: ttft_s, itl_s, e2e_s, queue_s and the like, in seconds, and tokens by request.
    """

    at: datetime
    system: str
    model: str
    levels: dict[str, Level] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    finished: dict[str, float] = field(default_factory=dict)
    spreads: dict[str, Distribution] = field(default_factory=dict)

    @property
    def cache_hit_share(self) -> float | None:
        """The share of the prompt's tokens that the prefix cache had; None when none was asked."""
        queries = self.counts.get("prefix_cache_queries")
        hits = self.counts.get("prefix_cache_hits")
        return hits / queries if hits is not None and queries else None


def serving_load(ch: Warehouse, workspace_id: int, span: Range, step_s: int) -> list[ServingLoad]:
    """Return the load by step, system and model, in this order; steps without points are left out.

    Raises InvalidRange for more than MAX_STEPS steps.
    """
    if step_s < 1 or span.length.total_seconds() / step_s > MAX_STEPS:
        raise InvalidRange(f"Ask for at most {MAX_STEPS} steps of at least one second.")
    params: dict[str, Any] = {
        "workspace_id": workspace_id,
        "start": span.start,
        "end": span.end,
        "step_s": step_s,
        "look_back_s": LOOK_BACK_S,
        "counters": list(COUNTERS),
        "averaged": list(AVERAGED),
    }
    loads: dict[Key, ServingLoad] = {}

    def load_of(row: dict[str, Any]) -> ServingLoad:
        key = (row["at"], row["system"], row["model"])
        return loads.setdefault(key, ServingLoad(*key))

    for row in ch.query(GAUGE_ROWS, params, settings=SETTINGS):
        load_of(row).levels[row["measure"]] = Level(row["mean"], row["highest"])
    for row in ch.query(COUNTER_ROWS, params, settings=SETTINGS):
        load = load_of(row)
        measure = row["measure"]
        load.counts[measure] = load.counts.get(measure, 0.0) + row["added"]
        if measure == "requests" and row["reason"]:
            load.finished[row["reason"]] = row["added"]
    parts: dict[tuple[Key, str], list[Distribution]] = defaultdict(list)
    for row in ch.query(HISTOGRAM_ROWS, params, settings=SETTINGS):
        load = load_of(row)
        parts[(load.at, load.system, load.model), row["measure"]].append(distribution_of(row))
    for (key, measure), found in parts.items():
        loads[key].spreads[measure] = merge(found)
    return [loads[key] for key in sorted(loads)]


def distribution_of(row: dict[str, Any]) -> Distribution:
    return Distribution(
        tuple(row["bounds"]),
        tuple(row["below"]),
        row["added_count"],
        None if row["without_sum"] else row["added_sum"],
    )
