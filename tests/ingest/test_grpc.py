"""OTLP over gRPC, over a real socket."""

from __future__ import annotations

import gzip
import logging
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from finops.accounts.keys import KeyIdentity
from ingest.answer import Status, rpc_classes
from ingest.body import Limits
from ingest.entrances import LOGS, METRICS, TRACES
from ingest.rates import Allowance, Rates
from tests.ingest.metric_bodies import LOG_BODY, POINTS_BODY
from tests.ingest.payloads import Span, decoded, request
from tests.ingest.serving import KEY, KEYS, Serving, serving, stored

GOOD = request(Span({"gen_ai.request.model": "gpt-4o"}), Span(span_id=b"2" * 8))
BEARER = (("authorization", f"Bearer {KEY}"),)
Metadata = tuple[tuple[str, str], ...]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as running:
        yield running


def export(
    receiver: Serving,
    body: bytes,
    *,
    method: str = TRACES.method,
    metadata: Metadata = BEARER,
    compression: grpc.Compression = grpc.Compression.NoCompression,
) -> bytes:
    """Call Export with a message that is encoded already."""
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel:
        call: Any = channel.unary_unary(method)
        answer: bytes = call(body, metadata=metadata, compression=compression, timeout=30)
        return answer


@contextmanager
def refused(code: grpc.StatusCode) -> Iterator[Callable[[], int | None]]:
    """Expect a refusal with this code; gives the seconds to wait that its details tell."""
    told: list[int | None] = []
    with pytest.raises(grpc.RpcError) as caught:
        yield lambda: told[0]
    assert caught.value.code() is code
    trailing: Any = caught.value.trailing_metadata()
    details = dict(trailing)["grpc-status-details-bin"]
    status = Status.FromString(details)
    assert status.code == code.value[0]
    assert status.message == caught.value.details()
    waits = [
        rpc_classes()["RetryInfo"].FromString(detail.value).retry_delay.seconds
        for detail in status.details
        if detail.type_url == "type.googleapis.com/google.rpc.RetryInfo"
    ]
    told.append(waits[0] if waits else None)


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_a_request_is_acknowledged_when_it_is_on_disk(
    receiver: Serving, compression: grpc.Compression
) -> None:
    assert export(receiver, GOOD, compression=compression) == b""
    (record,) = stored(receiver.folder)
    assert (record.stamp.workspace_id, record.stamp.spans) == (42, 2)
    assert [span.span_id for span in decoded(record.body)] == [b"s" * 8, b"2" * 8]


def test_metrics_and_logs_have_their_services(receiver: Serving) -> None:
    assert export(receiver, POINTS_BODY, method=METRICS.method) == b""
    assert export(receiver, LOG_BODY, method=LOGS.method) == b""
    assert [record.stamp.spans for record in stored(receiver.folder / "metrics")] == [1]
    assert receiver.intake.counts["logs_ignored_not_stored"] == 1
    assert stored(receiver.folder) == []


def test_bad_spans_are_told_and_the_rest_is_stored(receiver: Serving) -> None:
    answer = export(receiver, request(Span(trace_id=b"short"), Span()))
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (partial.rejected_spans, partial.error_message) == (
        1,
        "trace_id must be 16 bytes and not zero, got 5",
    )
    assert stored(receiver.folder)[0].stamp.spans == 1


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer ilk_nobody"),)])
def test_without_a_key_of_ours_nothing_is_taken(receiver: Serving, metadata: Metadata) -> None:
    with refused(grpc.StatusCode.UNAUTHENTICATED) as wait_s:
        export(receiver, GOOD, metadata=metadata)
    assert wait_s() is None
    assert stored(receiver.folder) == []


def test_a_key_is_taken_from_the_other_names_too(receiver: Serving) -> None:
    assert export(receiver, GOOD, metadata=(("x-api-key", KEY),)) == b""


def test_a_key_without_the_scope_ingest_is_forbidden(receiver: Serving) -> None:
    with refused(grpc.StatusCode.PERMISSION_DENIED):
        export(receiver, GOOD, metadata=(("authorization", "Bearer ilk_reader"),))


def test_a_revoked_key_is_refused_when_what_was_remembered_is_old(tmp_path: Path) -> None:
    keys = dict(KEYS)
    with serving(tmp_path, keys=keys) as receiver:
        receiver.intake.identities._clock = lambda: now[0]
        now = [100.0]
        export(receiver, GOOD)
        del keys[KEY]
        now[0] += 9.9
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            export(receiver, GOOD)


@pytest.mark.parametrize("body", [b"not protobuf", GOOD[:-1]], ids=["text", "cut off"])
def test_malformed_messages_are_refused_as_invalid(receiver: Serving, body: bytes) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as wait_s:
        export(receiver, body)
    assert wait_s() is None


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_bomb_is_refused_before_it_goes_off(
    receiver: Serving, compress: Callable[[bytes], bytes]
) -> None:
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED):
        export(receiver, compress(bytes(20 * 1024**2)))


def test_a_message_above_the_limit_is_refused(receiver: Serving) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        export(receiver, bytes(65 * 1024))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_full_spool_says_when_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, max_bytes=100) as receiver:
        with refused(grpc.StatusCode.UNAVAILABLE) as wait_s:
            export(receiver, GOOD)
        assert wait_s() == 10


def test_a_workspace_over_its_rate_is_told_when_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, rates=Rates(Allowance(bytes_per_second=1))) as receiver:
        export(receiver, GOOD)
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED) as wait_s:
            export(receiver, GOOD)
        assert wait_s() is not None


def test_other_services_are_not_served(receiver: Serving) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        export(receiver, GOOD, method="/opentelemetry.proto.collector.Other/Export")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_message_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    limits = Limits(64 * 1024, 64 * 1024, read_timeout_s=0.2)
    with (
        serving(tmp_path, limits=limits) as receiver,
        grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as channel,
    ):
        gone = threading.Event()
        call: Any = channel.stream_unary(TRACES.method)
        with refused(grpc.StatusCode.DEADLINE_EXCEEDED):
            call(iter(gone.wait, True), metadata=BEARER, timeout=30)
        gone.set()


def test_keys_are_never_in_the_log(
    receiver: Serving, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret: Metadata = (("authorization", "Bearer ilk_verysecret"),)
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        export(receiver, GOOD, metadata=secret)
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        export(receiver, b"not protobuf")
    captured = capfd.readouterr()
    assert "refused" in captured.out + captured.err + caplog.text
    assert "ilk_" not in captured.out + captured.err + caplog.text


def test_an_identity_of_another_workspace_stays_apart(tmp_path: Path) -> None:
    other = KeyIdentity(3, 43, "other", frozenset({"ingest"}))
    with serving(tmp_path, keys={**KEYS, "ilk_other": other}) as receiver:
        export(receiver, GOOD, metadata=(("authorization", "Bearer ilk_other"),))
        export(receiver, GOOD)
        assert [record.stamp.workspace_id for record in stored(tmp_path)] == [43, 42]
