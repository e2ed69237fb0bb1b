"""Packets, frames and staging files, byte for byte."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from struct import pack

import pytest
from clickhouse_driver.util.escape import escape_param
from hypothesis import given
from hypothesis import strategies as st

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.compression import compress, read_frame
from finops.clickhouse.embedded.errors import (
    ClientGone,
    ProtocolViolation,
    QueryError,
    read_engine_error,
)
from finops.clickhouse.embedded.staging import open_staging
from finops.clickhouse.embedded.stream import ByteStream, no_more, text, varint
from finops.clickhouse.embedded.type_names import arguments, element_type


@given(st.integers(0, 2**64 - 1))
def test_a_number_comes_back(value: int) -> None:
    assert ByteStream(no_more, varint(value)).varint() == value


def test_a_number_of_eleven_bytes_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        ByteStream(no_more, b"\xff" * 11).varint()


@given(st.text(max_size=300))
def test_a_text_comes_back_and_a_longer_one_than_allowed_is_refused(value: str) -> None:
    encoded = text(value)
    assert ByteStream(no_more, encoded).text(1200) == value
    if value:
        with pytest.raises(ProtocolViolation):
            ByteStream(no_more, encoded).text(len(value.encode()) - 1)


@given(st.text(max_size=100))
def test_a_parameter_is_taken_out_of_the_drivers_quotes(value: str) -> None:
    sent = escape_param(value, None, for_server=True)
    once = escape_param(value, None)
    assert packets.unquote(sent) == once[1:-1]


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_a_frame_comes_back(block: bytes, size: int) -> None:
    source = BytesIO(compress(block))
    stream = ByteStream(lambda: source.read(size))
    assert (read_frame(stream) if block else b"") == block


def test_a_block_of_several_frames_comes_back() -> None:
    block = bytes(range(256)) * 10_000
    stream = ByteStream(no_more, compress(block))
    assert b"".join(read_frame(stream) for _ in range(3)) == block
    assert stream.pending_bytes == 0


def test_damaged_frames_are_refused() -> None:
    frame = compress(b"some bytes that are compressed, some bytes that are compressed")
    for at in range(len(frame)):
        broken = bytearray(frame)
        broken[at] ^= 0x40
        with pytest.raises((ProtocolViolation, ClientGone)):
            read_frame(ByteStream(no_more, bytes(broken)))


@pytest.mark.parametrize(
    ("size", "whole"), [(0, 10), (8, 10), (2**32 - 1, 10), (9 + 10, 2**32 - 1), (19, 10_000)]
)
def test_sizes_that_cannot_be_are_refused_before_memory_is_taken(size: int, whole: int) -> None:
    frame = pack("<QQBII", 0, 0, 0x82, size, whole) + b"x" * 10
    with pytest.raises(ProtocolViolation):
        read_frame(ByteStream(no_more, frame))


def test_a_length_without_its_bytes_ends_with_the_bytes() -> None:
    stream = ByteStream(no_more, varint(2**40) + b"abc")
    with pytest.raises(ClientGone):
        stream.skip_strings(1)


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("Code: 60. DB::Exception: No (X)", 60, "DB::Exception: No (X)"),
        ("Streaming query failed: Code: 395. DB::Exception: a\nb", 395, "DB::Exception: a\nb"),
        ("Something else", 1002, "DB::Exception: Something else"),
    ],
)
def test_the_code_is_read_from_the_engines_text(said: str, code: int, message: str) -> None:
    error = read_engine_error(said)
    assert (error.code, str(error)) == (code, message)


@pytest.mark.parametrize(
    ("inside", "parts"),
    [
        ("", []),
        ("UInt8", ["UInt8"]),
        ("a Int8, `b, c` Map(String, UInt8)", ["a Int8", "`b, c` Map(String, UInt8)"]),
        ("'x,y' = 1, ')' = 2", ["'x,y' = 1", "')' = 2"]),
    ],
)
def test_arguments_are_split_outside_of_brackets_and_quotes(inside: str, parts: list[str]) -> None:
    assert arguments(inside) == parts


@pytest.mark.parametrize(
    ("element", "type_name"),
    [
        ("UInt8", "UInt8"),
        ("a UInt8", "UInt8"),
        ("`a b` DateTime64(3, 'UTC')", "DateTime64(3, 'UTC')"),
        ("DateTime64(3, 'UTC')", "DateTime64(3, 'UTC')"),
        ("Enum8('a b' = 1)", "Enum8('a b' = 1)"),
    ],
)
def test_an_element_may_have_a_name(element: str, type_name: str) -> None:
    assert element_type(element) == type_name


def test_staged_rows_move_to_the_disk_when_memory_is_short(tmp_path: Path) -> None:
    (tmp_path / "shm").mkdir()
    staging = open_staging(tmp_path, tmp_path / "shm")
    staging.memory_bytes = 10
    with staging.rows() as first, staging.rows() as second:
        first.write(b"12345678")
        assert first.path.is_relative_to(tmp_path / "shm")
        second.write(b"abc")
        assert second.path.is_relative_to(tmp_path / "staging")
        first.write(b"90")
        first.write(b"!")
        assert first.finish().read_bytes() == b"1234567890!"
        assert first.path.is_relative_to(tmp_path / "staging")
        assert second.finish().read_bytes() == b"abc"
    assert not list(tmp_path.rglob("*.native"))
    with staging.rows() as third:
        third.write(b"1234567890")
        assert third.in_memory


def test_rows_go_to_the_disk_when_the_folder_in_memory_is_gone(tmp_path: Path) -> None:
    (tmp_path / "shm").mkdir()
    staging = open_staging(tmp_path, tmp_path / "shm")
    assert staging.memory is not None
    staging.memory.rmdir()
    with staging.rows() as rows:
        rows.write(b"x")
        assert rows.finish().is_relative_to(tmp_path / "staging")
    staging.close()


def test_a_full_disk_refuses_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finops.clickhouse.embedded.staging.DISK_RESERVE_BYTES", 1 << 60)
    staging = open_staging(tmp_path, tmp_path / "nowhere")
    assert staging.memory is None
    with staging.rows() as rows, pytest.raises(QueryError) as caught:
        rows.write(b"x")
    assert caught.value.code == 243


def test_leftovers_are_removed_and_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    staging = open_staging(tmp_path, tmp_path)
    assert staging.memory is not None
    (staging.disk / "1.native").write_bytes(b"left")
    (staging.memory / "2.native").write_bytes(b"left")
    open_staging(tmp_path, tmp_path)
    assert not list(tmp_path.rglob("*.native"))
    staging.memory.rmdir()
    staging.memory.symlink_to(precious)
    assert open_staging(tmp_path, tmp_path).memory is None
    assert (precious / "file").read_text() == "keep"
