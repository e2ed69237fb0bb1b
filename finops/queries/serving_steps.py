"""From the points of a server's series to what happened between them, in SQL.

Of a cumulative series that is the difference from the point before; but the whole value after a
restart, which shows in a start that is later than the point before, or in a value that is less. A
start that equals the point's own time says only when somebody began to look. The first point of all
counts only if its series began in the range: of an older one, what came before is unknown. Points
are ordered by their own times, so late and repeated ones change nothing.

A measure may come under two names (an old and a new one), with both temporalities, or from a
histogram that was taken apart. These are variants of one truth: the largest counts, not the sum.
"""

from __future__ import annotations

SERVER = "system, host, instance, model, engine"
MOMENT = "toStartOfInterval(ts, toIntervalSecond({step_s:UInt32}), 'UTC')"
IN_RANGE = "ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}"

# Since `look_back_s` before the range: the first point in it is compared with one before it.
POINTS = """
    SELECT *, start_ts > toDateTime64(0, 3, 'UTC') AND start_ts < ts AS has_start
    FROM serving_samples FINAL
    WHERE workspace_id = {workspace_id:UInt64}
        AND ts >= {start:DateTime64(3, 'UTC')} - toIntervalSecond({look_back_s:UInt32})
        AND ts < {end:DateTime64(3, 'UTC')}"""

BEFORE = "(PARTITION BY series ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
ORDERED = """
            lagInFrame(ts, 1, ts) OVER w AS ts_before,
            count() OVER w = 1 AS is_first"""
BEGAN = "is_first AND has_start AND start_ts >= {start:DateTime64(3, 'UTC')}"
RESTARTED = "has_start AND start_ts > ts_before"
UNKNOWN = f"is_first AND temporality = 'cumulative' AND NOT ({BEGAN})"


def whole(fell: str) -> str:
    """Return the condition under which all of a point's value is new."""
    return f"temporality = 'delta' OR ({BEGAN}) OR ({RESTARTED}) OR {fell}"


def steps_of_counters(which: str) -> str:
    """Return what each point of these counters adds."""
    return f"""
    SELECT *, {MOMENT} AS at, value - if({whole("value < value_before")}, 0, value_before) AS added
    FROM
    (
        SELECT {SERVER}, measure, reason, name, part, bounds, temporality, ts, start_ts, has_start,
            assumeNotNull(value) AS value,
            lagInFrame(value, 1, 0.) OVER w AS value_before,{ORDERED}
        FROM (SELECT * REPLACE (assumeNotNull(value) AS value) FROM ({POINTS})
            WHERE {which} AND temporality != 'none' AND isNotNull(value))
        WINDOW w AS {BEFORE}
    )
    WHERE {IN_RANGE} AND NOT ({UNKNOWN})"""


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
        FROM ({POINTS})
        WHERE temporality = 'none' AND isNotNull(value) AND {IN_RANGE}
        GROUP BY at, {SERVER}, measure, name
    )
    GROUP BY at, {SERVER}, measure
)
GROUP BY at, system, model, measure
ORDER BY at, system, model, measure
"""

COUNTER_ROWS = f"""
SELECT at, system, model, measure, reason, sum(added) AS added
FROM
(
    SELECT at, {SERVER}, measure, reason, max(added) AS added
    FROM
    (
        SELECT at, {SERVER}, measure, reason, name, temporality, sum(added) AS added
        FROM ({steps_of_counters("measure IN {counters:Array(String)}")})
        GROUP BY at, {SERVER}, measure, reason, name, temporality
    )
    GROUP BY at, {SERVER}, measure, reason
)
GROUP BY at, system, model, measure, reason
ORDER BY at, system, model, measure, reason
"""

# Buckets are compared by their bounds: how many values were at most this, now and before. So a
# histogram may change its buckets, as exponential ones do when they see something larger.
WHOLE_HISTOGRAMS = f"""
SELECT at, {SERVER}, measure, (name, toString(temporality), 0) AS variant, bounds,
    sumForEach(below) AS below, sum(added_count) AS added_count, sum(added_sum) AS added_sum,
    countIf(isNull(value)) AS without_sum
FROM
(
    SELECT *, {MOMENT} AS at,
        {whole("count < count_before")} AS all_new,
        arrayCumSum(counts) AS so_far,
        arrayCumSum(counts_before) AS so_far_before,
        arrayMap((bound, n) -> n - if(all_new, 0, greatest(0,
            so_far_before[arrayCount(b -> b <= bound, bounds_before)])),
            bounds, arrayMap(n -> toFloat64(n), arraySlice(so_far, 1, length(bounds)))) AS below,
        toFloat64(count) - if(all_new, 0, count_before) AS added_count,
        ifNull(value, 0) - if(all_new, 0, ifNull(value_before, 0)) AS added_sum
    FROM
    (
        SELECT {SERVER}, measure, name, temporality, ts, start_ts, has_start,
            value, count, bounds, counts,
            lagInFrame(value) OVER w AS value_before,
            lagInFrame(count) OVER w AS count_before,
            lagInFrame(bounds) OVER w AS bounds_before,
            lagInFrame(counts) OVER w AS counts_before,{ORDERED}
        FROM (SELECT * FROM ({POINTS})
            WHERE measure NOT IN {{counters:Array(String)}} AND part = ''
                AND temporality != 'none')
        WINDOW w AS {BEFORE}
    )
    WHERE {IN_RANGE} AND NOT ({UNKNOWN})
)
GROUP BY at, {SERVER}, measure, variant, bounds"""

APART = f"""
SELECT at, {SERVER}, measure, (base, temporality_name, 1) AS variant,
    arrayMap(b -> b.1, bars) AS bounds, arrayMap(b -> b.2, bars) AS below,
    added_count, added_sum, toUInt64(sums = 0) AS without_sum
FROM
(
    SELECT at, {SERVER}, measure, base, temporality_name,
        arraySort(groupArrayIf((bounds[1], added), part = 'bucket' AND notEmpty(bounds))) AS bars,
        sumIf(added, part = 'count') AS added_count,
        sumIf(added, part = 'sum') AS added_sum,
        countIf(part = 'sum') AS sums
    FROM
    (
        SELECT at, {SERVER}, measure, part, bounds, toString(temporality) AS temporality_name,
            replaceRegexpOne(name, '_(bucket|sum|count)$', '') AS base, sum(added) AS added
        FROM ({steps_of_counters("part != ''")})
        GROUP BY at, {SERVER}, measure, part, bounds, temporality_name, base
    )
    GROUP BY at, {SERVER}, measure, base, temporality_name
)"""

HISTOGRAM_ROWS = f"""
SELECT at, system, model, measure, bounds, sumForEach(below) AS below,
    sum(added_count) AS added_count, sum(added_sum) AS added_sum, sum(without_sum) AS without_sum
FROM
(
    SELECT *, max((weight, variant)) OVER (PARTITION BY at, {SERVER}, measure) AS best
    FROM
    (
        SELECT *, sum(added_count) OVER (PARTITION BY at, {SERVER}, measure, variant) AS weight
        FROM ({WHOLE_HISTOGRAMS} UNION ALL {APART})
    )
)
WHERE (weight, variant) = best
GROUP BY at, system, model, measure, bounds
ORDER BY at, system, model, measure, bounds
"""
