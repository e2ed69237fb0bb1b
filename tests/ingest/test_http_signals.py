"""The other signals, formats and limits of OTLP/HTTP, over a real socket."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import zstandard
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.body import Limits
from ingest.errors import INVALID_ARGUMENT, RESOURCE_EXHAUSTED
from ingest.rates import Allowance, Rates
from tests.ingest.metric_bodies import LOG_BODY, POINTS_BODY, one_log, one_point
from tests.ingest.payloads import Span, decoded, request
from tests.ingest.serving import Serving, serving, stored
from tests.ingest.test_otlp_json import with_hex_ids

SPANS = (Span({"gen_ai.request.model": "gpt-4o"}), Span(span_id=b"2" * 8))
GOOD = request(*SPANS)
JSON = "application/json"


def in_json(*spans: Span) -> bytes:
    return orjson.dumps(with_hex_ids(ExportTraceServiceRequest.FromString(request(*spans))))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/traces/"])
def test_json_is_stored_as_the_same_protobuf_and_answered_in_json(
    receiver: Serving, path: str
) -> None:
    reply = receiver.post(in_json(*SPANS), path, content_type=f"{JSON}; charset=utf-8")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"{}", JSON)
    assert decoded(stored(receiver.folder)[0].body) == decoded(GOOD)


def test_bad_spans_in_json_are_told_in_json(receiver: Serving) -> None:
    reply = receiver.post(in_json(Span(trace_id=b"short"), Span()), content_type=JSON)
    assert reply.json["partialSuccess"] == {
        "rejectedSpans": "1",
        "errorMessage": "trace_id must be 16 bytes and not zero, got 5",
    }


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"resourceSpans": 1}', b"", b"\xff"])
def test_what_is_no_json_of_ours_is_refused_in_json(receiver: Serving, body: bytes) -> None:
    reply = receiver.post(body, content_type=JSON)
    if not body:
        assert reply.status == 200
        return
    assert (reply.status, reply.headers["content-type"]) == (400, JSON)
    assert reply.json["code"] == INVALID_ARGUMENT
    assert reply.json["message"]


def test_a_large_json_body_is_stored_whole(tmp_path: Path) -> None:
    many = [Span({"k": "v" * 1000}, span_id=n.to_bytes(8, "big")) for n in range(1, 3_001)]
    limits = Limits(body_bytes=16 * 1024**2, decoded_bytes=32 * 1024**2)
    with serving(tmp_path, limits=limits) as receiver:
        body = gzip.compress(in_json(*many))
        assert receiver.post(body, content_type=JSON, content_encoding="gzip").status == 200
    (record,) = stored(tmp_path)
    assert record.stamp.spans == 3_000
    assert [span.span_id for span in decoded(record.body)] == [span.span_id for span in many]


@pytest.mark.parametrize("unit", [b"{}", b'{"a":[]}', b"[]", b"0"])
def test_a_json_bomb_is_refused(tmp_path: Path, unit: bytes) -> None:
    limits = Limits(body_bytes=1024**2, decoded_bytes=32 * 1024**2)
    many = b",".join([unit] * (16 * 1024**2 // (len(unit) + 1)))
    bomb = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + many + b"]}]}]}"
    with serving(tmp_path, limits=limits) as receiver:
        reply = receiver.post(gzip.compress(bomb), content_type=JSON, content_encoding="gzip")
        assert reply.status in (400, 413)
    assert stored(tmp_path) == []


def test_zstd_is_taken(receiver: Serving) -> None:
    body = zstandard.compress(GOOD[:50]) + zstandard.compress(GOOD[50:])
    assert receiver.post(body, content_encoding="zstd").status == 200
    assert stored(receiver.folder)[0].stamp.spans == 2


def test_a_zstd_bomb_and_a_cut_off_one_are_refused(receiver: Serving) -> None:
    bomb = zstandard.compress(bytes(20 * 1024**2))
    assert receiver.post(bomb, content_encoding="zstd").status == 413
    assert receiver.post(zstandard.compress(GOOD)[:-1], content_encoding="zstd").status == 400


def test_metrics_are_stored_apart_and_logs_only_counted(receiver: Serving) -> None:
    assert receiver.post(POINTS_BODY, "/v1/metrics").status == 200
    assert receiver.post(LOG_BODY, "/v1/logs").status == 200
    assert stored(receiver.folder) == []
    assert [record.stamp.spans for record in stored(receiver.folder / "metrics")] == [1]
    assert receiver.intake.counts["points"] == 1
    assert receiver.intake.counts["logs_ignored_not_stored"] == 1


def test_metrics_and_logs_come_in_json_too(receiver: Serving) -> None:
    points = json_format.MessageToJson(one_point()).encode()
    logs = json_format.MessageToJson(one_log()).encode()
    assert receiver.post(points, "/v1/metrics", content_type=JSON).body == b"{}"
    assert receiver.post(logs, "/v1/logs", content_type=JSON).body == b"{}"
    assert len(stored(receiver.folder / "metrics")) == 1


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/logs"])
def test_the_other_signals_are_checked_and_authenticated(receiver: Serving, path: str) -> None:
    assert receiver.post(b"not protobuf", path).status == 400
    assert receiver.post(GOOD[:-1], path).status == 400
    assert receiver.post(b"", path, authorization=None).status == 401


def test_a_workspace_over_its_rate_is_told_when_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, rates=Rates(Allowance(bytes_per_second=10))) as receiver:
        assert receiver.post(GOOD).status == 200
        reply = receiver.post(GOOD)
        assert (reply.status, reply.error[0]) == (429, RESOURCE_EXHAUSTED)
        assert 0 < int(reply.headers["retry-after"]) < 100
        told = json.loads(receiver.post(GOOD, content_type=JSON).body)
        assert told["details"][0]["retryDelay"].endswith("s")
        assert receiver.intake.counts["refused_traces_rate_limited"] == 2
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize(
    "allowance", [Allowance(bytes_per_second=10), Allowance(spans_per_second=1)]
)
def test_of_requests_that_are_read_beside_each_other_one_overdraws_and_not_all(
    tmp_path: Path, allowance: Allowance
) -> None:
    many = request(*(Span(span_id=bytes([number] * 8)) for number in range(1, 21)))
    with serving(tmp_path, rates=Rates(allowance)) as receiver:
        begun = [receiver.connect() for _ in range(3)]
        for connection in begun:  # let in by their headers
            connection.putrequest("POST", "/v1/traces")
            for name, value in {**receiver.headers, "Content-Length": str(len(many))}.items():
                connection.putheader(name, value)
            connection.endheaders(many[:1])
        time.sleep(0.2)
        statuses = []
        for connection in begun:
            connection.send(many[1:])
            statuses.append(connection.getresponse().status)
            connection.close()
        assert statuses == [200, 429, 429]
    assert len(stored(tmp_path)) == 1


def test_what_is_refused_for_what_it_holds_counts_towards_the_rate(tmp_path: Path) -> None:
    with serving(tmp_path, rates=Rates(Allowance(bytes_per_second=10))) as receiver:
        assert receiver.post(b"x" * 1000).status == 400
        assert receiver.post(GOOD).status == 429


def test_more_spans_at_once_than_allowed_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, rates=Rates(Allowance(spans_per_request=1))) as receiver:
        assert receiver.post(GOOD).status == 413
        assert receiver.post(request(Span())).status == 200


def test_what_came_is_counted_by_signal_and_reason(receiver: Serving) -> None:
    receiver.post(GOOD)
    receiver.post(b"not protobuf")
    receiver.post(GOOD, authorization=None)
    counts = receiver.intake.counts
    assert (counts["requests_traces"], counts["spans"], counts["bytes_traces"]) == (1, 2, len(GOOD))
    assert (counts["refused_traces_malformed"], counts["refused_400"]) == (1, 1)
    assert (counts["refused_traces_unauthenticated"], counts["refused_401"]) == (1, 1)
