"""What of a metrics request is let in, and what its sender and the operator are told."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from ingest.errors import BadRequest, TooLarge
from ingest.metrics import admission as door
from ingest.metrics.admission import admit_metrics
from ingest.metrics.gpu_names import BOUNDS, READINGS
from ingest.metrics.names import Measure, Reading, spell
from ingest.metrics.serving_names import KINDS, MEASURES
from ingest.pieces import PIECE_BYTES
from tests.ingest.metrics.payloads import CUMULATIVE, DELTA, Point, request

UTIL = Point("DCGM_FI_DEV_GPU_UTIL", 50.0, {"UUID": "GPU-1"})


def kept(body: bytes) -> ExportMetricsServiceRequest:
    return ExportMetricsServiceRequest.FromString(admit_metrics(body).body)


def metrics(body: bytes) -> list[str]:
    return [
        metric.name
        for resource in kept(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


def test_known_metrics_are_kept_and_counted() -> None:
    body = request(UTIL, Point("vllm:num_requests_running", 3, {"model_name": "m"}))
    admitted = admit_metrics(body)
    assert (admitted.spans, admitted.rejected, admitted.ignored) == (2, 0, {})
    assert ExportMetricsServiceRequest.FromString(admitted.body) == (
        ExportMetricsServiceRequest.FromString(body)
    )


def test_what_nobody_reads_is_counted_by_why() -> None:
    body = request(
        Point("http.server.duration", 1.0),
        Point("gen_ai.client.token.usage", 1.0, counts=(1,), bounds=()),
        Point("gen_ai_client_operation_duration_seconds", 1.0),
        Point("gen_ai.client.inference.usage.input_tokens", 5, temporality=DELTA),
        Point("vllm:prompt_tokens_total", 1.0, flags=1),
        Point("vllm:prompt_tokens_total", nan),
        Point("vllm:prompt_tokens_total", inf),
        Point("vllm:prompt_tokens_total"),
    )
    admitted = admit_metrics(body)
    assert admitted.ignored == {"unknown_metric": 1, "repeats_spans": 3, "no_value": 4}
    assert (admitted.spans, admitted.rejected, admitted.body) == (0, 0, b"")


def test_a_summary_is_ignored() -> None:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = "tgi_request_duration"
    metric.summary.data_points.add(count=3, sum=1.5).quantile_values.add(quantile=0.5, value=1)
    admitted = admit_metrics(message.SerializeToString())
    assert (admitted.spans, admitted.ignored) == (0, {"summary": 1})


@pytest.mark.parametrize(
    ("counts", "bounds", "reason"),
    [
        ((1, 2, 3), (1.0,), "3 buckets need 2 bounds, got 1"),
        ((1, 2, 3), (2.0, 1.0), "the bounds of a histogram must be finite and ascend"),
        ((1, 2, 3), (1.0, inf), "the bounds of a histogram must be finite and ascend"),
        ((1,) * 1025, tuple(map(float, range(1024))), "may have 1024 buckets, got 1025"),
    ],
)
def test_an_impossible_histogram_is_rejected_and_its_neighbours_are_not(
    counts: tuple[int, ...], bounds: tuple[float, ...], reason: str
) -> None:
    bad = Point("vllm:time_to_first_token_seconds", 1.0, counts=counts, bounds=bounds)
    admitted = admit_metrics(request(UTIL, bad))
    assert (admitted.spans, admitted.rejected) == (1, 1)
    assert reason in admitted.reason


def test_content_and_exemplars_never_reach_the_disk() -> None:
    secret = "SECRET-PROMPT"
    message = ExportMetricsServiceRequest.FromString(
        request(
            Point("vllm:num_requests_running", 1, {"gen_ai.prompt": secret, "engine": "0"}),
            resource={"host.name": "h", "input.value": secret},
        )
    )
    metric = message.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.description = secret
    exemplar = metric.gauge.data_points[0].exemplars.add()
    exemplar.filtered_attributes.add(key="prompt").value.string_value = secret
    body = message.SerializeToString()
    admitted = admit_metrics(body)
    assert secret.encode() in body
    assert secret.encode() not in admitted.body
    assert admitted.content_dropped == 2
    (point,) = kept(body).resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    assert [pair.key for pair in point.attributes] == ["engine"]


def test_attributes_are_bounded_and_those_that_are_read_stay() -> None:
    labels = {f"a{n}": "x" for n in range(100)} | {"UUID": "GPU-1", "big": "x" * 2000}
    body = request(Point("DCGM_FI_DEV_GPU_UTIL", 1.0, labels))
    (point,) = kept(body).resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    names = {pair.key for pair in point.attributes}
    assert len(names) == door.MAX_ATTRIBUTES
    assert "UUID" in names
    assert "big" not in names
    assert admit_metrics(body).attributes_dropped == 102 - door.MAX_ATTRIBUTES


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x05abc", b"\x12\x00"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="ExportMetricsServiceRequest"):
        admit_metrics(body)


def test_a_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(BadRequest):
        admit_metrics(request(UTIL).replace(b"GPU-1", b"GPU\xff1"))


def test_an_empty_request_is_fine() -> None:
    assert (admit_metrics(b"").body, admit_metrics(b"").spans) == (b"", 0)


def test_a_large_metric_is_admitted_in_pieces_and_nothing_of_it_is_lost() -> None:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name, metric.unit = "vllm:prompt_tokens_total", "1"
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True  # type: ignore[assignment]
    for number in range(30_000):
        metric.sum.data_points.add(as_int=number, time_unix_nano=number + 1)
    body = message.SerializeToString()
    assert len(body) > PIECE_BYTES
    admitted = admit_metrics(body)
    assert admitted.spans == 30_000
    values = []
    for resource in ExportMetricsServiceRequest.FromString(admitted.body).resource_metrics:
        (piece,) = resource.scope_metrics[0].metrics
        assert (piece.name, piece.sum.aggregation_temporality) == (metric.name, 2)
        values += [point.as_int for point in piece.sum.data_points]
    assert values == list(range(30_000))


def test_too_many_points_are_refused() -> None:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = "x"
    for _ in range(100_001):
        metric.gauge.data_points.add()
    with pytest.raises(TooLarge):
        admit_metrics(message.SerializeToString())


def test_an_exponential_histogram_gets_the_bounds_that_it_means() -> None:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = "vllm:e2e_request_latency_seconds"
    metric.exponential_histogram.aggregation_temporality = DELTA  # type: ignore[assignment]
    point = metric.exponential_histogram.data_points.add(count=11, sum=9.5, scale=1, zero_count=2)
    point.positive.offset = -2
    point.positive.bucket_counts.extend((4, 0, 5))
    (made,) = kept(message.SerializeToString()).resource_metrics[0].scope_metrics[0].metrics
    assert made.histogram.aggregation_temporality == DELTA
    (plain,) = made.histogram.data_points
    # Base 2**0.5: from 2**-1 over 2**-0.5 and 1 to 2**0.5.
    assert list(plain.explicit_bounds) == pytest.approx([0.5, 0.70710678, 1.0, 1.41421356])
    assert list(plain.bucket_counts) == [2, 4, 0, 5, 0]
    assert (plain.count, plain.sum) == (11, 9.5)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_mutation_of_a_request_crashes_the_door(noise: bytes, at: int) -> None:
    body = request(
        UTIL,
        Point("vllm:e2e_request_latency_seconds", 1.0, {"le": "1"}, counts=(1, 2), bounds=(1,)),
    )
    mutated = body[:at] + noise + body[at + len(noise) :]
    try:
        admitted = admit_metrics(mutated)
    except (BadRequest, TooLarge):
        return
    assert admit_metrics(admitted.body).body == admitted.body


def test_every_name_of_the_tables_has_one_meaning() -> None:
    entries: list[Reading | Measure] = [*READINGS, *MEASURES]
    plain = [spell(entry.name) for entry in entries if not entry.where]
    conditional = {spell(entry.name) for entry in entries if entry.where}
    assert len(plain) == len(set(plain))
    assert conditional.isdisjoint(plain)


def test_every_entry_of_the_tables_leads_somewhere() -> None:
    assert {reading.column for reading in READINGS} <= set(BOUNDS)
    assert {measure.measure for measure in MEASURES} == set(KINDS)


@pytest.mark.parametrize(
    "name",
    ["vllm:prompt_tokens_total", "vllm_prompt_tokens", "vllm.prompt_tokens", "vllm:prompt_tokens"],
)
def test_spellings_of_one_name_are_one(name: str) -> None:
    assert metrics(request(Point(name, 1.0, temporality=CUMULATIVE))) == [name]
