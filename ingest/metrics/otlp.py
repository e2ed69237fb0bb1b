"""The part of OTLP metrics that the collector reads, as classes of the protobuf runtime.

Attributes are declared as maps, for the reason that ingest/otlp.py gives. What isn't declared here
(descriptions, exemplars, metadata) is unknown to these classes and thrown away at the door.
"""

from __future__ import annotations

from ingest.otlp import MESSAGES as TRACES
from ingest.otlp import make_classes

SHARED = ("AnyValue", "ArrayValue", "KeyValueList", "KeyValue", "Resource")

MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    **{name: TRACES[name] for name in SHARED},
    "Scope": ((1, "string", "name"), (2, "string", "version")),
    "NumberPoint": (
        (7, "map AnyValue", "attributes"),
        (2, "fixed64", "start_time_unix_nano"),
        (3, "fixed64", "time_unix_nano"),
        (4, "double", "as_double"),
        (6, "sfixed64", "as_int"),
        (8, "uint32", "flags"),
    ),
    "HistogramPoint": (
        (9, "map AnyValue", "attributes"),
        (2, "fixed64", "start_time_unix_nano"),
        (3, "fixed64", "time_unix_nano"),
        (4, "fixed64", "count"),
        (5, "double", "sum"),
        (6, "repeated fixed64", "bucket_counts"),
        (7, "repeated double", "explicit_bounds"),
        (10, "uint32", "flags"),
    ),
    "Buckets": ((1, "sint32", "offset"), (2, "repeated uint64", "bucket_counts")),
    "ExponentialPoint": (
        (1, "map AnyValue", "attributes"),
        (2, "fixed64", "start_time_unix_nano"),
        (3, "fixed64", "time_unix_nano"),
        (4, "fixed64", "count"),
        (5, "double", "sum"),
        (6, "sint32", "scale"),
        (7, "fixed64", "zero_count"),
        (8, "Buckets", "positive"),
        (9, "Buckets", "negative"),
        (10, "uint32", "flags"),
    ),
    "Gauge": ((1, "repeated NumberPoint", "data_points"),),
    "Sum": (
        (1, "repeated NumberPoint", "data_points"),
        (2, "int32", "aggregation_temporality"),
        (3, "bool", "is_monotonic"),
    ),
    "Histogram": (
        (1, "repeated HistogramPoint", "data_points"),
        (2, "int32", "aggregation_temporality"),
    ),
    "ExponentialHistogram": (
        (1, "repeated ExponentialPoint", "data_points"),
        (2, "int32", "aggregation_temporality"),
    ),
    "Summary": ((1, "repeated bytes", "data_points"),),
    "Metric": (
        (1, "string", "name"),
        (3, "string", "unit"),
        (5, "Gauge", "gauge"),
        (7, "Sum", "sum"),
        (9, "Histogram", "histogram"),
        (10, "ExponentialHistogram", "exponential_histogram"),
        (11, "Summary", "summary"),
    ),
    "ScopeMetrics": ((1, "Scope", "scope"), (2, "repeated Metric", "metrics")),
    "ResourceMetrics": ((1, "Resource", "resource"), (2, "repeated ScopeMetrics", "scope_metrics")),
    "Metrics": ((1, "repeated ResourceMetrics", "resource_metrics"),),
}
# The members that exclude each other, by the name that they have together.
ONE_OF = {
    "AnyValue": ("value", frozenset(name for _, _, name in TRACES["AnyValue"])),
    "NumberPoint": ("value", frozenset({"as_double", "as_int"})),
    # Alone in its group: a sum that wasn't sent differs from one of 0.
    "HistogramPoint": ("optional_sum", frozenset({"sum"})),
    "ExponentialPoint": ("optional_sum", frozenset({"sum"})),
    "Metric": (
        "data",
        frozenset({"gauge", "sum", "histogram", "exponential_histogram", "summary"}),
    ),
}

Metrics = make_classes(MESSAGES, "inferledger.otlp.metrics", ONE_OF)["Metrics"]
