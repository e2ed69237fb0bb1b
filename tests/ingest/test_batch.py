"""The loader's batch is the same after a crash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ingest.batch import MAX_BYTES, MAX_SEGMENTS, Batch, begin, choose, drop, finish, next_batch
from ingest.segments import SEALED, Segment


def seal(folder: Path, *names: str) -> None:
    for name in names:
        (folder / (name + SEALED)).write_bytes(b"x")


def test_a_batch_takes_what_waits_oldest_first(tmp_path: Path) -> None:
    seal(tmp_path, "2-b", "1-a", "3-c")
    assert next_batch(tmp_path) == Batch(tmp_path, ("1-a", "2-b", "3-c"))


def test_a_batch_once_begun_stays_as_it_is(tmp_path: Path) -> None:
    seal(tmp_path, "2-b", "3-c")
    begun = next_batch(tmp_path)
    seal(tmp_path, "1-a", "4-d")
    assert next_batch(tmp_path) == begun == Batch(tmp_path, ("2-b", "3-c"))


def test_a_batch_half_removed_is_still_the_same(tmp_path: Path) -> None:
    seal(tmp_path, "1-a", "2-b")
    begun = next_batch(tmp_path)
    (tmp_path / ("1-a" + SEALED)).unlink()
    assert next_batch(tmp_path) == begun


def test_a_batch_whose_segments_are_gone_is_over(tmp_path: Path) -> None:
    begin(tmp_path, ("1-a",))
    seal(tmp_path, "2-b")
    assert next_batch(tmp_path) == Batch(tmp_path, ("2-b",))


def test_a_finished_batch_leaves_nothing(tmp_path: Path) -> None:
    seal(tmp_path, "1-a", "2-b")
    batch = next_batch(tmp_path)
    assert batch is not None
    finish(batch)
    assert list(tmp_path.iterdir()) == []
    assert next_batch(tmp_path) is None


def test_segments_that_stepped_aside_are_left_out(tmp_path: Path) -> None:
    seal(tmp_path, "1-a", "2-b")
    assert next_batch(tmp_path, skip={"1-a"}) == Batch(tmp_path, ("2-b",))
    drop(tmp_path)
    assert next_batch(tmp_path, skip={"1-a", "2-b"}) is None


def sized(*sizes: int) -> list[Segment]:
    return [Segment(f"{n}-s", Path("x"), size) for n, size in enumerate(sizes)]


def test_a_batch_is_bounded_in_number_and_bytes_but_never_empty() -> None:
    assert len(choose(sized(*[1] * (MAX_SEGMENTS + 5)))) == MAX_SEGMENTS
    assert len(choose(sized(MAX_BYTES // 2, MAX_BYTES // 2, 1))) == 2
    assert len(choose(sized(2 * MAX_BYTES, 1))) == 1
    assert len(choose(sized(1, 2 * MAX_BYTES))) == 1


def test_tokens_differ_where_batches_do(tmp_path: Path) -> None:
    batches = [("1-a",), ("2-b",), ("1-a", "2-b"), ("1-a", "2-b", "3-c"), ("2-b", "3-c")]
    assert len({Batch(tmp_path, names).token for names in batches}) == len(batches)


def test_a_batch_reaches_back_before_its_first_record(tmp_path: Path) -> None:
    batch = Batch(tmp_path, ("1795250060000000000-a", "1795250070000000000-b"))
    assert batch.since < datetime.fromtimestamp(1_795_250_060, UTC)
