"""The metrics of inference servers are stored as sent, and say what happened when asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse
from finops.queries import Range
from finops.queries.serving import COUNTERS, Level, ServingLoad, serving_load
from ingest.metrics.serving_names import KINDS
from tests.ingest.loading import WORKSPACE
from tests.ingest.metrics.loading import load_all, servings, take, write_segment
from tests.ingest.metrics.payloads import AT_NS, CUMULATIVE, DELTA, Point, request, seconds

MODEL = {"model_name": "llama-70b", "engine": "0"}
SERVER = {"service.name": "vllm", "service.instance.id": "10.0.0.5:8000", "host.name": "gpu-1"}
# The server of these tests began 50 s before the first point.
BEGAN = seconds(-50)
START = datetime.fromtimestamp(AT_NS // 10**9, UTC) - timedelta(seconds=5)
HOUR = Range(START, START + timedelta(hours=1))


def tokens(
    value: float, after: float, *, start_ns: int = BEGAN, temporality: int = CUMULATIVE
) -> Point:
    name = "vllm:prompt_tokens_total"
    return Point(name, value, MODEL, seconds(after), start_ns, temporality)


def ttft(
    counts: list[int],
    total: float,
    after: float,
    *,
    start_ns: int = BEGAN,
    temporality: int = CUMULATIVE,
) -> Point:
    return Point(
        "vllm:time_to_first_token_seconds",
        total,
        MODEL,
        seconds(after),
        start_ns,
        temporality,
        bounds=(0.1, 1.0),
        counts=counts,
    )


def load_of(ch: Warehouse, span: Range = HOUR, step_s: int = 3600) -> ServingLoad:
    (load,) = serving_load(ch, WORKSPACE, span, step_s)
    return load


def prompt_tokens(ch: Warehouse) -> float:
    return load_of(ch).counts["prompt_tokens"]


def test_what_counts_is_the_same_at_the_door_and_in_the_question() -> None:
    assert set(COUNTERS) == {measure for measure, kind in KINDS.items() if kind == "counter"}


def test_a_scrape_of_vllm_is_stored_as_sent(ch: Warehouse, tmp_path: Path) -> None:
    (loaded,) = take(
        ch,
        tmp_path,
        request(
            Point("vllm:num_requests_running", 3.0, MODEL),
            Point("vllm.kv_cache_usage_perc", 0.5, MODEL),
            tokens(1200.0, 0),
            Point("vllm:lora_requests_info", 1.0, MODEL),
            Point(
                "vllm:request_success_total",
                4.0,
                MODEL | {"finished_reason": "stop"},
                temporality=CUMULATIVE,
            ),
            ttft([5, 4, 1], 3.5, 0),
            resource=SERVER | {"finops.pool": "h100"},
        ),
    )
    assert loaded.rows == {"serving_samples": 5}
    assert (loaded.received, dict(loaded.dialects)) == (5, {"vllm": 5})
    rows = {row["measure"]: row for row in servings(ch)}
    assert set(rows) == {"running", "kv_cache_usage", "prompt_tokens", "requests", "ttft_s"}
    for row in rows.values():
        assert (row["workspace_id"], row["system"], row["pool"]) == (WORKSPACE, "vllm", "h100")
        assert (row["host"], row["instance"]) == ("gpu-1", "10.0.0.5:8000")
        assert (row["model"], row["engine"]) == ("llama-70b", "0")
    assert (rows["running"]["value"], rows["running"]["temporality"]) == (3.0, "none")
    assert rows["requests"]["reason"] == "stop"
    assert (rows["prompt_tokens"]["value"], rows["prompt_tokens"]["temporality"]) == (
        1200.0,
        "cumulative",
    )
    assert rows["ttft_s"]["bounds"] == [0.1, 1.0]
    assert rows["ttft_s"]["counts"] == [5, 4, 1]
    assert (rows["ttft_s"]["count"], rows["ttft_s"]["value"]) == (10, 3.5)


def test_a_counter_adds_what_lies_between_its_points(ch: Warehouse, tmp_path: Path) -> None:
    long_ago = seconds(-7200)
    points = [tokens(v, s, start_ns=long_ago) for v, s in ((100, 0), (150, 15), (400, 30))]
    take(ch, tmp_path, request(*points, resource=SERVER))
    assert prompt_tokens(ch) == 300.0


def test_what_came_before_the_range_is_compared_with(ch: Warehouse, tmp_path: Path) -> None:
    points = [tokens(v, s, start_ns=seconds(-7200)) for v, s in ((100, -20), (130, 10), (150, 25))]
    take(ch, tmp_path, request(*points, resource=SERVER))
    assert prompt_tokens(ch) == 50.0


def test_a_series_that_begins_in_the_range_counts_from_zero(ch: Warehouse, tmp_path: Path) -> None:
    points = [tokens(v, s, start_ns=seconds(-1)) for v, s in ((100, 0), (150, 15))]
    take(ch, tmp_path, request(*points, resource=SERVER))
    assert prompt_tokens(ch) == 150.0


def test_a_restart_is_seen_by_the_value_and_by_the_start(ch: Warehouse, tmp_path: Path) -> None:
    points = [
        tokens(100, 0, start_ns=0),
        tokens(150, 15, start_ns=0),  # 50
        tokens(30, 30, start_ns=0),  # fell: 30
        tokens(90, 45, start_ns=0),  # 60
        tokens(95, 60, start_ns=seconds(50)),  # began after the point before: 95, not 5
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    assert prompt_tokens(ch) == 50 + 30 + 60 + 95


def test_a_collector_that_starts_again_is_no_restart(ch: Warehouse, tmp_path: Path) -> None:
    points = [
        tokens(100, 0, start_ns=seconds(0)),
        tokens(150, 15, start_ns=seconds(0)),
        # The new collector's first point starts when it looked first.
        tokens(160, 40, start_ns=seconds(40)),
        tokens(170, 55, start_ns=seconds(40)),
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    assert prompt_tokens(ch) == 70.0


def test_deltas_are_added_as_they_are_and_once(ch: Warehouse, tmp_path: Path) -> None:
    points = [
        tokens(v, s, start_ns=seconds(s - 15), temporality=DELTA) for v, s in ((10, 0), (20, 15))
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    take(ch, tmp_path, request(points[1], resource=SERVER))
    assert prompt_tokens(ch) == 30.0


def test_late_repeated_and_shuffled_points_change_nothing(ch: Warehouse, tmp_path: Path) -> None:
    values = ((100, 0), (150, 15), (175, 30), (400, 45))
    points = [request(tokens(v, s, start_ns=0), resource=SERVER) for v, s in values]
    write_segment(tmp_path, points[3], points[0])
    load_all(ch, tmp_path)
    write_segment(tmp_path, points[2], points[1], points[2])
    load_all(ch, tmp_path)
    assert prompt_tokens(ch) == 300.0


def test_both_temporalities_of_one_series_are_not_added_up(ch: Warehouse, tmp_path: Path) -> None:
    points = [tokens(v, s, start_ns=0) for v, s in ((100, 0), (150, 15), (190, 30))]
    points += [tokens(v, s, temporality=DELTA) for v, s in ((50, 15), (40, 30))]
    take(ch, tmp_path, request(*points, resource=SERVER))
    assert prompt_tokens(ch) == 90.0


def test_two_temporalities_of_two_servers_are_added_up(ch: Warehouse, tmp_path: Path) -> None:
    points = [tokens(v, s, start_ns=0) for v, s in ((100, 0), (150, 15))]
    other = [tokens(v, s, temporality=DELTA) for v, s in ((7, 0), (5, 15))]
    write_segment(
        tmp_path,
        request(*points, resource=SERVER),
        request(*other, resource=SERVER | {"service.instance.id": "10.0.0.6:8000"}),
    )
    load_all(ch, tmp_path)
    assert prompt_tokens(ch) == 62.0


def test_old_and_new_names_of_one_measure_count_once(ch: Warehouse, tmp_path: Path) -> None:
    points = [
        Point(f"vllm:{name}", value, MODEL, seconds(after), temporality=CUMULATIVE)
        for name in ("prefix_cache_hits_total", "gpu_prefix_cache_hits_total")
        for value, after in ((10.0, 0), (40.0, 15))
    ]
    points += [
        Point(f"vllm:{n}", 0.5, MODEL) for n in ("kv_cache_usage_perc", "gpu_cache_usage_perc")
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    load = load_of(ch)
    assert load.counts["prefix_cache_hits"] == 30.0
    assert load.levels["kv_cache_usage"] == Level(0.5, 0.5)


def test_gauges_are_averaged_over_time_and_added_over_servers(
    ch: Warehouse, tmp_path: Path
) -> None:
    for instance, running in (("a", (2.0, 4.0)), ("b", (10.0, 10.0))):
        points = [
            Point("vllm:num_requests_running", value, MODEL, seconds(15 * i))
            for i, value in enumerate(running)
        ]
        points.append(Point("vllm:kv_cache_usage_perc", running[0] / 10, MODEL))
        write_segment(tmp_path, request(*points, resource={"service.instance.id": instance}))
    load_all(ch, tmp_path)
    load = load_of(ch)
    assert load.levels["running"] == Level(13.0, 14.0)
    assert load.levels["kv_cache_usage"].mean == pytest.approx(0.6)
    assert load.levels["kv_cache_usage"].highest == 1.0


def test_steps_hold_what_ended_in_them(ch: Warehouse, tmp_path: Path) -> None:
    start = datetime.fromtimestamp(AT_NS // 10**9 // 60 * 60, UTC) - timedelta(minutes=5)
    at = [int(start.timestamp() + s) * 10**9 for s in (0, 30, 60, 90)]
    name = "vllm:generation_tokens_total"
    points = [
        Point(name, value, MODEL, ts, temporality=CUMULATIVE)
        for value, ts in zip((0.0, 10.0, 30.0, 70.0), at, strict=True)
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    loads = serving_load(ch, WORKSPACE, Range(start, start + timedelta(minutes=2)), 60)
    assert [(load.at, load.counts["generation_tokens"]) for load in loads] == [
        (start, 10.0),
        (start + timedelta(minutes=1), 60.0),
    ]


def test_a_histogram_adds_what_lies_between_its_points(ch: Warehouse, tmp_path: Path) -> None:
    points = [
        ttft([5, 4, 1], 3.5, 0, start_ns=0),
        ttft([9, 6, 1], 5.5, 15, start_ns=0),  # 4, 2, 0 and 2 s
        ttft([1, 2, 3], 9.0, 30, start_ns=0),  # began anew: 1, 2, 3 and 9 s
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    spread = load_of(ch).spreads["ttft_s"]
    assert (spread.bounds, spread.below) == ((0.1, 1.0), (5.0, 9.0))
    assert (spread.count, spread.total) == (12.0, 11.0)


def test_deltas_of_histograms_are_added_up(ch: Warehouse, tmp_path: Path) -> None:
    points = [ttft([1, 2, 3], 6.0, s, temporality=DELTA) for s in (0, 15)]
    take(ch, tmp_path, request(*points, points[1], resource=SERVER))
    spread = load_of(ch).spreads["ttft_s"]
    assert (spread.below, spread.count, spread.total) == ((2.0, 6.0), 12.0, 12.0)


def test_a_histogram_may_change_its_buckets(ch: Warehouse, tmp_path: Path) -> None:
    name = "vllm:e2e_request_latency_seconds"
    fine = Point(
        name,
        0.0,
        MODEL,
        seconds(0),
        temporality=CUMULATIVE,
        bounds=(1, 2, 4, 8),
        counts=(1, 2, 3, 4, 0),
    )
    coarse = Point(
        name,
        30.0,
        MODEL,
        seconds(15),
        temporality=CUMULATIVE,
        bounds=(1, 4, 16),
        counts=(2, 8, 5, 0),
    )
    take(ch, tmp_path, request(fine, coarse, resource=SERVER))
    spread = load_of(ch).spreads["e2e_s"]
    # At most 1: 2 now, 1 before. At most 4: 10 and 6. At most 16: 15 and 10.
    assert (spread.bounds, spread.below) == ((1.0, 4.0, 16.0), (1.0, 4.0, 5.0))
    assert spread.count == 5.0


def test_a_histogram_that_was_taken_apart_is_put_together(ch: Warehouse, tmp_path: Path) -> None:
    name = "vllm:time_to_first_token_seconds"
    points = []
    for after, counts, total in ((0, (5, 9, 10), 3.5), (15, (9, 15, 16), 5.5)):
        for le, count in zip(("0.1", "1.0", "+Inf"), counts, strict=True):
            labels = MODEL | {"le": le}
            points.append(Point(f"{name}_bucket", float(count), labels, seconds(after)))
        points.append(Point(f"{name}_sum", total, MODEL, seconds(after)))
        points.append(Point(f"{name}_count", float(counts[-1]), MODEL, seconds(after)))
    take(ch, tmp_path, request(*points, resource=SERVER))
    spread = load_of(ch).spreads["ttft_s"]
    assert (spread.bounds, spread.below) == ((0.1, 1.0), (4.0, 6.0))
    assert (spread.count, spread.total) == (6.0, 2.0)


def test_milliseconds_become_seconds(ch: Warehouse, tmp_path: Path) -> None:
    point = Point(
        "gen_ai.server.time_to_first_token",
        1500.0,
        {"gen_ai.request.model": "m"},
        unit="ms",
        temporality=DELTA,
        bounds=(100.0, 1000.0),
        counts=(1, 1, 0),
    )
    take(ch, tmp_path, request(point))
    spread = load_of(ch).spreads["ttft_s"]
    assert (spread.bounds, spread.total) == ((0.1, 1.0), 1.5)


def test_labels_choose_the_measures_of_triton(ch: Warehouse, tmp_path: Path) -> None:
    name, label = "nv_trt_llm_request_metrics", "request_type"
    points = [
        Point(name, value, {label: kind, "model": "tensorrt_llm", "version": "1"})
        for kind, value in (("active", 9.0), ("scheduled", 6.0), ("waiting", 3.0), ("max", 512.0))
    ]
    take(ch, tmp_path, request(*points))
    levels = load_of(ch).levels
    assert {name: level.mean for name, level in levels.items()} == {"running": 6.0, "waiting": 3.0}


def test_only_the_first_rank_speaks_for_its_server(ch: Warehouse, tmp_path: Path) -> None:
    labels = {"model_name": "m", "pp_rank": "0"}
    points = [
        Point("sglang:num_running_reqs", 4.0, labels | {"tp_rank": rank}) for rank in ("0", "1")
    ]
    take(ch, tmp_path, request(*points))
    load = load_of(ch)
    assert (load.system, load.levels["running"].mean) == ("sglang", 4.0)


def test_requests_are_told_by_the_reason_they_ended_for(ch: Warehouse, tmp_path: Path) -> None:
    points = [
        Point(
            "vllm:request_success_total",
            value,
            MODEL | {"finished_reason": reason},
            seconds(after),
            temporality=CUMULATIVE,
        )
        for reason, values in (("stop", (1.0, 8.0)), ("length", (0.0, 2.0)))
        for value, after in zip(values, (0, 15), strict=True)
    ]
    take(ch, tmp_path, request(*points, resource=SERVER))
    load = load_of(ch)
    assert load.counts["requests"] == 9.0
    assert load.finished == {"stop": 7.0, "length": 2.0}


def test_another_workspace_sees_nothing(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Point("vllm:num_requests_running", 3.0, MODEL)))
    assert serving_load(ch, WORKSPACE + 1, HOUR, 60) == []
