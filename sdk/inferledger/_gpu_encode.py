"""Turn samples of GPUs into an OTLP metrics request, in OpenTelemetry's names for hardware."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from inferledger import attributes as names
from inferledger._gpu_read import GpuSample
from inferledger._version import __version__

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

POOL = "finops.pool"
WINDOW = "finops.gpu.window_s"
_CUMULATIVE = 2


class Value(NamedTuple):
    """One number of a sample; `sum` says that numbers of several GPUs may be added up."""

    name: str
    unit: str
    number: float
    is_sum: bool = False
    monotonic: bool = False
    attributes: Mapping[str, Any] = {}


def encoder(resource: Mapping[str, str]) -> Callable[[Sequence[Sequence[GpuSample]]], bytes]:
    """A function that serialises rounds of samples as an ExportMetricsServiceRequest."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415
        ExportMetricsServiceRequest,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    emitter = dict(Resource.create({"host.name": socket.gethostname(), **resource}).attributes)

    def encode(rounds: Sequence[Sequence[GpuSample]]) -> bytes:
        request = ExportMetricsServiceRequest()
        made = request.resource_metrics.add()
        _write(made.resource.attributes, emitter)
        scope = made.scope_metrics.add()
        scope.scope.name, scope.scope.version = names.SCOPE_NAME, __version__
        metrics: dict[str, Metric] = {}
        for sample in (sample for samples in rounds for sample in samples):
            about = attributes_of(sample)
            for value in values_of(sample):
                metric = metrics.get(value.name)
                if metric is None:
                    metric = metrics[value.name] = scope.metrics.add(
                        name=value.name, unit=value.unit
                    )
                _add_point(metric, value, sample.ts_ns, {**about, **value.attributes})
        return request.SerializeToString()

    return encode


def rejected(answer: bytes) -> tuple[int, str]:
    """How many values of an accepted request the collector turned down, and why."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415
        ExportMetricsServiceResponse,
    )

    try:
        partial = ExportMetricsServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return 0, ""
    return partial.rejected_data_points, partial.error_message


def attributes_of(sample: GpuSample) -> dict[str, Any]:
    about: dict[str, Any] = {
        "hw.id": sample.uuid,
        "hw.type": "gpu",
        "hw.vendor": "nvidia",
        "gpu.index": sample.index,
    }
    if sample.name:
        about["hw.name"] = about["hw.model"] = sample.name
    if sample.parent_uuid:
        about |= {"gpu.mig.enabled": True, "gpu.parent.uuid": sample.parent_uuid}
        if sample.instance is not None:
            about["gpu.mig.instance_id"] = sample.instance
    return about


def values_of(sample: GpuSample) -> Iterator[Value]:
    """Yield what a sample holds."""
    window = {} if sample.window_s is None else {WINDOW: sample.window_s}
    if sample.busy is not None:
        yield Value(
            "hw.gpu.utilization", "1", sample.busy, attributes={"hw.gpu.task": "general", **window}
        )
    for name, unit, number, is_sum, monotonic in (
        ("hw.gpu.memory.controller.utilization", "1", sample.memory_busy, False, False),
        ("hw.gpu.memory.usage", "By", sample.memory_used, True, False),
        ("hw.gpu.memory.limit", "By", sample.memory_total, True, False),
        ("hw.power", "W", sample.power_w, False, False),
        ("hw.energy", "J", sample.energy_j, True, True),
        ("hw.temperature", "Cel", sample.temperature_c, False, False),
        ("finops.gpu.processes", "{process}", sample.processes, False, False),
    ):
        if number is not None:
            yield Value(name, unit, number, is_sum, monotonic)
    for pid, memory in sample.process_memory.items():
        yield Value(
            "process.gpu.memory.usage", "By", memory, is_sum=True, attributes={"process.pid": pid}
        )


def _add_point(metric: Metric, value: Value, ts_ns: int, attributes: Mapping[str, Any]) -> None:
    if value.is_sum:
        metric.sum.aggregation_temporality = _CUMULATIVE  # type: ignore[assignment]
        metric.sum.is_monotonic = value.monotonic
        point = metric.sum.data_points.add(time_unix_nano=ts_ns)
    else:
        point = metric.gauge.data_points.add(time_unix_nano=ts_ns)
    if isinstance(value.number, int):
        point.as_int = value.number
    else:
        point.as_double = value.number
    _write(point.attributes, attributes)


def _write(target: Any, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        made = target.add(key=key).value
        if isinstance(value, bool):
            made.bool_value = value
        elif isinstance(value, int):
            made.int_value = value
        elif isinstance(value, float):
            made.double_value = value
        else:
            made.string_value = str(value)
