"""Requests of the other signals, as small as they get."""

from __future__ import annotations

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.ingest.payloads import START_NS


def one_point() -> ExportMetricsServiceRequest:
    """Return one point of a GPU's utilisation."""
    message = ExportMetricsServiceRequest()
    scope = message.resource_metrics.add().scope_metrics.add()
    metric = scope.metrics.add(name="hw.gpu.utilization", unit="1")
    metric.gauge.data_points.add(time_unix_nano=START_NS, as_double=0.5)
    return message


def one_log() -> ExportLogsServiceRequest:
    message = ExportLogsServiceRequest()
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = "hello"
    return message


POINTS_BODY = one_point().SerializeToString()
LOG_BODY = one_log().SerializeToString()
