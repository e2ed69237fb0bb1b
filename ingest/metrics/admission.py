"""The door for metrics: what of a request's data points is let in.

Only metrics of the tables of names are kept. The others are counted by why: nobody here reads them
(unknown_metric), they tell the usage of calls that come as spans (repeats_spans), they are of a
type without buckets or counters (summary), or they hold no value, as when a series ends (no_value).
A point that can't be what it says is rejected, and its sender told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from google.protobuf.message import DecodeError, EncodeError

from ingest.admission import Admission, too_long
from ingest.content import is_content
from ingest.errors import BadRequest
from ingest.metrics import gpu_names, serving_names
from ingest.metrics.exponential import make_explicit
from ingest.metrics.names import repeats_spans, spell
from ingest.metrics.otlp import Metrics
from ingest.pieces import PIECE_BYTES, Pieces

MAX_ATTRIBUTES = 64
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 1024
# More than any server has; exponential histograms have 160 by default.
MAX_BUCKETS = 1024
# Those that the protocol describes; a base of 2**1024 would be no number any more.
SCALES = range(-10, 21)

UNKNOWN = "unknown_metric"
REPEATS = "repeats_spans"
SUMMARY = "summary"
NO_VALUE = "no_value"
NO_RECORDED_VALUE = 1  # a bit of a point's flags
KNOWN = gpu_names.NAMES | serving_names.NAMES


@dataclass(slots=True)
class MetricAdmission(Admission):
    """What became of a request; `spans` counts data points, `ignored` those left out, by why."""

    ignored: Counter[str] = field(default_factory=Counter)


class MetricPieces(Pieces):
    """request > resource_metrics > scope_metrics > metrics > gauge, sum … > data_points."""

    levels = ((1,), (2,), (2,), (5, 7, 9, 10, 11), (1,))


def admit_metrics(body: bytes) -> MetricAdmission:
    """Check and clean an ExportMetricsServiceRequest; raises BadRequest when it isn't one.

    Raises TooLarge when it has more points, or more of anything in them, than any sender gathers.
    """
    admission = MetricAdmission()
    try:
        if len(body) <= PIECE_BYTES:
            admission.body = admit_piece(body, admission)
        else:
            pieces = MetricPieces(body)
            admission.body = b"".join([admit_piece(piece, admission) for piece in pieces])
            admission.attributes_dropped += pieces.dropped
    except (DecodeError, EncodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            "The body is not an ExportMetricsServiceRequest in protobuf; check the exporter's "
            "protocol (http/protobuf) and Content-Encoding."
        ) from error
    return admission


def admit_piece(body: bytes, admission: MetricAdmission) -> bytes:
    """Return what is kept of a request that is small enough to be parsed at once."""
    request = Metrics.FromString(body)
    if body and not request.resource_metrics:
        raise DecodeError("only unknown fields")
    request.DiscardUnknownFields()
    admission.count(len(request.resource_metrics))
    for resource in request.resource_metrics:
        admission.count(len(resource.scope_metrics))
        clean_attributes(resource.resource.attributes, admission)
        for scope in resource.scope_metrics:
            admission.count(len(scope.metrics))
            admit_all(scope.metrics, admission)
        keep_those_with(resource.scope_metrics, "metrics")
    keep_those_with(request.resource_metrics, "scope_metrics")
    kept: bytes = request.SerializeToString()
    return kept


def keep_those_with(messages: Any, member: str) -> None:
    """Remove, in place, the messages whose member is empty."""
    for index in reversed(range(len(messages))):
        if not getattr(messages[index], member):
            del messages[index]


def admit_all(metrics: Any, admission: MetricAdmission) -> None:
    """Clean the metrics of one scope in place and take out those that nobody reads."""
    for index in reversed(range(len(metrics))):
        metric = metrics[index]
        kind = metric.WhichOneof("data")
        points = getattr(metric, kind).data_points if kind else ()
        admission.count(len(points))
        reason = why_ignored(metric.name, kind)
        if reason:
            admission.ignored[reason] += len(points)
            del metrics[index]
            continue
        admit_points(kind, points, admission)
        if not points:
            del metrics[index]
        elif kind == "exponential_histogram":
            make_explicit(metric)


def why_ignored(name: str, kind: str | None) -> str:
    """Return why nothing of a metric is kept; '' when it is."""
    spelled = spell(name)
    if spelled not in KNOWN:
        return REPEATS if repeats_spans(spelled) else UNKNOWN
    if kind is None:
        return NO_VALUE
    return SUMMARY if kind == "summary" else ""


def admit_points(kind: str, points: Any, admission: MetricAdmission) -> None:
    """Clean the points of one metric in place and take out those that hold nothing."""
    out: list[int] = []
    for index, point in enumerate(points):
        if point.flags & NO_RECORDED_VALUE or not has_value(kind, point):
            admission.ignored[NO_VALUE] += 1
            out.append(index)
        elif fault := "; ".join(find_faults(kind, point)):
            admission.reject(fault)
            out.append(index)
        else:
            clean_attributes(point.attributes, admission)
    for index in reversed(out):
        del points[index]
    admission.spans += len(points)


def has_value(kind: str, point: Any) -> bool:
    """Say whether a point holds a number; NaN is how Prometheus ends a series."""
    if kind in ("gauge", "sum"):
        return point.WhichOneof("value") == "as_int" or (
            point.WhichOneof("value") == "as_double" and isfinite(point.as_double)
        )
    return bool(isfinite(point.sum))


def find_faults(kind: str, point: Any) -> Iterator[str]:
    """Yield what makes a point impossible."""
    if kind == "histogram":
        bounds, counts = point.explicit_bounds, point.bucket_counts
        if len(counts) > MAX_BUCKETS:
            yield f"a histogram may have {MAX_BUCKETS} buckets, got {len(counts)}"
        elif counts and len(counts) != len(bounds) + 1:
            yield f"{len(counts)} buckets need {len(counts) - 1} bounds, got {len(bounds)}"
        elif not all(map(isfinite, bounds)) or list(bounds) != sorted(set(bounds)):
            yield "the bounds of a histogram must be finite and ascend"
    elif kind == "exponential_histogram":
        buckets = len(point.positive.bucket_counts) + len(point.negative.bucket_counts)
        if buckets > MAX_BUCKETS:
            yield f"a histogram may have {MAX_BUCKETS} buckets, got {buckets}"
        elif point.scale not in SCALES:
            yield f"the scale of an exponential histogram must be -10 to 20, got {point.scale}"


def clean_attributes(attributes: Any, admission: MetricAdmission) -> None:
    """Drop content and what is too large or too many."""
    admission.count(max(len(attributes) - MAX_ATTRIBUTES, 0))
    for key in list(attributes):
        if is_content(key):
            del attributes[key]
            admission.content_dropped += 1
        elif too_long(key, MAX_KEY_BYTES) or attributes[key].ByteSize() > MAX_VALUE_BYTES:
            del attributes[key]
            admission.attributes_dropped += 1
    for key in sorted(attributes, key=usefulness)[MAX_ATTRIBUTES:]:
        del attributes[key]
        admission.attributes_dropped += 1


def usefulness(key: str) -> tuple[bool, str]:
    """Order keys so that those which a table of names reads come first."""
    return key not in READ, key


READ = frozenset(
    name
    for table in (gpu_names, serving_names)
    for names in vars(table).values()
    if isinstance(names, tuple)
    for name in names
    if isinstance(name, str)
) | {"le", "hw.type", "hw.gpu.task", "sensor", "memory_state", "request_type"}
