"""Large requests are admitted in pieces, and bombs before they go off."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.admission import MAX_PARTS, admit
from ingest.errors import BadRequest, TooLarge
from ingest.pieces import BYTES, MAX_FIELD_BYTES, MAX_HEAD_BYTES, PIECE_BYTES, Pieces
from ingest.record import encode_varint
from tests.ingest.payloads import Span, Values, decoded, keys, request

MANY = 8 * 1024**2


def field(number: int, payload: bytes) -> bytes:
    return encode_varint(number << 3 | BYTES) + encode_varint(len(payload)) + payload


def large_request(attributes: Values | None = None) -> bytes:
    """A request of several pieces, its spans numbered."""
    spans = [
        Span({"a": "x" * 1000} | dict(attributes or {}), span_id=number.to_bytes(8, "big"))
        for number in range(1, 2_001)
    ]
    return request(*spans, resource={"service.name": "shop"})


def test_pieces_are_small_and_say_together_what_the_request_said() -> None:
    body = large_request()
    pieces = list(Pieces(body))
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= PIECE_BYTES + MAX_HEAD_BYTES
    found = [span for piece in pieces for span in decoded(piece)]
    assert found == decoded(body)
    for piece in pieces:
        (resource,) = ExportTraceServiceRequest.FromString(piece).resource_spans
        assert resource.resource.attributes[0].value.string_value == "shop"
        assert resource.scope_spans[0].scope.name == "test"


def test_many_small_resources_share_pieces() -> None:
    body = request(Span({"a": "x" * 1000})) * 2_000
    pieces = list(Pieces(body))
    assert len(pieces) < 10
    assert b"".join(pieces) == body


def test_a_large_request_goes_in_whole_and_without_content() -> None:
    admission = admit(large_request({"gen_ai.input.messages": "secret"}))
    assert (admission.spans, admission.rejected, admission.content_dropped) == (2_000, 0, 2_000)
    numbers = [int.from_bytes(span.span_id, "big") for span in decoded(admission.body)]
    assert numbers == list(range(1, 2_001))
    assert b"secret" not in admission.body


def test_of_a_huge_span_all_but_the_huge_texts_stays() -> None:
    span = Span({"gen_ai.request.model": "m", "gen_ai.input.messages": "x" * 2 * PIECE_BYTES})
    admission = admit(request(span, Span(span_id=b"2" * 8)))
    assert [keys(span) for span in decoded(admission.body)] == [{"gen_ai.request.model"}, set()]
    assert admission.attributes_dropped == 1


def test_a_huge_span_of_small_things_is_refused() -> None:
    attributes = {f"k{number}": "v" * 1000 for number in range(1_000)}
    with pytest.raises(TooLarge, match="span"):
        admit(request(Span(attributes)))


def test_a_huge_resource_is_refused() -> None:
    resource = {f"k{number}": "v" * (MAX_FIELD_BYTES // 2) for number in range(20)}
    with pytest.raises(TooLarge, match="resource"):
        admit(request(Span(), resource=resource))


IDS = field(1, b"t" * 16) + field(2, b"s" * 8)


@pytest.mark.parametrize("size", [PIECE_BYTES - 100, MANY], ids=["in one piece", "large"])
@pytest.mark.parametrize("of", ["spans", "scopes", "resources", "events"])
def test_masses_of_empty_messages_are_refused(of: str, size: int) -> None:
    empty = field(1, b"") * (size // 2)
    swarm = field(2, b"") * (size // 2)
    events = field(11, b"") * (size // 2)
    bombs = {
        "spans": field(1, field(2, swarm)),
        "scopes": field(1, swarm),
        "resources": empty,
        "events": field(1, field(2, field(2, IDS + events))),
    }
    with pytest.raises(TooLarge, match=r"too many|more than"):
        admit(bombs[of])


def test_masses_of_events_in_many_spans_are_refused() -> None:
    span = field(2, IDS + field(11, b"") * (MAX_PARTS // 10))
    with pytest.raises(TooLarge, match="events"):
        admit(field(1, field(2, span * 12)))


@pytest.mark.parametrize(
    "body",
    [b"{" * MANY, b"\xff" * MANY, large_request()[:-3], b"\x0a" + b"\xff" * 20 + bytes(MANY)],
    ids=["text", "noise", "cut off", "absurd length"],
)
def test_what_is_no_large_request_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        list(Pieces(body))
    with pytest.raises(BadRequest):
        admit(body)
