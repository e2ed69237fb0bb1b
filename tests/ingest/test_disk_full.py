"""A full disk: clients are told to come again, and what they were told is stored is there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from ingest.errors import Busy
from ingest.record import Stamp, encode
from ingest.segments import recover
from ingest.spool import Spool
from tests.ingest.payloads import Span, request
from tests.ingest.serving import serving, stored
from tests.ingest.waiting import wait_until
from tests.services import missing

DISK_BYTES = 1024**2
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "note": "n" * 4000}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte; only root can mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        missing("A small disk (only root can mount one)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def body(number: int) -> bytes:
    return request(Span(CHAT, span_id=number.to_bytes(8, "big")))


def test_a_full_disk_is_answered_with_503_and_what_was_acknowledged_is_there(disk: Path) -> None:
    acknowledged = 0
    with serving(disk, max_bytes=10**9) as receiver:
        replies = [receiver.post(body(number)) for number in range(1, 400)]
        acknowledged = sum(reply.status == 200 for reply in replies)
        refused = [reply for reply in replies if reply.status != 200]
        assert 50 < acknowledged < 399
        assert {reply.status for reply in refused} == {503}
        assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
        assert len(stored(disk)) == acknowledged
        for segment in disk.glob("*.seg"):
            segment.unlink()
        wait_until(lambda: receiver.post(body(1)).status == 200)


def test_records_of_one_write_are_all_refused_when_they_do_not_fit(disk: Path) -> None:
    spool = Spool(disk, 10**9)
    spool.start()
    records = [encode(b"r" * 50_000, Stamp(1, number, 1, 1)) for number in range(60)]
    futures = [spool.append(record) for record in records]
    outcomes = [outcome_of(future) for future in futures]
    spool.close()
    kept = {record.stamp.receipt for record in stored(disk)}
    told = {number for number, outcome in enumerate(outcomes) if outcome is None}
    assert told <= kept
    assert len(told) < len(records)
    assert {type(outcome) for outcome in outcomes if outcome} == {Busy}
    assert recover(disk) == []


def outcome_of(future: Future[None]) -> BaseException | None:
    return future.exception(30)
