"""Framing of the spool's records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.record import (
    Stamp,
    decode_varint,
    encode,
    encode_varint,
    read_records,
    sound_length,
    tally,
)
from tests.ingest.payloads import Span, decoded, request

stamps = st.builds(
    Stamp,
    workspace_id=st.integers(0, 2**64 - 1),
    receipt=st.integers(0, 2**64 - 1),
    received_at_ms=st.integers(0, 2**64 - 1),
    spans=st.integers(0, 2**32 - 1),
)
entries = st.lists(st.tuples(st.binary(max_size=300), stamps), max_size=5)


@given(st.integers(0, 2**35 - 1))
def test_a_varint_reads_back(number: int) -> None:
    encoded = encode_varint(number)
    assert decode_varint(encoded, 0) == (number, len(encoded))


@given(entries)
def test_what_was_written_reads_back(written: list[tuple[bytes, Stamp]]) -> None:
    data = b"".join(encode(body, stamp) for body, stamp in written)
    assert [(r.body, r.stamp) for r in read_records(data)] == written
    assert sound_length(data) == len(data)
    assert tally(data) == (len(written), sum(stamp.spans for _, stamp in written))


@given(entries, st.data())
def test_a_tail_torn_anywhere_leaves_the_whole_records_before_it(
    written: list[tuple[bytes, Stamp]], data: st.DataObject
) -> None:
    records = [encode(body, stamp) for body, stamp in written]
    whole = b"".join(records)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [0]
    for record in records:
        ends.append(ends[-1] + len(record))
    assert sound_length(whole[:cut]) == max(end for end in ends if end <= cut)


@given(st.binary(max_size=300), stamps, st.data())
def test_a_changed_byte_is_noticed(body: bytes, stamp: Stamp, data: st.DataObject) -> None:
    record = bytearray(encode(body, stamp))
    at = data.draw(st.integers(0, len(record) - 1))
    record[at] ^= data.draw(st.integers(1, 255))
    assert list(read_records(bytes(record))) == []


@given(st.integers(0, 5000))
def test_blocks_of_zeros_after_a_power_cut_are_no_records(size: int) -> None:
    record = encode(b"body", Stamp(1, 2, 3, 4))
    assert sound_length(record + bytes(size)) == len(record)


def test_a_record_is_still_the_request_it_was() -> None:
    record = encode(request(Span(), Span()), Stamp(7, 8, 9, 2))
    frame = decode_varint(record, 0)
    assert frame is not None
    message = record[frame[1] :]
    assert len(message) == frame[0]
    assert len(decoded(message)) == 2
    # the stamp travels as fields that OpenTelemetry doesn't know
    plain = ExportTraceServiceRequest.FromString(message)
    plain.DiscardUnknownFields()
    assert plain.SerializeToString() == request(Span(), Span())
