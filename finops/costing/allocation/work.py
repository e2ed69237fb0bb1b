"""The work of calls, by hour and group: from the ledger, so that no call counts twice.

Calls that repeat another one and hits in a client's own cache used no GPU. A call counts in each
hour that it ran in, by its part of the time there; LONGEST back is looked for those that began
earlier.

The server's own measure of a call's GPU time comes as the tag `gpu_ms`, the pool that it ran on
(where several serve the same model) as the tag `pool`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.costing.allocation.hourly import KnownWork
from finops.costing.allocation.plan import CallKind
from finops.costing.allocation.split import CallWork, Group

LONGEST = timedelta(hours=3)
# A call can have had no more GPU time than so many GPUs have in LONGEST, and none below 0: a tag
# that says so is no measure, as one that is no number.
MOST_GPUS = 64
NAMES = ("tenant", "model", "provider", "team", "feature", "environment")
SUMS = ("calls", "tokens", "output_tokens", "served", "timed", "token_weight", "time_weight")
IN_WEIGHT, OUT_WEIGHT = 1000, 2500

INPUT = (
    "toUInt64(ifNull(input_tokens, 0)) + ifNull(audio_in_tokens, 0) + ifNull(image_in_tokens, 0)"
)
OUTPUT = (
    "toUInt64(ifNull(output_tokens, 0)) + ifNull(reasoning_tokens, 0) + ifNull(audio_out_tokens, 0)"
)
CACHED = (
    "toUInt64(ifNull(cache_read_tokens, 0)) + ifNull(cache_write_5m_tokens, 0)"
    " + ifNull(cache_write_1h_tokens, 0)"
)
# What is written to a cache was computed: only what was read from it is not.
COMPUTED = f"{INPUT} + ifNull(cache_write_5m_tokens, 0) + ifNull(cache_write_1h_tokens, 0)"
RANGE = """workspace_id = {workspace_id:UInt64}
            AND started_at >= {first:DateTime64(6, 'UTC')}
            AND started_at < {end:DateTime64(6, 'UTC')}"""

# A row for each call and hour that it ran in.
PARTS = f"""
    SELECT *, toDateTime(arrayJoin(range(toUInt32(first_hour), toUInt32(last_hour) + 1, 3600)),
            'UTC') AS hour,
        hour = first_hour AS begins,
        greatest(0, least(to_us, (toInt64(toUnixTimestamp(hour)) + 3600) * 1000000)
            - greatest(from_us, toInt64(toUnixTimestamp(hour)) * 1000000)) AS inside_us,
        if(to_us > from_us, inside_us / (to_us - from_us), 1.) AS part,
        toUInt64(round((computed * {IN_WEIGHT} + out_tokens * {OUT_WEIGHT}) * part))
            AS by_tokens,
        toUInt64(round(ifNull(gpu_ms, 0) * 1000 * part)) AS by_time
    FROM
    (
        SELECT {", ".join(f"c.{name} AS {name}" for name in NAMES)},
            c.trace_id AS trace_id, c.span_id AS span_id, c.started_at AS started_at,
            isNull(c.cost_usd) AND c.unpriced_reason = 'no_rate' AS unrated,
            told.named_pool AS named_pool, told.gpu_ms AS gpu_ms,
            {COMPUTED} AS computed, {OUTPUT} AS out_tokens,
            {INPUT} + {CACHED} + {OUTPUT} AS all_tokens,
            toUnixTimestamp64Micro(c.started_at) AS from_us,
            from_us + toInt64(round(greatest(0., least(c.duration_ms, {{longest_ms:Float64}}))
                * 1000)) AS to_us,
            toUnixTimestamp(toStartOfHour(c.started_at)) AS first_hour,
            greatest(first_hour, toUInt32(intDiv(to_us - 1, 3600000000) * 3600)) AS last_hour
        FROM (SELECT * FROM charges FINAL WHERE {RANGE} AND counted = 1 AND hit = 0) AS c
        LEFT ANY JOIN
        (
            SELECT trace_id, span_id, tags['pool'] AS named_pool,
                toFloat64OrNull(nullIf(tags['gpu_ms'], '')) AS said_ms,
                if(said_ms BETWEEN 0 AND {{most_gpu_ms:Float64}}, said_ms, NULL) AS gpu_ms
            FROM calls FINAL
            WHERE {RANGE} AND (mapContains(tags, 'pool') OR mapContains(tags, 'gpu_ms'))
        ) AS told ON told.trace_id = c.trace_id AND told.span_id = c.span_id
    )
"""
WORK = f"""
SELECT hour, {", ".join(NAMES)}, unrated, named_pool,
    sum(begins) AS calls, sum(if(begins, all_tokens, 0)) AS tokens,
    sum(if(begins, out_tokens, 0)) AS output_tokens,
    count() AS served, countIf(isNotNull(gpu_ms)) AS timed,
    sum(by_tokens) AS token_weight, sum(by_time) AS time_weight
FROM ({PARTS})
WHERE hour >= {{start:DateTime('UTC')}} AND hour < {{end_hour:DateTime('UTC')}}
GROUP BY hour, {", ".join(NAMES)}, unrated, named_pool
"""


def params_of(workspace_id: int, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "start": start,
        "first": start - LONGEST,
        "end": end,
        "end_hour": end,
        "longest_ms": LONGEST.total_seconds() * 1000,
        "most_gpu_ms": LONGEST.total_seconds() * 1000 * MOST_GPUS,
    }


def work_of(
    ch: Warehouse, workspace_id: int, start: datetime, end: datetime
) -> dict[datetime, list[KnownWork]]:
    """Return the work of all calls in the whole hours of [start, end), by hour."""
    found: dict[datetime, list[KnownWork]] = defaultdict(list)
    for row in ch.query(WORK, params_of(workspace_id, start, end)):
        found[row["hour"]].append(known_work(row))
    return dict(found)


def known_work(row: dict[str, Any]) -> KnownWork:
    group = Group(**{name: row[name] for name in NAMES})
    kind = CallKind(
        row["provider"], row["model"], row["tenant"], bool(row["unrated"]), row["named_pool"]
    )
    return KnownWork(kind, CallWork(group, **{name: row[name] for name in SUMS}))
