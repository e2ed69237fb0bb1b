"""From data points to serving_samples: each point of a server's series becomes one row, as sent."""

from __future__ import annotations

from ingest.decode import quote
from ingest.metrics import gpu_names, serving_names
from ingest.metrics.points import (
    ATTRIBUTES,
    EVERY_ONE,
    IN_TIME,
    NUMBER,
    NUMBERS,
    TIME_MS,
    entry_of,
    first_of,
    metrics,
    of_entry,
)
from ingest.metrics.serving_names import MEASURES, NAMES

DELTA, CUMULATIVE = 1, 2

# The same columns from points of numbers and from histograms.
NUMBER_POINTS = f"""
SELECT
    workspace_id, received_at_ms, segment_name, resource, spelled,
    metric.unit AS unit,
    toInt32(if(notEmpty(metric.gauge.data_points), 0, metric.sum.aggregation_temporality)) AS sent,
    {ATTRIBUTES} AS a,
    {NUMBER} AS number,
    toUInt64(0) AS count,
    CAST([], 'Array(Float64)') AS bounds,
    CAST([], 'Array(UInt64)') AS counts,
    p.start_time_unix_nano AS start_ns,
    {TIME_MS} AS time_ms
FROM ({metrics(NAMES)})
ARRAY JOIN {NUMBERS} AS p
{EVERY_ONE}
"""  # noqa: S608 (our own text)

HISTOGRAM_POINTS = f"""
SELECT
    workspace_id, received_at_ms, segment_name, resource, spelled,
    metric.unit AS unit,
    metric.histogram.aggregation_temporality AS sent,
    {ATTRIBUTES} AS a,
    if(p.value = 'sum', p.sum, NULL) AS number,
    p.count AS count,
    p.explicit_bounds AS bounds,
    p.bucket_counts AS counts,
    p.start_time_unix_nano AS start_ns,
    {TIME_MS} AS time_ms
FROM ({metrics(NAMES)})
ARRAY JOIN metric.histogram.data_points AS p
{EVERY_ONE}
"""  # noqa: S608 (our own text)

RANKS = " AND ".join(f"a[{quote(rank)}] IN ('', '0')" for rank in serving_names.RANKS)
LAST_MS = 10_413_791_999_999


def as_time(ms: str) -> str:
    return f"fromUnixTimestamp64Milli(toInt64(least({ms}, {LAST_MS})), 'UTC')"


def points(source: str, kinds: str) -> str:
    """Return the points of a source with what the tables know of them."""
    return f"""
    SELECT
        *,
        {of_entry([m.system for m in MEASURES])} AS system,
        {of_entry([m.measure for m in MEASURES])} AS measure,
        {of_entry([m.part for m in MEASURES])} AS part,
        {of_entry([m.kind for m in MEASURES])} AS kind,
        if(unit = 'ms' AND endsWith(measure, '_s'), 0.001, 1) AS scale,
        {first_of(gpu_names.HOST, resource=gpu_names.HOST_OF_RESOURCE)} AS host,
        {first_of(serving_names.INSTANCE, resource=serving_names.INSTANCE_OF_RESOURCE)} AS instance,
        {first_of(serving_names.MODEL)} AS model,
        {first_of(serving_names.ENGINE)} AS engine,
        {first_of(gpu_names.POOL, resource=gpu_names.POOL_OF_RESOURCE)} AS pool,
        {first_of(serving_names.REASON)} AS reason,
        a['le'] AS le,
        -- What counts and came without a temporality is a counter that lost its type on the way.
        multiIf(kind = 'gauge', 0, sent = {DELTA}, {DELTA}, {CUMULATIVE}) AS temporality
    FROM (SELECT *, {entry_of(MEASURES)} AS entry FROM ({source}) {EVERY_ONE})
    WHERE entry != 0 AND {kinds} AND {IN_TIME} AND {RANKS}
        AND NOT (kind = 'gauge' AND sent = {DELTA})"""  # noqa: S608 (our own text)


COLUMNS = {
    "workspace_id": "workspace_id",
    "system": "system",
    "host": "host",
    "instance": "instance",
    "model": "model",
    "engine": "engine",
    "pool": "pool",
    "measure": "measure",
    "reason": "reason",
    "name": "spelled",
    "part": "part",
    "series": "cityHash64(spelled, host, instance, temporality, arraySort(mapKeys(a)),"
    " arrayMap(key -> a[key], arraySort(mapKeys(a))))",
    "temporality": "temporality",
    "start_ts": as_time("intDiv(start_ns, 1000000)"),
    "ts": as_time("time_ms"),
    "value": "if(part IN ('bucket', 'count'), number, number * scale)",
    "count": "count",
    "bounds": "multiIf(part != 'bucket', arrayMap(bound -> bound * scale, bounds),"
    " isFinite(toFloat64OrZero(le)), [toFloat64OrZero(le) * scale], [])",
    "counts": "counts",
    "segment": "segment_name",
    "received_at": as_time("received_at_ms"),
}

# A number is a gauge, a counter or a part of a histogram; nothing else may fill a histogram.
NUMBERS_READ = "(kind != 'histogram' OR part != '')"
HISTOGRAMS_READ = "(kind = 'histogram' AND part = '')"

LOAD_SERVING = f"""
INSERT INTO serving_samples ({", ".join(COLUMNS)})
SELECT {", ".join(COLUMNS.values())}
FROM ({points(NUMBER_POINTS, NUMBERS_READ)})
UNION ALL
SELECT {", ".join(COLUMNS.values())}
FROM ({points(HISTOGRAM_POINTS, HISTOGRAMS_READ)})
"""  # noqa: S608 (our own text)
