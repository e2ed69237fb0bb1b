"""All recordings through the real collector and the real charge job, once for all tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from finops.clickhouse.client import Warehouse
from ingest.admission import admit
from ingest.record import Stamp, encode
from ingest.segments import SEALED, name_segment
from tests.costing.charging import charge
from tests.ingest.loading import RECEIVED_AT_MS, load_all
from tests.recordings.otlp_json import Json
from tests.recordings.replay import Recording, as_expected

# Recordings know nothing of each other: each has a workspace of its own.
WHOLE, SPLIT = 1000, 500_000
# Single spans are spread over so many segments, and charged in two halves.
SEGMENTS = 4
HEX_ID = "lower(hex(span_id))"


@dataclass
class Outcome:
    """What became of one recording."""

    rows: list[Json] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    times: dict[str, tuple[int, float]] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)


def write(folder: Path, number: int, requests: Iterable[tuple[int, bytes]]) -> None:
    """Seal a segment of requests, each with its workspace."""
    records = []
    for receipt, (workspace, body) in enumerate(requests):
        admission = admit(body)
        stamp = Stamp(workspace, receipt, RECEIVED_AT_MS, admission.spans)
        records.append(encode(admission.body, stamp))
    name = name_segment(RECEIVED_AT_MS * 10**6 + number)
    (folder / (name + SEALED)).write_bytes(b"".join(records))


def replay(
    ch: Warehouse, folder: Path, recordings: list[Recording]
) -> tuple[list[Outcome], list[Outcome]]:
    """Return what became of each recording, sent as it was, and span by span in reverse."""
    whole: list[tuple[int, bytes]] = []
    parts: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for index, recording in enumerate(recordings):
        whole += [(WHOLE + index, body) for body in recording.bodies()]
        for place, body in enumerate(recording.single_spans()):
            parts[place % SEGMENTS].append((SPLIT + index, body))
    numbers = sorted(parts)
    middle = len(numbers) // 2
    for chosen in (numbers[:middle], numbers[middle:]):
        for number in chosen:
            write(folder, number, parts[number])
        if chosen is not numbers[:middle]:
            write(folder, SEGMENTS, whole)
        load_all(ch, folder)
        charge(ch)
    return collect(ch, WHOLE, len(recordings)), collect(ch, SPLIT, len(recordings))


def collect(ch: Warehouse, first: int, count: int) -> list[Outcome]:
    """Read what is stored for the workspaces of one way of sending."""
    found = [Outcome() for _ in range(count)]
    where = "WHERE workspace_id BETWEEN {first:UInt64} AND {last:UInt64}"
    params = {"first": first, "last": first + count - 1}
    rows = f"SELECT *, {HEX_ID} AS span FROM calls FINAL {where} ORDER BY started_at, span_id"
    for row in ch.query(rows, params):
        outcome = found[row["workspace_id"] - first]
        outcome.rows.append(as_expected(row))
    for row in ch.query(
        f"SELECT workspace_id, {HEX_ID} AS span FROM charges FINAL {where} AND counted", params
    ):
        found[row["workspace_id"] - first].counted.append(row["span"])
    for row in ch.query(
        f"""SELECT workspace_id, {HEX_ID} AS span, toUnixTimestamp64Micro(started_at) AS us,
            duration_ms FROM calls FINAL {where}""",
        params,
    ):
        found[row["workspace_id"] - first].times[row["span"]] = (row["us"], row["duration_ms"])
    for table in ("spans", "calls", "charges"):
        for row in ch.query(
            f"""SELECT workspace_id, {HEX_ID} AS span FROM {table}
            {where} AND position(formatRow('JSONEachRow', *), 'SECRET-') > 0""",
            params,
        ):
            found[row["workspace_id"] - first].secrets.append(f"{table} {row['span']}")
    return found
