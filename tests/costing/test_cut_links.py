"""A chain of links that is too long to follow changes nothing at its far end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from finops.clickhouse.client import Warehouse
from finops.costing.gather import MAX_STEPS
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges

pytestmark = pytest.mark.django_db


def failed(second: int) -> dict[str, Any]:
    """A call that knows no usage is judged with what its service did a second around it."""
    return {
        "span": f"failed {second}",
        "trace": f"failed {second}",
        "service": "shop",
        "emitter": "com.anthropic.sdk.python@2",
        "started_at": START + timedelta(seconds=second),
        "duration_ms": 100.0,
        "outcome": "error",
        "input_tokens": None,
        "output_tokens": None,
    }


def seen_by(emitter: str, name: str, second: int, duration_ms: float) -> dict[str, Any]:
    return {
        "span": name,
        "trace": "trace",
        "service": "shop",
        "emitter": emitter,
        "started_at": START + timedelta(seconds=second),
        "duration_ms": duration_ms,
    }


def counted(ch: Warehouse) -> tuple[int, int]:
    found = charges(ch)
    return found[span("outer")]["counted"], found[span("inner")]["counted"]


def test_a_call_at_the_end_of_a_chain_that_is_cut_keeps_its_verdict(ch: Warehouse) -> None:
    pair = [
        seen_by("one@1", "outer", MAX_STEPS, 5000.0),
        seen_by("two@1", "inner", MAX_STEPS + 2, 1000.0),
    ]
    insert_calls(ch, [failed(n) for n in range(1, 2 * MAX_STEPS)] + pair, segment="seg-1")
    charge(ch)
    assert counted(ch) == (0, 1)
    insert_calls(ch, [failed(0)], segment="seg-2")
    charge(ch)
    assert counted(ch) == (0, 1)
