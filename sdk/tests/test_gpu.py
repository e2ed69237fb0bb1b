"""GPUs are sampled through NVML and sent as metrics, without the application noticing."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collector import Answer, Collector
from nvml import FakeNvml, Process, a100_in_mig_mode, h100, k80
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

import inferledger
from inferledger import gpu
from inferledger._gpu_encode import encoder
from inferledger._gpu_read import GpuSample, NoGpu, open_gpus

KEY = "ilk_test_secret"
NOW_NS = 1_800_000_000_000_000_000
H100 = h100().uuid


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within 30 s")


def read(patch: pytest.MonkeyPatch, *cards: Any) -> list[GpuSample]:
    FakeNvml(*cards).install(patch)
    return open_gpus().read(NOW_NS)


def sent(message: ExportMetricsServiceRequest) -> list[tuple[str, float, dict[str, Any]]]:
    """Name, value and attributes of each point."""
    found = []
    for metric in message.resource_metrics[0].scope_metrics[0].metrics:
        points = metric.gauge.data_points or metric.sum.data_points
        for point in points:
            value = getattr(point, point.WhichOneof("value") or "as_int")
            about = {
                pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "")
                for pair in point.attributes
            }
            found.append((metric.name, value, about))
    return found


def encode(*samples: GpuSample) -> ExportMetricsServiceRequest:
    body = encoder({"service.name": "s"})([list(samples)])
    return ExportMetricsServiceRequest.FromString(body)


def test_a_gpu_is_read_in_our_units(monkeypatch: pytest.MonkeyPatch) -> None:
    card = h100(processes=[Process(4711, 70_000_000_000), Process(4712, None)])
    assert read(monkeypatch, card) == [
        GpuSample(
            ts_ns=NOW_NS,
            uuid=H100,
            index=0,
            name="NVIDIA H100 80GB HBM3",
            busy=0.87,
            memory_busy=0.41,
            memory_used=71_234_093_056,
            memory_total=85_520_809_984,
            power_w=512.345,
            energy_j=987_654_321.0,
            temperature_c=61,
            processes=2,
            process_memory={4711: 70_000_000_000},
        )
    ]


def test_what_an_old_gpu_does_not_know_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    (sample,) = read(monkeypatch, k80())
    assert (sample.energy_j, sample.busy, sample.power_w) == (None, 0.12, 512.345)
    names = {name for name, _, _ in sent(encode(sample))}
    assert "hw.energy" not in names
    assert "hw.power" in names


def test_utilisation_is_the_mean_of_the_gpus_own_record(monkeypatch: pytest.MonkeyPatch) -> None:
    card = h100(busy=0, record=[(1_000_000, 100), (1_200_000, 50)])
    FakeNvml(card).install(monkeypatch)
    gpus = open_gpus()
    (first,) = gpus.read(NOW_NS)
    assert (first.busy, first.window_s) == (0.75, 0.2)
    card.record += [(1_400_000, 20), (2_200_000, 40)]
    (second,) = gpus.read(NOW_NS)
    assert second.busy == pytest.approx(0.3)
    assert second.window_s == 1.0
    (third,) = gpus.read(NOW_NS)  # Nothing new in the record.
    assert (third.busy, third.window_s) == (0.0, None)


def test_each_instance_is_a_sample_of_its_card(monkeypatch: pytest.MonkeyPatch) -> None:
    card, first, second = read(monkeypatch, a100_in_mig_mode())
    assert (card.uuid, card.parent_uuid, card.busy) == ("GPU-a100", "", None)
    assert [(s.uuid, s.parent_uuid, s.instance) for s in (first, second)] == [
        ("MIG-aaaa", "GPU-a100", 7),
        ("MIG-bbbb", "GPU-a100", 8),
    ]
    assert (first.memory_used, first.power_w) == (1_000_000_000, None)


def test_a_gpu_that_is_lost_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    card, other = h100(), k80()
    FakeNvml(card, other).install(monkeypatch)
    gpus = open_gpus()
    assert len(gpus.read(NOW_NS)) == 2
    card.lost = True
    for _ in range(3):
        assert [sample.uuid for sample in gpus.read(NOW_NS)] == [other.uuid]
    assert [record.getMessage() for record in caplog.records] == ["inferledger: GPU 0 is lost"]


def test_a_driver_that_is_loaded_anew_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(h100()).install(monkeypatch)
    gpus = open_gpus()
    nvml.driver = False
    assert gpus.read(NOW_NS) == []
    nvml.driver = True
    assert len(gpus.read(NOW_NS)) == 1


@pytest.mark.parametrize(
    ("nvml", "status", "line"),
    [
        (None, 1, "install nvidia-ml-py"),
        (FakeNvml(driver=False), 0, "no NVIDIA driver answers here (Driver Not Loaded)"),
        (FakeNvml(), 0, "the NVIDIA driver knows of none"),
    ],
    ids=["no package", "no driver", "no gpu"],
)
def test_without_a_gpu_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nvml: FakeNvml | None,
    status: int,
    line: str,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # None makes the import fail.
    assert gpu.main([]) == status
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert line in said[0]
    with pytest.raises(NoGpu):
        open_gpus()


def test_names_and_attributes_are_opentelemetrys(monkeypatch: pytest.MonkeyPatch) -> None:
    card = h100(processes=[Process(4711, 5)])
    message = encode(*read(monkeypatch, card, a100_in_mig_mode()))
    points = sent(message)
    mine = {name: (value, about) for name, value, about in points if about["hw.id"] == H100}
    assert {name: value for name, (value, _) in mine.items()} == {
        "hw.gpu.utilization": 0.87,
        "hw.gpu.memory.controller.utilization": 0.41,
        "hw.gpu.memory.usage": 71_234_093_056,
        "hw.gpu.memory.limit": 85_520_809_984,
        "hw.power": 512.345,
        "hw.energy": 987_654_321.0,
        "hw.temperature": 61,
        "finops.gpu.processes": 1,
        "process.gpu.memory.usage": 5,
    }
    assert mine["hw.power"][1]["hw.type"] == "gpu"
    assert mine["process.gpu.memory.usage"][1]["process.pid"] == 4711
    instance = next(about for _, _, about in points if about["hw.id"] == "MIG-bbbb")
    assert (instance["gpu.parent.uuid"], instance["gpu.mig.instance_id"]) == ("GPU-a100", 8)
    energy = next(
        metric
        for metric in message.resource_metrics[0].scope_metrics[0].metrics
        if metric.name == "hw.energy"
    )
    assert energy.sum.is_monotonic
    assert energy.sum.aggregation_temporality == 2


def test_init_samples_beside_the_application(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    nvml = FakeNvml(h100()).install(monkeypatch)
    inferledger.init(collector.endpoint, KEY, gpu=True, gpu_interval_s=0.1, gpu_pool="h100")
    wait_until(lambda: nvml.asked >= 4)
    inferledger.shutdown()
    assert nvml.ended == 1
    assert {received.path for received in collector.taken} == {"/v1/metrics"}
    first = collector.taken[0]
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    resource = {
        pair.key: pair.value.string_value
        for pair in first.message.resource_metrics[0].resource.attributes
    }
    assert resource["finops.pool"] == "h100"
    assert resource["hw.driver_version"] == "550.54.15"
    assert resource["host.name"]
    powers = [
        value
        for received in collector.taken
        for name, value, _ in sent(received.message)
        if name == "hw.power"
    ]
    assert len(powers) >= 3


def test_init_without_a_gpu_records_calls_all_the_same(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    inferledger.init(collector.endpoint, KEY, gpu=True)
    with inferledger.call(provider="openai", model="gpt-4o"):
        pass
    assert inferledger.flush()
    assert len(collector.spans) == 1
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == [
        "inferledger: GPUs are not sampled: install nvidia-ml-py (pip install 'inferledger[gpu]')"
    ]


def test_a_collector_that_is_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    nvml = FakeNvml(h100()).install(monkeypatch)
    collector.answers.extend([Answer(503, {"Retry-After": "0"}), Answer(503)])
    inferledger.init(collector.endpoint, KEY, gpu=True, gpu_interval_s=0.1)
    wait_until(lambda: len(collector.taken) >= 1 and nvml.asked >= 3)
    assert len(collector.requests) > len(collector.taken)


def test_one_sample_is_sent_on_demand(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeNvml(h100(), k80()).install(monkeypatch)
    monkeypatch.setenv("INFERLEDGER_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("INFERLEDGER_API_KEY", KEY)
    monkeypatch.setenv("INFERLEDGER_POOL", "mixed")
    assert gpu.main(["--once"]) == 0
    assert capsys.readouterr().out == "2 GPUs and instances sampled\n"
    (received,) = collector.taken
    assert received.path == "/v1/metrics"


def test_without_a_key_the_command_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(h100()).install(monkeypatch)
    assert gpu.main(["--once"]) == 1


@pytest.mark.parametrize("arguments", [["--interval", "0"], ["--interval", "x"], ["--what"]])
def test_wrong_arguments_are_explained(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        gpu.main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m inferledger.gpu" in capsys.readouterr().err


def test_the_command_runs_until_it_is_told_to_stop(tmp_path: Path, collector: Collector) -> None:
    fakes = Path(__file__).parent / "fakes"
    (tmp_path / "pynvml.py").write_text(
        f"import sys; sys.path.insert(0, {str(fakes)!r})\n"
        "from nvml import FakeNvml, h100\n"
        "sys.modules[__name__] = FakeNvml(h100())\n"
    )
    source = Path(inferledger.__file__).parents[1]
    running = subprocess.Popen(
        [sys.executable, "-m", "inferledger.gpu", "--interval", "0.1", "--pool", "p"],
        env={
            "PYTHONPATH": f"{tmp_path}:{source}",
            "INFERLEDGER_ENDPOINT": collector.endpoint,
            "INFERLEDGER_API_KEY": KEY,
        },
    )
    try:
        wait_until(lambda: bool(collector.taken))
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
