"""The spool keeps what it acknowledged, and refuses what it can't keep."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.errors import Busy
from ingest.record import Stamp, encode, read_records
from ingest.segments import OPEN, SEALED
from ingest.spool import SEAL_BYTES, Spool

MANY = 10 * 1024**2
WAIT_S = 30


def record(number: int, size: int = 100) -> bytes:
    return encode(bytes(size), Stamp(1, number, 0, 1))


def stored(folder: Path) -> list[int]:
    """The receipts on disk, in the order of segments and records."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (OPEN, SEALED))
    return [r.stamp.receipt for path in files for r in read_records(path.read_bytes())]


@contextmanager
def spooling(folder: Path, max_bytes: int = MANY) -> Iterator[Spool]:
    spool = Spool(folder, max_bytes)
    spool.start()
    try:
        yield spool
    finally:
        spool.close()


def test_what_is_acknowledged_is_on_disk(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        for number in range(20):
            spool.append(record(number)).result(WAIT_S)
            assert stored(tmp_path)[-1] == number


def test_many_requests_share_one_sync(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        done, _ = wait([spool.append(record(number)) for number in range(500)], WAIT_S)
    assert len(done) == 500
    assert stored(tmp_path) == list(range(500))


def test_closing_seals_what_is_open(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        spool.append(record(1))
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [SEALED]
    with pytest.raises(Busy):
        spool.append(record(2))


def test_a_segment_is_sealed_when_it_is_old(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        spool.append(record(1)).result(WAIT_S)
        while not list(tmp_path.glob("*" + SEALED)):
            pass
        spool.append(record(2)).result(WAIT_S)
    assert stored(tmp_path) == [1, 2]
    assert len(list(tmp_path.glob("*" + SEALED))) == 2


def test_a_segment_is_sealed_when_it_is_large(tmp_path: Path) -> None:
    with spooling(tmp_path, 10 * SEAL_BYTES) as spool:
        spool.append(record(1, SEAL_BYTES)).result(WAIT_S)
        spool.append(record(2)).result(WAIT_S)
    assert len(list(tmp_path.glob("*" + SEALED))) == 2


def test_a_long_queue_fills_several_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.spool.SEAL_BYTES", 1_000)
    spool = Spool(tmp_path, MANY)
    sizes = [600, 100, 600, 5_000, 100, 100]
    for number, size in enumerate(sizes):
        spool.append(record(number, size))
    spool.start()
    spool.close()
    sealed = sorted(tmp_path.glob("*" + SEALED))
    held = [[r.stamp.receipt for r in read_records(path.read_bytes())] for path in sealed]
    assert held == [[0, 1], [2], [3], [4, 5]]


def test_a_full_spool_refuses_and_takes_again_when_it_was_emptied(tmp_path: Path) -> None:
    with spooling(tmp_path, max_bytes=10_000) as spool:
        spool.append(record(1, 9_000)).result(WAIT_S)
        with pytest.raises(Busy, match="full"):
            spool.append(record(2, 9_000))
        assert stored(tmp_path) == [1]
        while not (sealed := list(tmp_path.glob("*" + SEALED))):
            pass
        sealed[0].unlink()
        retried = retry(spool, record(3, 9_000))
        retried.result(WAIT_S)
        assert stored(tmp_path) == [3]


def retry(spool: Spool, data: bytes):  # type: ignore[no-untyped-def]
    while True:
        try:
            return spool.append(data)
        except Busy:
            continue


def test_what_others_left_counts_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "0001-a.seg").write_bytes(bytes(9_000))
    with spooling(tmp_path, max_bytes=10_000) as spool, pytest.raises(Busy, match="full"):
        spool.append(record(1, 2_000))


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size`, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        spool.append(record(1)).result(WAIT_S)
        with disk_of(50_000):
            failed = spool.append(record(2, 100_000))
            with pytest.raises(Busy, match="disk"):
                failed.result(WAIT_S)
        spool.append(record(3)).result(WAIT_S)
    assert stored(tmp_path) == [1, 3]


def test_a_folder_that_cannot_be_looked_at_for_a_while_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.spool.MEASURE_EVERY_S", 0)
    folder, away = tmp_path / "spool", tmp_path / "away"
    with spooling(folder) as spool:
        folder.rename(away)
        folder.write_bytes(b"")
        for _ in range(3):
            with pytest.raises(Busy):
                spool.append(record(1)).result(WAIT_S)
        folder.unlink()
        away.rename(folder)
        spool.append(record(2)).result(WAIT_S)
        assert stored(folder) == [2]


def test_a_client_that_goes_away_stops_nobody(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        spool.append(record(1)).cancel()
        spool.append(record(2)).result(WAIT_S)
    assert stored(tmp_path) == [1, 2]
