# ruff: noqa: N802 (the names are those of nvidia-ml-py)
"""An NVML that needs no GPU: the functions of nvidia-ml-py over values as real GPUs gave them.

The values are those that nvidia-smi -q shows of an H100, an old Tesla K80 (which has no energy
counter and no MIG) and an A100 in MIG mode. What a GPU can't answer raises as the driver does.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

NOT_SUPPORTED = 3
NOT_FOUND = 6
DRIVER_NOT_LOADED = 9
GPU_IS_LOST = 15


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__({9: "Driver Not Loaded", 15: "GPU is lost"}.get(value, "Not Supported"))
        self.value = value


@dataclass
class Process:
    pid: int
    usedGpuMemory: int | None  # noqa: N815 (NVML's name)


@dataclass
class Card:
    """One GPU, or one MIG instance; None is what it can't answer."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    busy: int | None = 87
    memory_busy: int = 41
    record: list[tuple[int, int]] = field(default_factory=list)  # (µs, per cent)
    used: int = 71_234_093_056
    total: int = 85_520_809_984
    power_mw: int | None = 512_345
    energy_mj: int | None = 987_654_321_000
    temperature: int | None = 61
    processes: list[Process] = field(default_factory=list)
    instances: list[Card | None] = field(default_factory=list)
    instance_id: int = 0
    lost: bool = False


class Shape:
    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


class FakeNvml(ModuleType):
    """`pynvml` over `cards`; `driver` False is a machine without the driver."""

    NVMLError = NVMLError

    def __init__(self, *cards: Card, driver: bool = True) -> None:
        super().__init__("pynvml")
        self.cards = list(cards)
        self.driver = driver
        self.begun = 0
        self.ended = 0
        self.asked = 0

    def install(self, patch: Any) -> FakeNvml:
        patch.setitem(sys.modules, "pynvml", self)
        return self

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NVMLError(DRIVER_NOT_LOADED)
        self.begun += 1

    def nvmlShutdown(self) -> None:
        self.ended += 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return "550.54.15"

    def nvmlDeviceGetCount(self) -> int:
        self.asked += 1
        if not self.driver:
            raise NVMLError(1)
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        card = self.cards[index]
        if card.lost:
            raise NVMLError(GPU_IS_LOST)
        return card

    def nvmlDeviceGetUUID(self, card: Card) -> bytes:
        return card.uuid.encode()  # As older versions of the package did.

    def nvmlDeviceGetName(self, card: Card) -> str:
        return card.name

    def nvmlDeviceGetUtilizationRates(self, card: Card) -> Any:
        return Shape(gpu=answer(card, card.busy), memory=card.memory_busy)

    def nvmlDeviceGetSamples(self, card: Card, kind: int, since: int) -> Any:
        assert kind == 1
        newer = [(at, value) for at, value in card.record if at > since]
        if not card.record:
            raise NVMLError(NOT_SUPPORTED)
        if not newer:
            raise NVMLError(NOT_FOUND)
        return 1, [Shape(timeStamp=at, sampleValue=Shape(uiVal=value)) for at, value in newer]

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> Any:
        return Shape(used=card.used, total=card.total, free=card.total - card.used)

    def nvmlDeviceGetPowerUsage(self, card: Card) -> Any:
        return answer(card, card.power_mw)

    def nvmlDeviceGetTotalEnergyConsumption(self, card: Card) -> Any:
        return answer(card, card.energy_mj)

    def nvmlDeviceGetTemperature(self, card: Card, sensor: int) -> Any:
        assert sensor == 0
        return answer(card, card.temperature)

    def nvmlDeviceGetComputeRunningProcesses(self, card: Card) -> list[Process]:
        return card.processes

    def nvmlDeviceGetMigMode(self, card: Card) -> list[int]:
        if "K80" in card.name:
            raise NVMLError(NOT_SUPPORTED)
        return [1, 1] if card.instances else [0, 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, card: Card) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: Card, place: int) -> Card:
        found = card.instances[place] if place < len(card.instances) else None
        if found is None:
            raise NVMLError(NOT_FOUND)
        return found

    def nvmlDeviceGetGpuInstanceId(self, card: Card) -> int:
        return card.instance_id


def answer(card: Card, value: Any) -> Any:
    if card.lost:
        raise NVMLError(GPU_IS_LOST)
    if value is None:
        raise NVMLError(NOT_SUPPORTED)
    return value


def h100(**of: Any) -> Card:
    return Card("GPU-5f2d0c1e-93a4-7c1b-8d56-0a1b2c3d4e5f", **of)


def k80(**of: Any) -> Card:
    given = {"energy_mj": None, "busy": 12, "total": 11_996_954_624, "used": 1_048_576} | of
    return Card("GPU-11111111-2222-3333-4444-555555555555", name="Tesla K80", **given)


def a100_in_mig_mode() -> Card:
    instances = [
        Card("MIG-aaaa", used=1_000_000_000, total=10_468_982_784, instance_id=7),
        None,
        Card("MIG-bbbb", used=2_000_000_000, total=10_468_982_784, instance_id=8),
    ]
    return Card("GPU-a100", name="NVIDIA A100-SXM4-80GB", busy=None, instances=instances)
