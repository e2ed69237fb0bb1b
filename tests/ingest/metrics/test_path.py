"""The whole path of a metric: official exporter, receiver, spool, loader, row."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

import inferledger
from finops.clickhouse.client import Warehouse
from ingest.batch import next_batch
from ingest.loader import Loader
from ingest.metrics.load import METRICS
from ingest.record import Stamp, encode
from ingest.segments import QUARANTINE, SEALED
from tests.ingest.loading import NOW, RECEIVED_AT_MS, WORKSPACE, lend
from tests.ingest.metrics.loading import gpus, servings, write_segment
from tests.ingest.metrics.payloads import Point, request
from tests.ingest.serving import KEY, serving
from tests.ingest.waiting import wait_until

FAKES = Path(__file__).parents[3] / "sdk" / "tests" / "fakes"
UTIL = Point("DCGM_FI_DEV_GPU_UTIL", 50.0, {"UUID": "GPU-1", "Hostname": "n"})


def load_received(ch: Warehouse, spool: Path) -> None:
    """Load what the receiver has sealed, as the loader's process does."""
    folder = METRICS.within(spool)
    loader = Loader(folder, str(folder), lend(ch), METRICS)
    stop = threading.Event()
    thread = threading.Thread(target=loader.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: not any(folder.glob("*.seg")) and not any(folder.glob("*.open")))
    finally:
        stop.set()
        thread.join()


def test_gauges_counters_and_histograms_of_the_official_exporter_arrive(
    ch: Warehouse, tmp_path: Path
) -> None:
    labels = {"hw.id": "GPU-1", "hw.type": "gpu", "hw.name": "NVIDIA L4"}

    def utilisation(_: CallbackOptions) -> list[Observation]:
        return [Observation(0.25, labels)]

    with serving(tmp_path) as receiver:
        exporter = OTLPMetricExporter(
            endpoint=f"http://127.0.0.1:{receiver.port}/v1/metrics",
            headers={"Authorization": f"Bearer {KEY}"},
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        provider = MeterProvider(
            [reader], resource=Resource.create({"host.name": "n", "finops.pool": "l4"})
        )
        meter = provider.get_meter("test")
        meter.create_observable_gauge("hw.gpu.utilization", [utilisation], unit="1")
        meter.create_observable_counter("hw.energy", [lambda _: [Observation(90.5, labels)]])
        meter.create_counter("vllm.prompt_tokens").add(128, {"model_name": "m"})
        latency = meter.create_histogram("vllm.e2e_request_latency_seconds", unit="s")
        latency.record(0.4, {"model_name": "m"})
        meter.create_counter("shop.orders").add(1)
        provider.shutdown()
    load_received(ch, tmp_path)
    (row,) = gpus(ch, "*, utilisation")
    assert (row["workspace_id"], row["host"], row["gpu_uuid"]) == (WORKSPACE, "n", "GPU-1")
    assert (row["utilisation"], row["energy_j"], row["pool"]) == (0.25, 90.5, "l4")
    latency_row, tokens_row = servings(ch)
    assert (tokens_row["measure"], tokens_row["value"]) == ("prompt_tokens", 128.0)
    assert (latency_row["measure"], latency_row["count"], latency_row["value"]) == ("e2e_s", 1, 0.4)
    assert len(latency_row["counts"]) == len(latency_row["bounds"]) + 1


def test_the_sdks_sampler_arrives(
    ch: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FAKES))
    nvml = import_module("nvml")

    card = nvml.h100(record=[(1_000_000, 80), (2_000_000, 60)])
    card.processes = [nvml.Process(7, 1000)]
    fake = nvml.FakeNvml(card, nvml.a100_in_mig_mode()).install(monkeypatch)
    with serving(tmp_path) as receiver:
        inferledger.init(
            f"http://127.0.0.1:{receiver.port}", KEY, gpu=True, gpu_interval_s=3600, gpu_pool="lab"
        )
        wait_until(lambda: fake.asked >= 2)
        inferledger.shutdown()
    load_received(ch, tmp_path)
    h100, card_a100, first, second = gpus(ch, "*, utilisation, memory_total_bytes, processes")
    assert {row["pool"] for row in (card_a100, first, second, h100)} == {"lab"}
    assert {row["dialect"] for row in (card_a100, first, second, h100)} == {"finops"}
    assert h100["gpu_uuid"] == card.uuid
    assert h100["utilisation"] == pytest.approx(0.7)
    assert (h100["window_s"], h100["driver_version"]) == (1.0, "550.54.15")
    assert h100["power_w"] == pytest.approx(512.345)
    assert (h100["energy_j"], h100["memory_total_bytes"]) == (987_654_321.0, 85_520_809_984)
    assert (h100["process_memory"], h100["processes"]) == ({7: 1000}, 1)
    assert [row["gpu_instance"] for row in (card_a100, first, second)] == ["", "7", "8"]
    assert [row["memory_used_bytes"] for row in (first, second)] == [10**9, 2 * 10**9]


def test_a_request_that_clickhouse_refuses_is_set_aside_and_its_neighbours_are_loaded(
    ch: Warehouse, tmp_path: Path
) -> None:
    name = write_segment(tmp_path, request(UTIL))
    segment = tmp_path / (name + SEALED)
    bad = encode(b"\x0a\x02\x12\xff", Stamp(WORKSPACE, 9, RECEIVED_AT_MS, 1))
    segment.write_bytes(bad + segment.read_bytes())
    loader = Loader(tmp_path, str(tmp_path), lend(ch), METRICS)
    for _ in range(4):
        loader.step()
    assert len(gpus(ch)) == 1
    assert [path.stem for path in (tmp_path / QUARANTINE).glob("*.seg")] == [name]
    assert next_batch(tmp_path) is None


def test_loading_a_batch_again_changes_nothing(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, request(UTIL, Point("vllm:num_requests_running", 1.0)))
    batch = next_batch(tmp_path)
    assert batch is not None
    for _ in range(3):
        METRICS.load(ch, batch, str(tmp_path), NOW)
    assert ch.query("SELECT count() AS n FROM gpu_samples") == [{"n": 1}]
    assert ch.query("SELECT count() AS n FROM serving_samples") == [{"n": 1}]
