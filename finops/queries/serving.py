"""What inference servers were doing: requests, tokens, cache hits, queues and latencies over time.

Servers send counters, and what is asked is what happened between two moments. Of a cumulative
series that is, for each point, the difference from the point before it; but the whole value after a
restart, which shows in a start that is later than the point before, or in a value that is less. A
start that equals the point's own time says only when somebody began to look. The first point of all
counts only if the series began in the range; of a series that is older, what came before is
unknown. Points are ordered by their own times, so late and repeated ones change nothing.

A measure may come under two names (an old one and a new one), with both temporalities, or from a
histogram that was taken apart. These are variants of one truth: the largest counts, not the sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries.distribution import Distribution
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range

# How far before the range the point is looked for that the first one is compared with.
LOOK_BACK_S = 3600

GAUGES = ("running", "waiting", "kv_cache_usage")
# Of several servers of a model: requests add up, shares of memory don't.
AVERAGED = ("kv_cache_usage",)

SERVER = "system, host, instance, model, engine"
VARIANT = "name, temporality, part"
MOMENT = "toStartOfInterval(ts, toIntervalSecond({step_s:UInt32}), 'UTC')"
IN_RANGE = "ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}"

POINTS = """
    SELECT *, start_ts > toDateTime64(0, 3, 'UTC') AND start_ts < ts AS has_start
    FROM serving_samples FINAL
    WHERE workspace_id = {workspace_id:UInt64}
        AND ts >= {start:DateTime64(3, 'UTC')} - toIntervalSecond({look_back_s:UInt32})
        AND ts < {end:DateTime64(3, 'UTC')}"""

BEFORE = "(PARTITION BY series ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
# What a point adds to what came before it: all of it, only the difference, or nothing known.
ADDS = """multiIf(
        temporality = 'delta', 'all',
        is_first, if(has_start AND start_ts >= {start:DateTime64(3, 'UTC')}, 'all', 'nothing'),
        (has_start AND start_ts > ts_before) OR fell, 'all',
        'difference')"""

GAUGE_ROWS = f"""
SELECT at, system, model, measure,
    if(measure IN {{averaged:Array(String)}}, avg(mean), sum(mean)) AS mean,
    if(measure IN {{averaged:Array(String)}}, max(highest), sum(highest)) AS highest
FROM
(
    SELECT at, {SERVER}, measure, max(mean) AS mean, max(highest) AS highest
    FROM
    (
        SELECT {MOMENT} AS at, {SERVER}, measure, name,
            avg(assumeNotNull(value)) AS mean, max(assumeNotNull(value)) AS highest
        FROM ({POINTS}) WHERE temporality = 'none' AND isNotNull(value) AND {IN_RANGE}
        GROUP BY at, {SERVER}, measure, name, series
    )
    GROUP BY at, {SERVER}, measure
)
GROUP BY at, system, model, measure
ORDER BY at, system, model, measure
"""

# The parts of a histogram that was taken apart are counters, too.
COUNTER_STEPS = f"""
    SELECT *, {{adds}} AS adds,
        multiIf(adds = 'all', value, adds = 'difference', value - value_before, 0) AS added
    FROM
    (
        SELECT {SERVER}, {VARIANT}, measure, reason, bounds, temporality, ts, start_ts, has_start,
            assumeNotNull(value) AS value,
            lagInFrame(value, 1, 0.) OVER w AS value_before,
            lagInFrame(ts, 1, ts) OVER w AS ts_before,
            count() OVER w = 1 AS is_first,
            value < value_before AS fell
        FROM ({POINTS})
        WHERE {{kind}} AND temporality != 'none' AND isNotNull(value)
        WINDOW w AS {BEFORE}
    )
    WHERE {IN_RANGE}"""


def steps_of_counters(kind: str) -> str:
    return COUNTER_STEPS.replace("{adds}", ADDS).replace("{kind}", kind)


COUNTER_ROWS = f"""
SELECT at, system, model, measure, reason, sum(added) AS added
FROM
(
    SELECT at, {SERVER}, measure, reason, max(added) AS added
    FROM
    (
        SELECT {MOMENT} AS at, {SERVER}, {VARIANT}, measure, reason, sum(added) AS added
        FROM ({steps_of_counters("part = '' AND count = 0 AND empty(counts)")})
        GROUP BY at, {SERVER}, {VARIANT}, measure, reason
    )
    GROUP BY at, {SERVER}, measure, reason
)
GROUP BY at, system, model, measure, reason
ORDER BY at, system, model, measure, reason
"""
