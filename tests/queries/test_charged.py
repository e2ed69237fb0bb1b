"""How much of a batch of requests is charged."""

from __future__ import annotations

from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.charged import Charged, charged
from finops.queries.range import Range
from tests.queries.rows import WORKSPACE, at

SPAN = Range(at("14:00"), at("15:00"))
Row = tuple[str, int, str, int, Decimal | None]


def add(ch: Warehouse, *rows: Row, workspace_id: int = WORKSPACE) -> None:
    """Charges of (request, attempt, time, counted, cost)."""
    count = len(rows)
    numbers = range(workspace_id * 100, workspace_id * 100 + count)
    ch.insert(
        "charges",
        {
            "workspace_id": [workspace_id] * count,
            "trace_id": [f"{number:016}" for number in numbers],
            "span_id": [f"{number:08}" for number in numbers],
            "request_id": [row[0] for row in rows],
            "attempt": [row[1] for row in rows],
            "started_at": [at(row[2]) for row in rows],
            "counted": [row[3] for row in rows],
            "cost_usd": [row[4] for row in rows],
        },
    )


def test_every_attempt_of_the_batch_counts_and_repeated_ones_count_once(ch: Warehouse) -> None:
    add(
        ch,
        ("play-1", 0, "14:01", 1, Decimal(1)),
        ("play-1", 1, "14:02", 1, Decimal(2)),
        ("play-1", 1, "14:02", 0, Decimal(0)),
        ("play-2", 0, "14:03", 1, None),
        ("other-1", 0, "14:03", 1, Decimal(16)),
        ("play-3", 0, "15:00", 1, Decimal(32)),
    )
    add(ch, ("play-4", 0, "14:01", 1, Decimal(64)), workspace_id=WORKSPACE + 1)
    assert charged(ch, WORKSPACE, SPAN, "play-") == Charged(3, Decimal(3))


def test_nothing_charged_has_no_cost(ch: Warehouse) -> None:
    assert charged(ch, WORKSPACE, SPAN, "play-") == Charged(0, None)
