"""The metrics of GPUs, whoever sends them, become one row a GPU and second."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse
from tests.ingest.loading import WORKSPACE
from tests.ingest.metrics.loading import gpus, load_all, take, write_segment
from tests.ingest.metrics.payloads import CUMULATIVE, DELTA, Point, request, seconds

UUID = "GPU-5f2d0c1e-93a4-7c1b-8d56-0a1b2c3d4e5f"
DCGM = {
    "gpu": "0",
    "UUID": UUID,
    "modelName": "NVIDIA H100 80GB HBM3",
    "Hostname": "node-7",
    "DCGM_FI_DRIVER_VERSION": "550.54.15",
    "namespace": "chat",
    "pod": "vllm-0",
    "container": "vllm",
}
SCRAPED = {"service.name": "dcgm", "server.address": "10.1.2.3", "service.instance.id": "10.1.2.3"}


def test_a_scrape_of_dcgm_is_one_row(ch: Warehouse, tmp_path: Path) -> None:
    loaded = take(
        ch,
        tmp_path,
        request(
            Point("DCGM_FI_DEV_GPU_UTIL", 97.0, DCGM),
            Point("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.62, DCGM),
            Point("DCGM_FI_PROF_SM_ACTIVE", 0.5, DCGM),
            Point("DCGM_FI_DEV_MEM_COPY_UTIL", 30.0, DCGM),
            Point("DCGM_FI_DEV_FB_USED", 40960.0, DCGM),
            Point("DCGM_FI_DEV_FB_FREE", 40000.0, DCGM),
            Point("DCGM_FI_DEV_FB_RESERVED", 600.0, DCGM),
            Point("DCGM_FI_DEV_POWER_USAGE", 512.5, DCGM),
            Point("DCGM_FI_DEV_GPU_TEMP", 61.0, DCGM),
            Point(
                "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 123_456_789.0, DCGM, temporality=CUMULATIVE
            ),
            resource=SCRAPED,
        ),
    )
    (row,) = gpus(ch, "*, utilisation, utilisation_source, memory_total_bytes, processes")
    assert row["workspace_id"] == WORKSPACE
    assert (row["host"], row["gpu_uuid"], row["gpu_instance"]) == ("node-7", UUID, "")
    assert (row["gpu_model"], row["driver_version"]) == ("NVIDIA H100 80GB HBM3", "550.54.15")
    assert (row["namespace"], row["pod"], row["container"]) == ("chat", "vllm-0", "vllm")
    assert row["engine_active"] == pytest.approx(0.62)
    assert row["kernel_active"] == pytest.approx(0.97)
    assert row["sm_active"] == 0.5
    assert row["memory_active"] == pytest.approx(0.3)
    assert row["memory_used_bytes"] == 40960 * 2**20
    assert row["memory_total_bytes"] == (40960 + 40000 + 600) * 2**20
    assert (row["power_w"], row["temperature_c"]) == (512.5, 61.0)
    assert row["energy_j"] == pytest.approx(123_456.789)
    assert row["utilisation"] == pytest.approx(0.62)
    assert row["utilisation_source"] == "engine_active"
    assert row["processes"] is None
    assert row["dialect"] == "dcgm"
    # its row, and that of the view that counts them
    assert (loaded[0].received, dict(loaded[0].rows)) == (10, {"gpu_samples": 2})
    assert loaded[0].dialects == {"dcgm": 10}


def test_without_the_engines_activity_the_kernels_is_told(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Point("DCGM_FI_DEV_GPU_UTIL", 97.0, DCGM)))
    (row,) = gpus(ch, "utilisation, utilisation_source")
    assert row["utilisation"] == pytest.approx(0.97)
    assert row["utilisation_source"] == "kernel_active"


def test_the_labels_of_the_workload_come_before_the_exporters(
    ch: Warehouse, tmp_path: Path
) -> None:
    labels = DCGM | {"hostname": "node-7", "pod": "dcgm-x1", "exported_pod": "vllm-0"}
    del labels["Hostname"]
    take(ch, tmp_path, request(Point("DCGM_FI_DEV_GPU_UTIL", 1.0, labels), resource=SCRAPED))
    (row,) = gpus(ch, "host, pod")
    assert row == {"host": "node-7", "pod": "vllm-0"}


def test_what_is_of_the_card_is_not_counted_for_each_of_its_instances(
    ch: Warehouse, tmp_path: Path
) -> None:
    points = []
    for instance, used in (("1", 1000.0), ("2", 2000.0)):
        labels = DCGM | {"GPU_I_ID": instance, "GPU_I_PROFILE": "1g.10gb"}
        points += [
            Point("DCGM_FI_DEV_FB_USED", used, labels),
            Point("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.5, labels),
            Point("DCGM_FI_DEV_POWER_USAGE", 300.0, labels),
        ]
    take(ch, tmp_path, request(*points))
    assert [row["gpu_profile"] for row in gpus(ch, "gpu_profile")] == ["", "1g.10gb", "1g.10gb"]
    rows = gpus(ch, "gpu_instance, memory_used_bytes, power_w, utilisation")
    assert rows == [
        {"gpu_instance": "", "memory_used_bytes": None, "power_w": 300.0, "utilisation": None},
        {
            "gpu_instance": "1",
            "memory_used_bytes": 1000 * 2**20,
            "power_w": None,
            "utilisation": 0.5,
        },
        {
            "gpu_instance": "2",
            "memory_used_bytes": 2000 * 2**20,
            "power_w": None,
            "utilisation": 0.5,
        },
    ]


HW = {"hw.id": UUID, "hw.name": "NVIDIA A100", "hw.vendor": "nvidia", "hw.type": "gpu"}


def test_opentelemetrys_names_are_read(ch: Warehouse, tmp_path: Path) -> None:
    take(
        ch,
        tmp_path,
        request(
            Point("hw.gpu.utilization", 0.25, HW | {"hw.gpu.task": "general"}, unit="1"),
            Point("hw.gpu.utilization", 0.9, HW | {"hw.gpu.task": "decoder"}, unit="1"),
            Point("hw.gpu.memory.usage", 30 * 2**30, HW, unit="By", temporality=CUMULATIVE),
            Point("hw.gpu.memory.limit", 40 * 2**30, HW, unit="By", temporality=CUMULATIVE),
            Point("hw.energy", 7200.5, HW, unit="J", temporality=CUMULATIVE),
            Point("hw.power", 250.0, HW, unit="W"),
            Point("hw.power", 900.0, HW | {"hw.type": "power_supply"}, unit="W"),
            Point("hw.temperature", 55.0, HW, unit="Cel"),
            Point("hw.temperature", 80.0, HW | {"sensor": "memory"}, unit="Cel"),
            resource={"host.name": "bare-1", "finops.pool": "a100"},
        ),
    )
    (row,) = gpus(ch, "*, utilisation, memory_utilisation, memory_total_bytes")
    assert (row["host"], row["pool"], row["gpu_model"]) == ("bare-1", "a100", "NVIDIA A100")
    assert (row["utilisation"], row["memory_utilisation"]) == (0.25, 0.75)
    assert row["memory_total_bytes"] == 40 * 2**30
    assert (row["energy_j"], row["power_w"], row["temperature_c"]) == (7200.5, 250.0, 55.0)
    assert row["dialect"] == "opentelemetry"


def test_energy_sent_as_deltas_is_kept_apart(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Point("hw.energy", 1250.0, HW, temporality=DELTA)))
    (row,) = gpus(ch, "energy_j, energy_delta_j")
    assert row == {"energy_j": None, "energy_delta_j": 1250.0}


def test_openlits_older_names_are_percent_and_mebibytes(ch: Warehouse, tmp_path: Path) -> None:
    labels = {"gpu.index": 0, "gpu.uuid": UUID, "gpu.name": "NVIDIA L4"}
    take(
        ch,
        tmp_path,
        request(
            Point("gpu.utilization", 50, labels),
            Point("gpu.memory.used", 1024, labels),
            Point("gpu.memory.total", 4096, labels),
            Point("gpu.power.draw", 70, labels),
            Point("gpu.temperature", 44, labels),
            resource={"host.name": "n"},
        ),
    )
    (row,) = gpus(ch, "*, utilisation, memory_total_bytes")
    assert (row["gpu_uuid"], row["gpu_model"]) == (UUID, "NVIDIA L4")
    assert (row["utilisation"], row["memory_used_bytes"]) == (0.5, 2**30)
    assert row["memory_total_bytes"] == 2**32
    assert (row["power_w"], row["temperature_c"]) == (70.0, 44.0)


def test_openlits_instances_belong_to_their_card(ch: Warehouse, tmp_path: Path) -> None:
    labels = {
        "hw.id": "MIG-1",
        "gpu.mig.enabled": True,
        "gpu.parent.uuid": UUID,
        "gpu.mig.instance_id": 3,
    }
    take(ch, tmp_path, request(Point("hw.gpu.memory.usage", 5, labels)))
    (row,) = gpus(ch, "gpu_uuid, gpu_instance, memory_used_bytes")
    assert row == {"gpu_uuid": UUID, "gpu_instance": "3", "memory_used_bytes": 5}


def test_amds_exporter_is_read_with_and_without_its_prefix(ch: Warehouse, tmp_path: Path) -> None:
    labels = {"gpu_id": "2", "serial_number": "692", "card_model": "MI300X", "hostname": "amd-1"}
    take(
        ch,
        tmp_path,
        request(
            Point("gpu_gfx_activity", 80.0, labels),
            Point("amd_gpu_used_vram", 1000.0, labels),
            Point("gpu_total_vram", 2000.0, labels),
            Point("gpu_package_power", 600.0, labels),
            Point("gpu_energy_consumed", 5e9, labels),
        ),
    )
    (row,) = gpus(ch, "*, utilisation, utilisation_source, memory_utilisation")
    assert (row["gpu_uuid"], row["gpu_model"], row["host"]) == ("692", "MI300X", "amd-1")
    assert row["utilisation"] == pytest.approx(0.8)
    assert row["utilisation_source"] == "engine_active"
    assert (row["memory_utilisation"], row["power_w"], row["energy_j"]) == (0.5, 600.0, 5000.0)


def test_processes_are_counted_with_their_memory(ch: Warehouse, tmp_path: Path) -> None:
    name = "process.gpu.memory.usage"
    take(
        ch,
        tmp_path,
        request(Point(name, 2**30, HW | {"process.pid": 11}, temporality=CUMULATIVE)),
        request(Point(name, 0, HW | {"process.pid": 12}, temporality=CUMULATIVE)),
    )
    (row,) = gpus(ch, "process_memory, processes")
    assert row == {"process_memory": {11: 2**30, 12: 0}, "processes": 2}


def test_what_dcgm_says_when_it_knows_nothing_is_no_reading(ch: Warehouse, tmp_path: Path) -> None:
    take(
        ch,
        tmp_path,
        request(
            Point("DCGM_FI_DEV_GPU_UTIL", 2147483632.0, DCGM),
            Point("DCGM_FI_DEV_POWER_USAGE", 140737488355328.0, DCGM),
            Point("DCGM_FI_DEV_FB_USED", 9223372036854775792, DCGM),
            Point("DCGM_FI_DEV_GPU_TEMP", 40.0, DCGM),
        ),
    )
    (row,) = gpus(ch, "*, utilisation")
    assert (row["utilisation"], row["power_w"], row["memory_used_bytes"]) == (None, None, None)
    assert row["temperature_c"] == 40.0


def test_a_unit_in_percent_is_believed(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Point("hw.gpu.utilization", 40.0, HW, unit="%")))
    (row,) = gpus(ch, "utilisation")
    assert row["utilisation"] == pytest.approx(0.4)


def test_a_zero_is_a_reading(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Point("DCGM_FI_DEV_GPU_UTIL", 0.0, DCGM)))
    (row,) = gpus(ch, "utilisation")
    assert row["utilisation"] == 0.0


def test_a_scrape_that_is_split_over_requests_and_segments_is_one_row(
    ch: Warehouse, tmp_path: Path
) -> None:
    parts = [
        request(Point("DCGM_FI_DEV_GPU_UTIL", 50.0, DCGM, ts_ns=seconds(0.2))),
        request(Point("DCGM_FI_DEV_POWER_USAGE", 300.0, DCGM, ts_ns=seconds(0.2))),
        request(Point("DCGM_FI_DEV_GPU_TEMP", 50.0, DCGM, ts_ns=seconds(0.9))),
    ]
    write_segment(tmp_path, *parts[:2])
    load_all(ch, tmp_path)
    write_segment(tmp_path, parts[2])
    load_all(ch, tmp_path)
    (row,) = gpus(ch, "utilisation, power_w, temperature_c")
    assert row == {"utilisation": 0.5, "power_w": 300.0, "temperature_c": 50.0}


def test_moments_hosts_and_workspaces_are_kept_apart(ch: Warehouse, tmp_path: Path) -> None:
    def util(**of: int) -> Point:
        return Point("DCGM_FI_DEV_GPU_UTIL", 50.0, DCGM, ts_ns=seconds(of.get("after", 0)))

    write_segment(tmp_path, request(util()), request(util(after=5)))
    write_segment(tmp_path, request(util()), workspace=7)
    write_segment(
        tmp_path, request(Point("DCGM_FI_DEV_GPU_UTIL", 5.0, DCGM | {"Hostname": "node-8"}))
    )
    load_all(ch, tmp_path)
    assert len(gpus(ch)) == 4


def test_points_from_the_future_and_long_ago_are_left_out(ch: Warehouse, tmp_path: Path) -> None:
    take(
        ch,
        tmp_path,
        request(
            Point("DCGM_FI_DEV_GPU_UTIL", 1.0, DCGM, ts_ns=2**64 - 1),
            Point("DCGM_FI_DEV_GPU_UTIL", 1.0, DCGM, ts_ns=1),
        ),
    )
    assert gpus(ch) == []


def test_a_point_without_a_time_was_true_when_it_came(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Point("DCGM_FI_DEV_GPU_UTIL", 1.0, DCGM, ts_ns=0)))
    (row,) = gpus(ch, "ts = toStartOfSecond(received_at) AS same")
    assert row["same"] == 1
