"""GET /metrics: readable by Prometheus's parser and by our own collector."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from finops.clickhouse.client import Warehouse
from finops.engine.serve.metrics import one_two_five
from ingest.metrics.serving_names import KINDS, VLLM
from tests.engine.serve.running import MODEL, Running, ask, make_service, running
from tests.ingest.metrics.loading import servings, take
from tests.ingest.metrics.payloads import CUMULATIVE, Point, request

LONG = "why did that one call cost so much more than the rest of them " * 6


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(make_service()) as serving:
        create = serving.client().chat.completions.create
        for tokens in (3, 3, 4):
            create(model=MODEL, messages=ask(LONG), max_tokens=tokens)
        yield serving


def families(server: Running) -> dict[str, Metric]:
    status, headers, text = server.send("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    return {found.name: found for found in text_string_to_metric_families(text.decode())}


def values(family: Metric) -> dict[str, float]:
    """Samples by name and reason or bound; all have the labels that vLLM's have."""
    found = {}
    for sample in family.samples:
        assert (sample.labels["model_name"], sample.labels["engine"]) == (MODEL, "0")
        more = sample.labels.get("finished_reason", sample.labels.get("le", ""))
        found[sample.name.removeprefix("vllm:") + (f"[{more}]" if more else "")] = sample.value
    return found


def test_counters_say_what_was_served(server: Running) -> None:
    found = families(server)
    prompt = len(server.service.offer.tokenizer.encode(f"<|user|>\n{LONG}\n<|assistant|>\n"))
    cached = (prompt - 1) // 16 * 16
    assert values(found["vllm:prompt_tokens"])["prompt_tokens_total"] == 3 * prompt
    assert values(found["vllm:generation_tokens"])["generation_tokens_total"] == 10
    queries = values(found["vllm:prefix_cache_queries"])["prefix_cache_queries_total"]
    hits = values(found["vllm:prefix_cache_hits"])["prefix_cache_hits_total"]
    assert (queries, hits) == (3 * prompt, 2 * cached)
    reasons = values(found["vllm:request_success"])
    assert reasons["request_success_total[length]"] == 3
    assert reasons["request_success_total[abort]"] == 0


def test_gauges_are_of_now(server: Running) -> None:
    found = families(server)
    for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"):
        assert values(found[f"vllm:{name}"]) == {name: 0.0}


def test_histograms_count_each_request_and_each_gap(server: Running) -> None:
    found = families(server)
    for name in ("time_to_first_token", "e2e_request_latency", "request_queue_time"):
        assert values(found[f"vllm:{name}_seconds"])[f"{name}_seconds_count"] == 3
    for name in ("inter_token_latency", "time_per_output_token"):
        assert values(found[f"vllm:{name}_seconds"])[f"{name}_seconds_count"] == 10 - 3
    parts = [
        values(found[f"vllm:request_{part}_time_seconds"])[f"request_{part}_time_seconds_sum"]
        for part in ("queue", "prefill", "decode")
    ]
    whole = values(found["vllm:e2e_request_latency_seconds"])["e2e_request_latency_seconds_sum"]
    assert sum(parts) == pytest.approx(whole)


def test_buckets_of_lengths_are_vllms() -> None:
    assert one_two_five(100) == [1, 2, 5, 10, 20, 50, 100]
    assert one_two_five(4096) == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]


def as_points(found: dict[str, Metric]) -> Iterator[Point]:
    """What the OpenTelemetry Collector's Prometheus receiver makes of a scrape."""
    for family in found.values():
        if family.type == "histogram":
            yield histogram_point(family)
            continue
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                temporality = CUMULATIVE if family.type == "counter" else 0
                yield Point(sample.name, sample.value, sample.labels, temporality=temporality)


def histogram_point(family: Metric) -> Point:
    buckets = [s for s in family.samples if s.name.endswith("_bucket")]
    (total,) = [s.value for s in family.samples if s.name.endswith("_sum")]
    labels = {k: v for k, v in buckets[0].labels.items() if k != "le"}
    upto = [0, *(int(bucket.value) for bucket in buckets)]
    return Point(
        family.name,
        total,
        labels,
        temporality=CUMULATIVE,
        bounds=[float(bucket.labels["le"]) for bucket in buckets[:-1]],
        counts=[after - before for before, after in pairwise(upto)],
    )


def test_our_collector_understands_every_one_of_them(
    ch: Warehouse, server: Running, tmp_path: Path
) -> None:
    points = list(as_points(families(server)))
    (loaded,) = take(ch, tmp_path, request(*points, resource={"service.name": "engine"}))
    assert loaded.rows == {"serving_samples": len(points)}
    assert dict(loaded.dialects) == {"vllm": len(points)}
    rows = servings(ch)
    assert {row["model"] for row in rows} == {MODEL}
    told = {row["measure"] for row in rows}
    # All that vLLM tells, by one of its names.
    assert told == {measure.measure for measure in VLLM} <= set(KINDS)
    ttft = next(row for row in rows if row["measure"] == "ttft_s")
    assert (ttft["count"], sum(ttft["counts"])) == (3, 3)
