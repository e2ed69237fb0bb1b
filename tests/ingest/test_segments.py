"""Names, states and recovery of segments."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.record import Stamp, encode
from ingest.segments import (
    OPEN,
    QUARANTINE,
    SEALED,
    list_sealed,
    measure,
    name_segment,
    open_segment,
    recover,
)

RECORD = encode(b"body", Stamp(1, 2, 3, 4))


def test_names_sort_by_age_and_never_repeat() -> None:
    names = [name_segment(ns) for ns in (1, 1, 10, 2 * 10**18)]
    assert len(set(names)) == 4
    assert sorted(names)[2:] == names[2:]


def test_sealed_segments_come_oldest_first(tmp_path: Path) -> None:
    for name in ("0003-b", "0001-c", "0002-a"):
        (tmp_path / (name + SEALED)).write_bytes(b"x")
    (tmp_path / "0000-d.open").write_bytes(b"x")
    (tmp_path / "loader.batch").write_text("x")
    assert [segment.name for segment in list_sealed(tmp_path)] == ["0001-c", "0002-a", "0003-b"]


def test_a_dead_receivers_segment_loses_its_torn_tail_and_is_sealed(tmp_path: Path) -> None:
    left = tmp_path / "0001-a.open"
    left.write_bytes(RECORD + RECORD + RECORD[:-1])
    assert recover(tmp_path) == [("0001-a", len(RECORD) - 1)]
    assert not left.exists()
    assert left.with_suffix(SEALED).read_bytes() == RECORD + RECORD


def test_a_segment_with_nothing_whole_in_it_goes(tmp_path: Path) -> None:
    (tmp_path / "0001-a.open").write_bytes(RECORD[:-1])
    (tmp_path / "0002-b.open").write_bytes(b"")
    recover(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_living_receivers_segment_is_left_alone(tmp_path: Path) -> None:
    path, fd = open_segment(tmp_path, 1)
    os.write(fd, RECORD[:-1])
    assert recover(tmp_path) == []
    assert path.exists()
    os.close(fd)
    assert recover(tmp_path) == [(path.stem, len(RECORD) - 1)]


def test_depth_counts_what_waits_and_what_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / QUARANTINE).mkdir()
    (tmp_path / QUARANTINE / "0001-q.seg").write_bytes(b"123")
    (tmp_path / QUARANTINE / "0001-q.json").write_bytes(b"{}")
    (tmp_path / ("0000000000000000007-a" + SEALED)).write_bytes(b"12345")
    (tmp_path / ("0000000000000000005-b" + OPEN)).write_bytes(b"1")
    depth = measure(tmp_path)
    assert (depth.segments, depth.bytes, depth.oldest_ns, depth.quarantined) == (2, 9, 5, 1)


def test_a_spool_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    depth = measure(tmp_path / "none")
    assert (depth.segments, depth.bytes, depth.oldest_ns, depth.quarantined) == (0, 0, None, 0)
