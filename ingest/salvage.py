"""What happens to a segment that ClickHouse answers with a refusal.

ClickHouse and the protobuf runtime don't agree on every odd message, and one bad request makes a
whole segment unreadable. So each request is tried alone, by loading it into tables that only this
session has. One that is only written oddly is written again as the protobuf runtime writes it.
Those that still fail go to quarantine/ as a segment of their own with the reason beside it, and the
rest is loaded. If requests pass alone but not together, the segment is cut in two. If a request
that is known to be good fails as well, or none fails, the fault isn't in the segment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from dataclasses import replace as changed
from datetime import datetime
from pathlib import Path

import structlog
from google.protobuf.message import DecodeError

from finops.clickhouse.client import Warehouse
from finops.clickhouse.errors import Unavailable, WarehouseError, kind_of
from ingest.record import Record, Stamp, encode, read_records
from ingest.segments import QUARANTINE, SEALED, sync_folder
from ingest.signal import Signal

PROBE_FILE = "loader.probe"

log = structlog.get_logger(__name__)
Refuses = Callable[[Sequence[Record]], str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is written beside a quarantined segment."""

    segment: str
    reason: str
    requests: int
    spans: int
    at: str


def salvage(
    ch: Warehouse, path: Path, seen_by_clickhouse: str, now: datetime, signal: Signal
) -> bool:
    """Take out of a segment what ClickHouse refuses; False when nothing could be found wrong.

    Raises Unavailable when ClickHouse can't be asked.
    """
    probe = path.parent / PROBE_FILE

    def refuses(records: Sequence[Record]) -> str:
        probe.write_bytes(b"".join(encode(record.body, record.stamp) for record in records))
        try:
            signal.rehearse(ch, f"{seen_by_clickhouse}/{probe.name}")
        except Unavailable:
            raise
        except WarehouseError as error:
            return kind_of(error)
        finally:
            probe.unlink(missing_ok=True)
        return ""

    if refuses([GOOD]):
        return False
    data = path.read_bytes()
    records = list(read_records(data))
    together = refuses(records)
    bad = find_bad(records, refuses) if together else {}
    # A server that was busy with others a moment ago says nothing about these requests.
    bad = find_bad([record for record in records if record.offset in bad], refuses)
    if bad and refuses([GOOD]):
        return False
    if not bad and sum(record.size for record in records) == len(data):
        return bool(together) and cut_in_two(path, data, records)
    mended = mend([record for record in records if record.offset in bad], refuses, signal)
    good = [
        mended.get(record.offset, record)
        for record in records
        if record.offset in mended or record.offset not in bad
    ]
    reason = next((bad[offset] for offset in bad if offset not in mended), "the file is damaged")
    spans = sum(r.stamp.spans for r in records if r.offset in bad and r.offset not in mended)
    refusal = Refusal(path.stem, reason, len(bad) - len(mended), spans, now.isoformat())
    set_aside(path, data, good, records, refusal)
    return True


def mend(bad: Sequence[Record], refuses: Refuses, signal: Signal) -> dict[int, Record]:
    """Write refused requests as the protobuf runtime does; return those that then pass, by offset.

    A true that isn't 1, or a field of another wire type, is legal; ClickHouse can't read it.
    """
    mended = {}
    for record in bad:
        try:
            message = signal.message.FromString(record.body)
        except DecodeError:
            continue
        message.DiscardUnknownFields()
        plain = changed(record, body=message.SerializeToString())
        if plain.body != record.body and not refuses([plain]):
            mended[record.offset] = plain
    return mended


def cut_in_two(path: Path, data: bytes, records: Sequence[Record]) -> bool:
    """Make two segments of one, each loaded by itself; False when there is nothing to cut."""
    if len(records) < 2:
        return False
    middle = records[len(records) // 2].offset
    replace(path.with_stem(path.stem + "a"), data[:middle])
    replace(path.with_stem(path.stem + "b"), data[middle:])
    path.unlink()
    return True


def find_bad(records: Sequence[Record], refuses: Refuses) -> dict[int, str]:
    """Return offset and reason of each refused record, by halving what is refused."""
    reason = refuses(records) if records else ""
    if not reason:
        return {}
    if len(records) == 1:
        return {records[0].offset: reason}
    half = len(records) // 2
    return find_bad(records[:half], refuses) | find_bad(records[half:], refuses)


def set_aside(
    path: Path, data: bytes, good: list[Record], records: list[Record], refusal: Refusal
) -> None:
    """Move the bad part of a segment to quarantine, durably, before it leaves the spool.

    The rest gets a name of its own, so that neither tokens nor spans of the first try are its own.
    """
    kept = {record.offset for record in good}
    sound = records[-1].offset + records[-1].size if records else 0
    parts = [
        data[record.offset : record.offset + record.size]
        for record in records
        if record.offset not in kept
    ]
    aside = b"".join([*parts, data[sound:]])
    if aside:
        quarantine(path.parent, aside, refusal)
    if good:
        replace(
            path.with_stem(path.stem + "r"),
            b"".join(encode(record.body, record.stamp) for record in good),
        )
    path.unlink()


def quarantine(folder: Path, data: bytes, refusal: Refusal) -> None:
    """Write refused bytes and the reason to quarantine/."""
    place = folder / QUARANTINE
    place.mkdir(exist_ok=True)
    replace(place / f"{refusal.segment}.json", json.dumps(asdict(refusal), indent=1).encode())
    replace(place / (refusal.segment + SEALED), data)
    log.error("quarantined", **asdict(refusal))


def replace(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_folder(path.parent)


# A request without spans: if even this is refused, the fault is ClickHouse's or ours.
GOOD = Record(0, 0, b"", Stamp(0, 0, 0, 0))
