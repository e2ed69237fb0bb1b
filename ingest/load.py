"""From sealed segments to rows: decode, normalise, write down that it is done.

Every statement carries a deduplication token made of the batch and the step, and a batch that was
tried before is loaded as ingest/again.py says. So the steps can be repeated from the first after a
crash anywhere in or between them, and each row is there once.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.clickhouse.errors import QueryFailed
from ingest.again import decode_again, normalise_again, not_written_down, token
from ingest.arrivals import record_arrivals, record_ignored
from ingest.batch import Batch
from ingest.decode import COUNT_REQUESTS, DECODE, DECODE_SETTINGS
from ingest.normalise import AS_THEY_COME, found
from ingest.otlp import Traces
from ingest.rehearsal import hidden
from ingest.segments import tally_files
from ingest.signal import NO_DIALECT, NOT_A_CALL, Loaded, Signal, Undecodable, Unseen, positive

EPOCH = datetime.fromtimestamp(0, UTC)


def load(ch: Warehouse, batch: Batch, spool_in_clickhouse: str, now: datetime) -> Loaded:
    """Bring a batch into spans, calls and segments.

    Raises Undecodable or Unseen, and then nothing of the batch is stored; WarehouseError for
    anything else, and then the same batch must be loaded again.
    """
    path = f"{spool_in_clickhouse}/{batch.glob}"
    requests, received = tally_files(batch.paths())
    decode(ch, batch, path, requests)
    params: dict[str, Any] = {"segments": list(batch.names), "since": batch.since}
    normalise(ch, batch, params)
    spans: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    dialects: Counter[str] = Counter()
    arrived = record_arrivals(ch, batch, params)
    for row in arrived:
        spans[row["segment"]] += row["spans"]
        calls[row["segment"]] += row["calls"]
        dialects[row["dialect"]] += row["spans"]
    stored, counted = spans.total(), calls.total()
    if received > stored:
        record_ignored(ch, batch, arrived)
    write_segments(ch, batch, spans, calls, now)
    return Loaded(
        segments=len(batch.names),
        received=received,
        rows=positive({"spans": stored, "calls": counted}),
        ignored=positive({NO_DIALECT: received - stored, NOT_A_CALL: stored - counted}),
        dialects=dict(dialects),
    )


def decode(ch: Warehouse, batch: Batch, path: str, requests: int) -> None:
    """Run step one: the files become spans.

    A glob that matches nothing is no error to ClickHouse, so what it sees is counted first: a
    wrong path must not look like empty segments.
    """
    try:
        (row,) = ch.query(COUNT_REQUESTS, {"path": path}, settings=DECODE_SETTINGS)
        if row["requests"] < requests:
            raise Unseen(
                f"ClickHouse sees {row['requests']} of {requests} requests at {path}: "
                "FINOPS_SPOOL_DIR_IN_CLICKHOUSE must name the spool as ClickHouse's file() sees it."
            )
        if batch.again:
            decode_again(ch, batch, path)
        else:
            ch.command(DECODE, {"path": path}, settings=DECODE_SETTINGS | token(batch, "spans"))
    except QueryFailed as error:
        raise Undecodable(str(error)) from error


def normalise(ch: Warehouse, batch: Batch, params: dict[str, Any]) -> None:
    """Run step two: spans become calls."""
    with found(ch, params) as said:
        if not said.mean:
            return
        if batch.again:
            normalise_again(ch, batch, params, said)
        else:
            ch.command(said.normalise, settings=AS_THEY_COME | token(batch, "calls"))


def write_segments(
    ch: Warehouse, batch: Batch, spans: Counter[str], calls: Counter[str], now: datetime
) -> None:
    """Tell the charge job that these segments are in."""
    names = not_written_down(ch, batch) if batch.again else list(batch.names)
    ch.insert(
        "segments",
        {
            "segment": names,
            "spans": [spans[name] for name in names],
            "calls": [calls[name] for name in names],
            "loaded_at": [now] * len(names),
            "charged": [0] * len(names),
            "charged_at": [EPOCH] * len(names),
            "version": [0] * len(names),
        },
        settings=token(batch, "segments"),
    )


def rehearse(ch: Warehouse, path: str) -> None:
    """Load a file with the real statements into tables that hide the real ones."""
    with hidden(ch, "spans", "calls"):
        ch.command(DECODE, {"path": path}, settings=DECODE_SETTINGS)
        segment = path.rpartition("/")[2].partition(".")[0]
        params: dict[str, Any] = {"segments": [segment], "since": EPOCH}
        with found(ch, params) as said:
            if said.mean:
                ch.command(said.normalise, settings=AS_THEY_COME)


TRACES = Signal("traces", "", load, rehearse, Traces)
