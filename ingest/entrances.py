"""What is taken in: for each signal its path, its gRPC method, and what becomes of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ingest.admission import Admission, admit
from ingest.errors import BadRequest
from ingest.metrics.admission import admit_metrics
from ingest.pieces import PIECE_BYTES, Pieces

# Why nothing becomes of log records.
NOT_STORED = "not_stored"
PACKAGE = "opentelemetry.proto.collector"


@dataclass(frozen=True, slots=True)
class Entrance:
    """One signal; `unit` is what it is counted in, `rejected` the field that tells of bad ones.

    What is admitted waits in `folder` below the spool; None is for what isn't stored.
    """

    name: str
    folder: str | None
    path: str
    method: str
    unit: str
    request: Any
    response: Any
    rejected: str
    admit: Callable[[bytes], Admission]


def admit_logs(body: bytes) -> Admission:
    """Check and count log records, of which nothing is stored; raises BadRequest."""
    admission = Admission()
    try:
        for piece in Pieces(body) if len(body) > PIECE_BYTES else (body,):
            logs = ExportLogsServiceRequest.FromString(piece)
            if piece and not logs.resource_logs:
                raise DecodeError("only unknown fields")
            for resource in logs.resource_logs:
                for scope in resource.scope_logs:
                    admission.ignored[NOT_STORED] += len(scope.log_records)
    except (DecodeError, UnicodeDecodeError) as error:
        raise BadRequest("The body is not an ExportLogsServiceRequest in protobuf.") from error
    return admission


TRACES = Entrance(
    name="traces",
    folder="",
    path="/v1/traces",
    method=f"/{PACKAGE}.trace.v1.TraceService/Export",
    unit="spans",
    request=ExportTraceServiceRequest,
    response=ExportTraceServiceResponse,
    rejected="rejected_spans",
    admit=admit,
)
METRICS = Entrance(
    name="metrics",
    folder="metrics",
    path="/v1/metrics",
    method=f"/{PACKAGE}.metrics.v1.MetricsService/Export",
    unit="points",
    request=ExportMetricsServiceRequest,
    response=ExportMetricsServiceResponse,
    rejected="rejected_data_points",
    admit=admit_metrics,
)
LOGS = Entrance(
    name="logs",
    folder=None,
    path="/v1/logs",
    method=f"/{PACKAGE}.logs.v1.LogsService/Export",
    unit="logs",
    request=ExportLogsServiceRequest,
    response=ExportLogsServiceResponse,
    rejected="rejected_log_records",
    admit=admit_logs,
)
ENTRANCES = (TRACES, METRICS, LOGS)
