"""Readers of recorded traffic: what they read, and how they refuse."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.replay.readers import READERS
from finops.replay.readers.azure import read_azure
from finops.replay.readers.servegen import read_servegen
from finops.replay.readers.trace import (
    TraceError,
    TraceMalformed,
    TraceRequest,
    TraceUnreadable,
)

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
"""
MORE = "2023-11-16 19:14:08.4025270,197,183\n"
SERVEGEN = """t,client,input,output
0.0009,14,23,2
0.5,27,51,3
"""


@pytest.fixture
def trace(tmp_path: Path) -> Callable[[str], Path]:
    """Write a text as a trace file."""

    def write(text: str) -> Path:
        path = tmp_path / "trace.csv"
        path.write_text(text)
        return path

    return write


Write = Callable[[str], Path]


def test_azure_arrivals_count_from_the_first_row(trace: Write) -> None:
    assert list(read_azure(trace(AZURE))) == [
        TraceRequest(0.0, "", 374, 44),
        TraceRequest(4.314579, "", 396, 109),
    ]


def test_azure_2024_times_carry_their_zone(trace: Write) -> None:
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2024-05-10 00:00:00.009930+00:00,2162,5\n"
        "2024-05-10 02:00:01.009930+02:00,2399,6\n"
    )
    assert [request.arrival_s for request in read_azure(trace(text))] == [0.0, 1.0]


def test_servegen_requests_keep_their_client(trace: Write) -> None:
    assert list(read_servegen(trace(SERVEGEN))) == [
        TraceRequest(0.0009, "14", 23, 2),
        TraceRequest(0.5, "27", 51, 3),
    ]


def test_a_gzip_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(gzip.compress(AZURE.encode()))
    assert len(list(read_azure(path))) == 2


def test_line_ends_blank_lines_byte_order_mark_and_more_columns_are_fine(trace: Write) -> None:
    text = "\ufeffoutput,t,model,client,input\r\n2,0.1,small,14,23\r\n\r\n3,0.2,large,27,51\r\n"
    assert list(read_servegen(trace(text))) == [
        TraceRequest(0.1, "14", 23, 2),
        TraceRequest(0.2, "27", 51, 3),
    ]


def test_a_reader_takes_a_line_at_a_time(trace: Write) -> None:
    requests = read_servegen(trace(SERVEGEN + "broken\n"))
    assert len(list(islice(requests, 2))) == 2
    with pytest.raises(TraceMalformed):
        next(requests)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "trace.csv:1: the header lacks t, client, input, output"),
        ("t,client,input\n", "trace.csv:1: the header lacks output"),
        ("t,client,input,output\n", "trace.csv:1: no request follows the header"),
        (SERVEGEN + "1.0,3,4\n", "trace.csv:4: 3 columns, but the header has 4"),
        (SERVEGEN + "1.0,3,4,5,6\n", "trace.csv:4: 5 columns"),
        (SERVEGEN + "soon,3,4,5\n", "trace.csv:4: t is 'soon', but must be a number of seconds"),
        (SERVEGEN + "-1,3,4,5\n", "trace.csv:4: t is '-1'"),
        (SERVEGEN + "nan,3,4,5\n", "trace.csv:4: t is 'nan'"),
        (SERVEGEN + "inf,3,4,5\n", "trace.csv:4: t is 'inf'"),
        (SERVEGEN + "1.0,,4,5\n", "trace.csv:4: client is ''"),
        (SERVEGEN + "1.0,3,4.5,5\n", "trace.csv:4: input is '4.5', but must be a whole number"),
        (SERVEGEN + "1.0,3,-4,5\n", "trace.csv:4: input is '-4'"),
        (SERVEGEN + "1.0,3,4,\n", "trace.csv:4: output is ''"),
        (SERVEGEN + "1.0,3,4,4294967296\n", "trace.csv:4: output is '4294967296'"),
        (SERVEGEN + "1.0,3,4,٣\n", "trace.csv:4: output is '٣'"),
        (SERVEGEN + '1.0,3,"4,5\n', "trace.csv:4: not comma-separated text"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_what_is_allowed(
    trace: Write, text: str, said: str
) -> None:
    with pytest.raises(TraceMalformed) as refusal:
        list(read_servegen(trace(text)))
    assert said in str(refusal.value)


@pytest.mark.parametrize("time", ["", "yesterday", "2023-13-01 00:00:00", "2023-11-16 18:15:40"])
def test_an_azure_time_that_is_wrong_or_before_the_start_is_named(trace: Write, time: str) -> None:
    with pytest.raises(TraceMalformed, match=r"trace\.csv:4: TIMESTAMP is "):
        list(read_azure(trace(AZURE + f"{time},1,1\n")))


def test_a_file_that_is_absent_says_so(tmp_path: Path) -> None:
    with pytest.raises(TraceUnreadable, match=r"absent\.csv: can't be read .* no such file"):
        list(read_azure(tmp_path / "absent.csv"))


def test_a_folder_is_not_a_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceUnreadable, match="is a directory"):
        list(read_azure(tmp_path))


@pytest.mark.parametrize("keep", [3, 12, 40, -6])
def test_a_gzip_that_was_cut_off_says_so(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress((AZURE + MORE * 50).encode())[:keep])
    with pytest.raises(TraceUnreadable, match="damaged or cut off"):
        list(read_azure(path))


def test_a_gzip_with_a_changed_byte_says_so(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(AZURE.encode()))
    packed[-8] ^= 0xFF  # the checksum
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(packed)
    with pytest.raises(TraceUnreadable, match="damaged or cut off"):
        list(read_azure(path))


def test_other_bytes_are_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(zlib.compress(AZURE.encode()))
    with pytest.raises(TraceUnreadable, match="neither UTF-8 text nor gzip"):
        list(read_azure(path))


def read(name: str, path: Path) -> Iterator[TraceRequest]:
    return READERS[name](path)


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_trace_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "trace"
    path.write_bytes(content)
    with pytest.raises(TraceError):
        list(read(name, path))
