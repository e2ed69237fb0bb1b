"""Whatever the order and the split of points over requests, the rows are the same."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from finops.clickhouse.client import Warehouse
from tests.ingest.metrics.loading import gpus, take
from tests.ingest.metrics.payloads import Point, request, seconds

# Column of the row, name of the metric, and what the metric's value is in the column's unit.
NAMES = {
    "DCGM_FI_DEV_GPU_UTIL": ("kernel_active", 0.01),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("engine_active", 1.0),
    "DCGM_FI_DEV_FB_USED": ("memory_used_bytes", 2.0**20),
    "DCGM_FI_DEV_POWER_USAGE": ("power_w", 1.0),
    "DCGM_FI_DEV_GPU_TEMP": ("temperature_c", 1.0),
}
# Values that all columns take: whole numbers of per cent, or halves of one.
VALUES = {"DCGM_FI_PROF_GR_ENGINE_ACTIVE": (0.0, 0.25, 1.0)}
Reading = tuple[str, str, int, float]


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    name = draw(st.sampled_from(sorted(NAMES)))
    gpu = draw(st.sampled_from(("GPU-1", "GPU-2")))
    after = draw(st.integers(0, 2))
    return gpu, name, after, draw(st.sampled_from(VALUES.get(name, (0.0, 1.0, 50.0, 100.0))))


def expected(of: list[Reading]) -> dict[tuple[str, int], dict[str, float]]:
    """The oracle: the largest value of each column, by GPU and second."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for gpu, name, after, value in of:
        column, scale = NAMES[name]
        row = rows.setdefault((gpu, after), {})
        row[column] = max(row.get(column, 0.0), value * scale)
    return rows


def found(ch: Warehouse, host: str) -> dict[tuple[str, int], dict[str, Any]]:
    columns = [column for column, _ in NAMES.values()]
    chosen = ", ".join(columns)
    return {
        (row["gpu_uuid"], row["after"]): {
            column: row[column] for column in columns if row[column] is not None
        }
        for row in gpus(
            ch, f"host, gpu_uuid, toUnixTimestamp(ts) - {seconds(0) // 10**9} AS after, {chosen}"
        )
        if row["host"] == host
    }


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given_=st.lists(readings(), min_size=1, max_size=12), data=st.data())
def test_every_value_is_kept_however_it_came(
    ch: Warehouse, tmp_path: Path, given_: list[Reading], data: st.DataObject
) -> None:
    hosts = ("whole", "split")
    tag = uuid.uuid4().hex
    points = {
        host: [
            Point(name, value, {"UUID": gpu, "Hostname": host + tag}, seconds(after))
            for gpu, name, after, value in given_
        ]
        for host in hosts
    }
    shuffled = data.draw(st.permutations(points["split"]))
    cut = data.draw(st.integers(0, len(shuffled)))
    first = [request(point) for point in shuffled[:cut]]
    take(ch, tmp_path, request(*points["whole"]), *first)
    take(ch, tmp_path, *[request(point) for point in shuffled[cut:]], request(shuffled[0]))
    whole = found(ch, "whole" + tag)
    assert whole == found(ch, "split" + tag)
    wanted = expected(given_)
    assert whole.keys() == wanted.keys()
    for key, row in whole.items():
        assert row.keys() == wanted[key].keys()
        for column, value in row.items():
            assert abs(value - wanted[key][column]) < 1e-6 * max(1.0, value)
