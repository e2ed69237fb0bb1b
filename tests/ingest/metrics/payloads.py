"""Building OTLP metrics by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as ProtoMetric
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

from tests.ingest.payloads import SECOND_NS, START_NS, Values, pairs

GAUGE, DELTA, CUMULATIVE = 0, 1, 2
AT_NS = START_NS


@dataclass(frozen=True)
class Point:
    """A data point as a test thinks of it: a number, or the buckets of a histogram."""

    name: str
    value: int | float | None = None
    labels: Values = field(default_factory=dict)
    ts_ns: int = AT_NS
    start_ns: int = 0
    temporality: int = GAUGE
    unit: str = ""
    bounds: Sequence[float] = ()
    counts: Sequence[int] | None = None
    flags: int = 0


def number(point: Point, made: NumberDataPoint) -> None:
    made.attributes.extend(pairs(point.labels))
    made.time_unix_nano, made.start_time_unix_nano = point.ts_ns, point.start_ns
    made.flags = point.flags
    if isinstance(point.value, int):
        made.as_int = point.value
    elif point.value is not None:
        made.as_double = point.value


def encode_point(point: Point) -> ProtoMetric:
    """A metric with this one point."""
    metric = ProtoMetric(name=point.name, unit=point.unit)
    if point.counts is not None:
        metric.histogram.aggregation_temporality = point.temporality  # type: ignore[assignment]
        made = metric.histogram.data_points.add()
        made.attributes.extend(pairs(point.labels))
        made.time_unix_nano, made.start_time_unix_nano = point.ts_ns, point.start_ns
        made.count = sum(point.counts)
        made.bucket_counts.extend(point.counts)
        made.explicit_bounds.extend(point.bounds)
        made.flags = point.flags
        if point.value is not None:
            made.sum = point.value
    elif point.temporality:
        metric.sum.aggregation_temporality = point.temporality  # type: ignore[assignment]
        metric.sum.is_monotonic = True
        number(point, metric.sum.data_points.add())
    else:
        number(point, metric.gauge.data_points.add())
    return metric


def request(*points: Point, resource: Mapping[str, Any] | None = None, scope: str = "t") -> bytes:
    """Return an ExportMetricsServiceRequest with one resource and one scope."""
    message = ExportMetricsServiceRequest()
    made = message.resource_metrics.add()
    made.resource.attributes.extend(pairs(resource or {}))
    scope_metrics = made.scope_metrics.add()
    scope_metrics.scope.name = scope
    scope_metrics.metrics.extend(encode_point(point) for point in points)
    return message.SerializeToString()


def seconds(count: float) -> int:
    """Nanoseconds since 1970 this many seconds after AT_NS."""
    return AT_NS + round(count * SECOND_NS)
