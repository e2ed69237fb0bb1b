"""Reading data points: the protobuf of sealed metric segments as rows of points.

The statements of gpu.py and serving.py read one of the sources made here. What is said of time and
place is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingest.decode import KEY_VALUES, WHOLE, as_map, quote, texts
from ingest.metrics.names import Labels, Measure, Reading, spell
from ingest.record import RECEIPT, RECEIVED_AT_MS, WORKSPACE_ID

PROTO = f"""syntax = "proto3";
message Text {{ string string_value = 1; }}
message Texts {{ repeated Text values = 1; }}
message AnyValue {{
  oneof value {{
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    Texts array_value = 5; bytes kvlist_value = 6; bytes bytes_value = 7;
  }}
}}
message KeyValue {{ string key = 1; AnyValue value = 2; }}
message Resource {{ repeated KeyValue attributes = 1; }}
message Scope {{ string name = 1; }}
message NumberPoint {{
  repeated KeyValue attributes = 7;
  fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  oneof value {{ double as_double = 4; sfixed64 as_int = 6; }}
}}
message HistogramPoint {{
  repeated KeyValue attributes = 9;
  fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  fixed64 count = 4; oneof value {{ double sum = 5; }}
  repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
}}
message Gauge {{ repeated NumberPoint data_points = 1; }}
message Sum {{ repeated NumberPoint data_points = 1; int32 aggregation_temporality = 2; }}
message Histogram {{ repeated HistogramPoint data_points = 1; int32 aggregation_temporality = 2; }}
message Metric {{
  string name = 1; string unit = 3; Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9;
}}
message ScopeMetrics {{ Scope scope = 1; repeated Metric metrics = 2; }}
message ResourceMetrics {{ Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }}
message Request {{
  repeated ResourceMetrics resource_metrics = 1;
  fixed64 workspace_id = {WORKSPACE_ID}; fixed64 receipt = {RECEIPT};
  fixed64 received_at_ms = {RECEIVED_AT_MS};
}}
"""

NUMBER_POINTS = f"""Array(Tuple(
    attributes {KEY_VALUES},
    start_time_unix_nano UInt64, time_unix_nano UInt64,
    value Enum8('no' = 0, 'as_double' = 4, 'as_int' = 6), as_double Float64, as_int Int64))"""
HISTOGRAM_POINTS = f"""Array(Tuple(
    attributes {KEY_VALUES},
    start_time_unix_nano UInt64, time_unix_nano UInt64,
    count UInt64, value Enum8('no' = 0, 'sum' = 5), sum Float64,
    bucket_counts Array(UInt64), explicit_bounds Array(Float64)))"""

STRUCTURE = f"""
    resource_metrics Array(Tuple(
        resource Tuple(attributes {KEY_VALUES}),
        scope_metrics Array(Tuple(
            scope Tuple(name String),
            metrics Array(Tuple(
                name String, unit String,
                gauge Tuple(data_points {NUMBER_POINTS}),
                sum Tuple(data_points {NUMBER_POINTS}, aggregation_temporality Int32),
                histogram Tuple(data_points {HISTOGRAM_POINTS}, aggregation_temporality Int32)
            )))))),
    workspace_id UInt64, receipt UInt64, received_at_ms UInt64"""

SETTINGS = WHOLE | {
    "format_schema_source": "string",
    "format_schema": PROTO,
    "format_schema_message_name": "Request",
    "input_format_protobuf_oneof_presence": 1,
}

# `spell` of names.py, in SQL.
SPELLED = (
    r"replaceRegexpOne(replaceAll(replaceAll(lower(m.name), ':', '_'), '.', '_'), '_total$', '')"
)

# How far a clock may be ahead of ours. What is older than rows are kept is forgotten anyway.
AHEAD_S = 86_400
KEPT_S = 400 * 86_400


def metrics(wanted: Iterable[str]) -> str:
    """Return the source of whole metrics of these names (spelled), one a row."""
    return f"""
    SELECT
        workspace_id,
        received_at_ms,
        substring(_file, 1, position(_file, '.') - 1) AS segment_name,
        {as_map("rm.resource.attributes")} AS resource,
        sm.scope.name AS scope_name,
        {SPELLED} AS spelled,
        m AS metric
    FROM file({{path:String}}, 'Protobuf', {quote(STRUCTURE)})
    ARRAY JOIN resource_metrics AS rm
    ARRAY JOIN rm.scope_metrics AS sm
    ARRAY JOIN sm.metrics AS m
    WHERE spelled IN ({texts(tuple(sorted(wanted)))})"""  # noqa: S608 (our own text)


NUMBERS = "arrayConcat(metric.gauge.data_points, metric.sum.data_points)"
NUMBER = "if(p.value = 'as_int', toFloat64(p.as_int), p.as_double)"
ATTRIBUTES = as_map("p.attributes")
# A point without a time was true when it came.
TIME_MS = "if(p.time_unix_nano = 0, received_at_ms, intDiv(p.time_unix_nano, 1000000))"
IN_TIME = (
    f"time_ms <= received_at_ms + {AHEAD_S * 1000} AND time_ms + {KEPT_S * 1000} > received_at_ms"
)


# ClickHouse carries a filter on what is worked out from a file down to the file's virtual columns,
# and needs seconds to find that it has no use there. It carries no filter past a limit.
EVERY_ONE = "LIMIT 1000000000000"


def first_of(names: Sequence[str], *, resource: Sequence[str] = ()) -> str:
    """Return the first label of a point, else attribute of its resource, that is there."""
    found = [f"nullIf(a[{quote(name)}], '')" for name in names]
    found += [f"nullIf(resource[{quote(name)}], '')" for name in resource]
    return f"coalesce({', '.join(found)}, '')"


def has_labels(labels: Labels) -> str:
    return " AND ".join(f"a[{quote(name)}] IN ({texts(values)})" for name, values in labels.items())


def entry_of(table: Sequence[Reading | Measure]) -> str:
    """Return the expression that finds a point's entry in a table: from 1, or 0 for none."""
    plain = {spell(entry.name): n for n, entry in enumerate(table, 1) if not entry.where}
    choices = [
        f"spelled = {quote(spell(entry.name))} AND {has_labels(entry.where)}, {n}"
        for n, entry in enumerate(table, 1)
        if entry.where
    ]
    numbers = ", ".join(map(str, plain.values()))
    otherwise = f"transform(spelled, [{texts(tuple(plain))}], [{numbers}], 0)"
    return f"multiIf({', '.join([*choices, otherwise])})" if choices else otherwise


def of_entry(values: Iterable[str | float]) -> str:
    """Return the expression that reads a column of a table for `entry`."""
    listed = ", ".join(quote(v) if isinstance(v, str) else repr(v) for v in values)
    return f"arrayElement([{listed}], entry)"


# How many requests ClickHouse sees at a path, and how many points of each metric (spelled).
COUNT_POINTS = f"""
SELECT uniqExact(request) AS requests, sumMapIf(map(spelled, points), spelled != '') AS points
FROM
(
    SELECT
        request,
        {SPELLED} AS spelled,
        toUInt64(length(m.gauge.data_points) + length(m.sum.data_points)
            + length(m.histogram.data_points)) AS points
    FROM
    (
        SELECT rowNumberInAllBlocks() AS request, resource_metrics
        FROM file({{path:String}}, 'Protobuf', {quote(STRUCTURE)})
    )
    LEFT ARRAY JOIN resource_metrics AS rm
    LEFT ARRAY JOIN rm.scope_metrics AS sm
    LEFT ARRAY JOIN sm.metrics AS m
)
"""  # noqa: S608 (our own text)
