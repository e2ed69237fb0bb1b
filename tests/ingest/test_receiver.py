"""What the receiver answers, over a real socket."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import protocol
from ingest.answer import Status
from ingest.body import Limits
from ingest.errors import (
    DEADLINE_EXCEEDED,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from ingest.record import encode_varint
from tests.ingest.payloads import Span, decoded, request
from tests.ingest.serving import Serving, serving, stored

GOOD = request(Span({"gen_ai.request.model": "gpt-4o"}), Span(span_id=b"2" * 8))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as running:
        yield running


def head(receiver: Serving, *lines: str) -> bytes:
    """The head of a request for traces, written by hand."""
    given = [f"{name}: {value}" for name, value in receiver.headers.items()]
    return "\r\n".join(["POST /v1/traces HTTP/1.1", "Host: x", *lines, *given, "", ""]).encode()


def test_a_request_is_acknowledged_when_it_is_on_disk(receiver: Serving) -> None:
    reply = receiver.post(GOOD)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"] == "application/x-protobuf"
    (record,) = stored(receiver.folder)
    assert (record.stamp.workspace_id, record.stamp.spans) == (42, 2)
    assert [span.span_id for span in decoded(record.body)] == [b"s" * 8, b"2" * 8]


def test_receipts_rise_and_hold_the_time(receiver: Serving) -> None:
    for _ in range(3):
        receiver.post(GOOD)
    stamps = [record.stamp for record in stored(receiver.folder)]
    assert sorted({stamp.receipt for stamp in stamps}) == [stamp.receipt for stamp in stamps]
    assert all(stamp.receipt // 10**6 == stamp.received_at_ms for stamp in stamps)


def test_gzip_is_taken(receiver: Serving) -> None:
    assert receiver.post(gzip.compress(GOOD), content_encoding="gzip").status == 200
    assert stored(receiver.folder)[0].stamp.spans == 2


def test_a_body_in_chunks_is_taken(receiver: Serving) -> None:
    chunks = (GOOD[at : at + 50] for at in range(0, len(GOOD), 50))
    assert receiver.post(chunks).status == 200
    assert len(decoded(stored(receiver.folder)[0].body)) == 2


def test_one_connection_carries_many_requests(receiver: Serving) -> None:
    connection = receiver.connect()
    for _ in range(5):
        connection.request("POST", "/v1/traces", GOOD, dict(receiver.headers))
        assert connection.getresponse().read() == b""
    assert len(stored(receiver.folder)) == 5


def test_bad_spans_are_told_and_the_rest_is_stored(receiver: Serving) -> None:
    reply = receiver.post(request(Span(trace_id=b"short"), Span(), Span(span_id=b"")))
    assert reply.status == 200
    assert reply.partial == (2, "trace_id must be 16 bytes and not zero, got 5")
    assert len(decoded(stored(receiver.folder)[0].body)) == 1


def test_a_request_without_spans_is_acknowledged_and_not_stored(receiver: Serving) -> None:
    assert receiver.post(b"").status == 200
    assert receiver.post(request()).status == 200
    assert stored(receiver.folder) == []


@pytest.mark.parametrize("body", [b"not protobuf", GOOD[:-1]], ids=["text", "cut off"])
def test_malformed_bodies_are_refused_as_invalid(receiver: Serving, body: bytes) -> None:
    reply = receiver.post(body)
    assert (reply.status, reply.error[0]) == (400, INVALID_ARGUMENT)
    assert reply.headers["content-type"] == "application/x-protobuf"
    assert stored(receiver.folder) == []


def test_broken_gzip_is_refused_as_invalid(receiver: Serving) -> None:
    reply = receiver.post(gzip.compress(GOOD)[:-9], content_encoding="gzip")
    assert (reply.status, reply.error[0]) == (400, INVALID_ARGUMENT)


@pytest.mark.parametrize("key", [None, "Bearer ilk_nobody", "Basic dXNlcjpwYXNz", "Bearer "])
def test_without_a_key_of_ours_nothing_is_taken(receiver: Serving, key: str | None) -> None:
    reply = receiver.post(GOOD, authorization=key)
    assert (reply.status, reply.error[0]) == (401, UNAUTHENTICATED)
    assert stored(receiver.folder) == []


def test_a_key_without_the_scope_ingest_is_forbidden(receiver: Serving) -> None:
    reply = receiver.post(GOOD, authorization="Bearer ilk_reader")
    assert (reply.status, reply.error[0]) == (403, PERMISSION_DENIED)


@pytest.mark.parametrize("kind", ["application/xml", "text/plain", None])
def test_other_content_types_are_refused(receiver: Serving, kind: str | None) -> None:
    reply = receiver.post(GOOD, content_type=kind)
    assert (reply.status, reply.error[0]) == (415, INVALID_ARGUMENT)


def test_other_encodings_are_refused(receiver: Serving) -> None:
    assert receiver.post(GOOD, content_encoding="br").status == 415


def test_parameters_of_the_content_type_do_not_matter(receiver: Serving) -> None:
    assert receiver.post(GOOD, content_type="Application/X-Protobuf; v=1").status == 200


def test_other_paths_and_methods_are_refused(receiver: Serving) -> None:
    missing = receiver.send("POST", "/v1/profiles", b"", receiver.headers)
    wrong = receiver.send("GET", "/v1/traces", None, receiver.headers)
    assert wrong.headers["allow"] == "POST"
    assert (missing.status, missing.error[0]) == (404, NOT_FOUND)
    assert (wrong.status, wrong.error[0]) == (405, UNIMPLEMENTED)


def test_a_large_body_is_refused_by_its_declared_length(receiver: Serving) -> None:
    reply = receiver.post(bytes(65 * 1024))
    assert (reply.status, reply.error[0]) == (413, RESOURCE_EXHAUSTED)


def test_a_large_body_in_chunks_is_refused(receiver: Serving) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port)) as client:
        client.sendall(head(receiver, "Transfer-Encoding: chunked"))
        for _ in range(5):
            client.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_decompression_bomb_is_refused(receiver: Serving) -> None:
    reply = receiver.post(gzip.compress(bytes(20 * 1024**2)), content_encoding="gzip")
    assert (reply.status, reply.error[0]) == (413, RESOURCE_EXHAUSTED)
    assert stored(receiver.folder) == []


def test_a_swarm_of_empty_spans_is_refused_and_the_limit_told(tmp_path: Path) -> None:
    limits = Limits(body_bytes=64 * 1024, decoded_bytes=64 * 1024**2)
    spans = b"\x12\x00" * 2 * 1024**2
    scope = b"\x12" + encode_varint(len(spans)) + spans
    swarm = b"\x0a" + encode_varint(len(scope)) + scope
    with serving(tmp_path, limits=limits) as receiver:
        reply = receiver.post(gzip.compress(swarm), content_encoding="gzip")
        assert (reply.status, reply.error[0]) == (413, RESOURCE_EXHAUSTED)
        assert "too many spans" in reply.error[1]
        assert receiver.post(GOOD).status == 200


def test_a_large_request_is_stored_whole(tmp_path: Path) -> None:
    spans = [Span({"k": "v" * 1000}, span_id=n.to_bytes(8, "big")) for n in range(1, 1_001)]
    limits = Limits(body_bytes=16 * 1024**2, decoded_bytes=64 * 1024**2)
    with serving(tmp_path, limits=limits) as receiver:
        assert receiver.post(request(*spans)).status == 200
        assert receiver.post(gzip.compress(request(*spans)), content_encoding="gzip").status == 200
    assert [record.stamp.spans for record in stored(tmp_path)] == [1_000, 1_000]


def test_a_body_that_does_not_come_is_not_waited_for(receiver: Serving) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port)) as client:
        client.sendall(head(receiver, "Content-Length: 99") + b"ab")
        response = http.client.HTTPResponse(client)
        response.begin()
        status = Status.FromString(response.read())
    assert (response.status, status.code) == (408, DEADLINE_EXCEEDED)


def test_headers_that_do_not_come_are_not_waited_for(
    receiver: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN_S", 0.2)
    with socket.create_connection(("127.0.0.1", receiver.port)) as client:
        client.sendall(b"POST /v1/traces HTTP/1.1\r\nX-Slow: ")
        client.settimeout(30)
        assert closed(client)


def test_endless_headers_are_cut_off(receiver: Serving) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port)) as client:
        client.settimeout(30)
        client.sendall(b"POST /v1/traces HTTP/1.1\r\n")
        assert closed(client, b"X-Filler: " + b"a" * 1000 + b"\r\n")


def closed(client: socket.socket, line: bytes = b"") -> bool:
    """Whether the other side ends the connection unanswered, `line` being sent again and again."""
    try:
        for _ in range(1000 if line else 0):
            client.sendall(line)
        return client.recv(10) == b""
    except ConnectionError:
        return True


def test_a_full_spool_says_when_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, max_bytes=100) as receiver:
        reply = receiver.post(GOOD)
        assert (reply.status, reply.error[0]) == (503, UNAVAILABLE)
        assert int(reply.headers["retry-after"]) > 0
        assert stored(tmp_path) == []


def test_keys_are_never_in_the_log(receiver: Serving, capfd: pytest.CaptureFixture[str]) -> None:
    receiver.post(GOOD, authorization="Bearer ilk_verysecret")
    receiver.post(b"not protobuf")
    captured = capfd.readouterr()
    assert "ilk_" not in captured.out + captured.err


def test_many_senders_at_once_are_all_stored(receiver: Serving) -> None:
    replies: list[int] = []

    def send() -> None:
        replies.extend(receiver.post(GOOD).status for _ in range(10))

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert replies == [200] * 80
    assert len({record.stamp.receipt for record in stored(receiver.folder)}) == 80


@pytest.mark.django_db
def test_health_tells_of_receiver_spool_and_loader(receiver: Serving) -> None:
    receiver.post(GOOD)
    reply = receiver.send("GET", "/healthz")
    health = json.loads(reply.body)
    assert reply.status == 200
    assert health["receiver"] == {"status": "ok"}
    assert health["spool"]["bytes"] > 0
    assert health["loader"]["status"] == "late"
    assert health["status"] == "degraded"
