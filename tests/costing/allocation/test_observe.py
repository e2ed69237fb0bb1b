"""What ClickHouse makes of samples, beside a plain loop that does the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from finops.clickhouse.client import Warehouse
from finops.costing.allocation.cards import SampleHour
from finops.costing.allocation.observe import GAP_S, observe
from tests.costing.allocation.world import TEN, add_samples, every

HOUR = timedelta(hours=1)
WORKSPACE = 5


def observed(ch: Warehouse, hours: int = 1) -> dict[tuple[str, datetime], SampleHour]:
    found = observe(ch, WORKSPACE, TEN, TEN + hours * HOUR)
    return {(one.gpu_uuid, hour): one for hour, samples in found.items() for one in samples}


def test_samples_say_how_long_a_gpu_was_busy_and_what_is_not_known(ch: Warehouse) -> None:
    even = every(60, TEN - timedelta(minutes=1), TEN + HOUR)

    def add(uuid: str, moments: list[datetime], **values: object) -> None:
        add_samples(ch, WORKSPACE, moments, {"gpu_uuid": uuid, **values})

    add("steady", even, engine_active=0.5, power_w=100.0)
    # Ten minutes without a sample are not observed, whatever the samples around them say.
    add("gap", [t for t in even if not TEN < t < TEN + timedelta(minutes=10)], engine_active=1.0)
    # One reads every second for a minute and is busy then: by time that is a 60th.
    add("eager", every(1, TEN, TEN + timedelta(minutes=1)), engine_active=1.0)
    add("eager", every(60, TEN + timedelta(minutes=2), TEN + HOUR), engine_active=0.0)
    add("lone", [TEN + timedelta(minutes=30)], engine_active=1.0, window_s=5.0)
    add("reset", even, engine_active=0.0, energy_j=lambda t: float((t - TEN).seconds % 1800))
    add("deltas", even, engine_active=0.0, energy_delta_j=60.0)
    add("unknown", even, power_w=50.0)

    found = {uuid: one for (uuid, _), one in observed(ch).items()}
    facts = {uuid: (one.covered_ms, one.busy_ms, one.energy_j) for uuid, one in found.items()}
    assert facts == {
        "steady": (3_600_000, 1_800_000, 360_000),
        "gap": (3_000_000, 3_000_000, 0),
        "eager": (3_600_000, 60_000, 0),
        "lone": (5_000, 5_000, 0),
        "reset": (3_600_000, 0, pytest.approx(3540, abs=61)),
        "deltas": (3_600_000, 0, 3600),
        "unknown": (0, 0, 180_000),
    }
    assert found["lone"].span_ms == 5_000


def test_the_statement_agrees_with_a_plain_loop(ch: Warehouse) -> None:
    dice = Random(20261120)
    expected: dict[tuple[str, datetime], list[int]] = {}
    for n in range(12):
        moments = sorted(
            {TEN - HOUR / 6 + timedelta(seconds=dice.randrange(0, 9600)) for _ in range(60)}
        )
        use = {moment: dice.randrange(0, 9) / 8 for moment in moments}
        add_samples(ch, WORKSPACE, moments, {"gpu_uuid": f"G{n}", "engine_active": use.__getitem__})
        for before, ts in pairwise(moments):
            if (ts - before).seconds > GAP_S:
                continue
            for hour in (TEN, TEN + HOUR):
                inside = (min(ts, hour + HOUR) - max(before, hour)).total_seconds()
                if inside > 0:
                    sums = expected.setdefault((f"G{n}", hour), [0, 0])
                    sums[0] += int(inside) * 1000
                    sums[1] += round(min(1.0, use[ts]) * inside * 1000)
    found = observed(ch, hours=2)
    assert {key: [one.covered_ms, one.busy_ms] for key, one in found.items()} == expected
