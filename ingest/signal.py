"""A signal (traces, metrics) as the loader sees it: where it waits and how it is loaded.

The loader, the spool and the quarantine are the same for every signal. What differs is in one
Signal, made where the signal's own statements are: TRACES in ingest/load.py.

Undecodable    ClickHouse refused to decode a batch; nothing of it is stored
Unseen         ClickHouse doesn't see the files that are there; nothing is stored
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.batch import Batch

# What was received and is in no table, by why.
NO_DIALECT = "no_dialect"
NOT_A_CALL = "not_a_call"


class Undecodable(Exception):
    """ClickHouse refused to decode a batch; nothing of it is stored."""

    code = "undecodable"
    retryable = False


class Unseen(Exception):
    """ClickHouse reads another folder than the spool; nothing is stored."""

    code = "spool_unseen"
    retryable = True


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch gave. Each mapping holds numbers by name, and leaves zeros out."""

    segments: int
    # Spans or data points that were acknowledged.
    received: int
    # Rows by table, with those that its views wrote beside them: {"spans": 10, "calls": 7}.
    rows: Mapping[str, int] = field(default_factory=dict)
    # What of the received became no row, by reason.
    ignored: Mapping[str, int] = field(default_factory=dict)
    # Spans or data points that were stored, by dialect.
    dialects: Mapping[str, int] = field(default_factory=dict)


def positive(counts: Mapping[str, int]) -> dict[str, int]:
    """Leave out what is zero, or below since copies collapsed meanwhile."""
    return {name: number for name, number in counts.items() if number > 0}


class Totals:
    """All that a loader did: the numbers of its batches, added up."""

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.named: dict[str, Counter[str]] = {
            "rows": Counter(),
            "ignored": Counter(),
            "dialects": Counter(),
        }

    def add(self, loaded: Loaded) -> None:
        self.numbers.update(segments=loaded.segments, received=loaded.received)
        for name, counts in self.named.items():
            counts.update(getattr(loaded, name))

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """Return the totals by stable names, ready for JSON."""
        return {**self.numbers, **{name: dict(counts) for name, counts in self.named.items()}}


# Bring a batch into ClickHouse, which sees the signal's folder at the given path. Raises
# Undecodable or Unseen, and then nothing is stored; WarehouseError for anything else, and then the
# same batch is loaded again: every statement carries a token made of the batch's.
Load = Callable[[Warehouse, Batch, str, datetime], Loaded]

# Load one file, at a path as ClickHouse sees it, into tables that hide the real ones, and leave
# nothing behind. Raises WarehouseError when it is refused. See ingest/rehearsal.py.
Rehearse = Callable[[Warehouse, str], None]


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of telemetry."""

    name: str
    # Where it waits, below the spool; '' is the spool itself.
    folder: str
    load: Load
    rehearse: Rehearse
    # The class of the protobuf runtime that reads a request.
    message: Any

    def within(self, spool: Path) -> Path:
        """Return the signal's own folder in a spool."""
        return spool / self.folder if self.folder else spool

    def seen_within(self, spool_in_clickhouse: str) -> str:
        """Return the same folder as ClickHouse sees it."""
        return f"{spool_in_clickhouse}/{self.folder}" if self.folder else spool_in_clickhouse
