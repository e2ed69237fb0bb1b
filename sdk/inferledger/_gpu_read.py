"""Read the GPUs of this machine through NVML, once.

The functions are those of nvidia-ml-py (module `pynvml`), which is imported when it is needed. A
function that a GPU doesn't know, or that this process may not ask, gives None; a GPU that is lost
is left out, and the others are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inferledger._log import say, say_once

# NVML's own numbers; the module has them too, but not every version has every name.
_GPU_LOST = 15
_UNINITIALIZED = 1
_NOT_KNOWN = frozenset({3, 4, 6, 13})  # not supported, no permission, not found, no such function
_TEMPERATURE_GPU = 0
_UTILIZATION_SAMPLES = 1


class NoGpu(Exception):
    """There is nothing to read here; `status` is what a command should exit with."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class GpuSample:
    """What one GPU, or one MIG instance of it, said; None where it said nothing.

    `busy` and `memory_busy` are shares from 0 to 1. `busy` is the mean since the sample before,
    `window_s` long, where the GPU keeps a record; else of its last moment.
    """

    ts_ns: int
    uuid: str
    index: int
    name: str = ""
    parent_uuid: str = ""
    instance: int | None = None
    busy: float | None = None
    window_s: float | None = None
    memory_busy: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    power_w: float | None = None
    energy_j: float | None = None
    temperature_c: float | None = None
    processes: int | None = None
    process_memory: dict[int, int] = field(default_factory=dict)


class Gpus:
    """The GPUs of this machine."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._seen_us: dict[str, int] = {}
        self.driver = _text(self._ask(nvml.nvmlSystemGetDriverVersion)) or ""

    def read(self, now_ns: int) -> list[GpuSample]:
        """Return a sample of each GPU that answers, and of each of its MIG instances."""
        samples: list[GpuSample] = []
        try:
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            self._begin_again(error)
            return samples
        for index in range(count):
            try:
                samples.extend(self._read_card(index, now_ns))
            except self._nvml.NVMLError as error:
                lost = _value(error) == _GPU_LOST
                say(
                    "gpu-lost", "GPU %d %s", index, "is lost" if lost else f"can't be read: {error}"
                )
        return samples

    def close(self) -> None:
        """Let NVML go."""
        self._ask(self._nvml.nvmlShutdown)

    def _read_card(self, index: int, now_ns: int) -> list[GpuSample]:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        uuid = _text(nvml.nvmlDeviceGetUUID(handle)) or str(index)
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        busy, window_s = self._mean_busy(handle, uuid)
        if busy is None and rates is not None:
            busy = rates.gpu / 100
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        processes = self._processes(handle)
        card = GpuSample(
            ts_ns=now_ns,
            uuid=uuid,
            index=index,
            name=_text(self._ask(nvml.nvmlDeviceGetName, handle)) or "",
            busy=busy,
            window_s=window_s,
            memory_busy=None if rates is None else rates.memory / 100,
            memory_used=None if memory is None else memory.used,
            memory_total=None if memory is None else memory.total,
            power_w=_scaled(self._ask(nvml.nvmlDeviceGetPowerUsage, handle)),
            energy_j=_scaled(self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, handle)),
            temperature_c=self._ask(nvml.nvmlDeviceGetTemperature, handle, _TEMPERATURE_GPU),
            processes=None if processes is None else len(processes),
            process_memory=_memory_of(processes),
        )
        return [card, *self._read_instances(handle, card)]

    def _read_instances(self, card: Any, of: GpuSample) -> list[GpuSample]:
        """Read what a card in MIG mode says of its instances: memory and processes."""
        nvml = self._nvml
        mode = self._ask(nvml.nvmlDeviceGetMigMode, card)
        if not mode or not mode[0]:
            return []
        samples = []
        for place in range(self._ask(nvml.nvmlDeviceGetMaxMigDeviceCount, card) or 0):
            handle = self._ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, card, place)
            if handle is None:
                continue  # Places may be empty.
            memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            processes = self._processes(handle)
            samples.append(
                GpuSample(
                    ts_ns=of.ts_ns,
                    uuid=_text(self._ask(nvml.nvmlDeviceGetUUID, handle)) or of.uuid,
                    index=of.index,
                    name=of.name,
                    parent_uuid=of.uuid,
                    instance=self._ask(nvml.nvmlDeviceGetGpuInstanceId, handle),
                    memory_used=None if memory is None else memory.used,
                    memory_total=None if memory is None else memory.total,
                    processes=None if processes is None else len(processes),
                    process_memory=_memory_of(processes),
                )
            )
        return samples

    def _mean_busy(self, handle: Any, uuid: str) -> tuple[float | None, float | None]:
        """Return the mean of the GPU's own record since the last look, and how long that was."""
        since = self._seen_us.get(uuid, 0)
        answer = self._ask(self._nvml.nvmlDeviceGetSamples, handle, _UTILIZATION_SAMPLES, since)
        samples = [sample for sample in (answer[1] if answer else ()) if sample.timeStamp > since]
        if not samples:
            return None, None
        newest = max(sample.timeStamp for sample in samples)
        oldest = since or min(sample.timeStamp for sample in samples)
        self._seen_us[uuid] = newest
        mean = sum(sample.sampleValue.uiVal for sample in samples) / len(samples) / 100
        return mean, (newest - oldest) / 1e6

    def _processes(self, handle: Any) -> list[Any] | None:
        found: list[Any] | None = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        return found

    def _ask(self, question: Callable[..., Any], *about: Any) -> Any:
        """Return NVML's answer; None where it has none. A lost GPU is the caller's to notice."""
        try:
            return question(*about)
        except self._nvml.NVMLError as error:
            if _value(error) in {_GPU_LOST, _UNINITIALIZED}:
                raise
            if _value(error) not in _NOT_KNOWN:
                say_once(f"nvml:{question.__name__}", "%s failed: %s", question.__name__, error)
            return None

    def _begin_again(self, error: Exception) -> None:
        # The driver was loaded anew, as in an update.
        say("nvml", "the NVIDIA driver does not answer (%s); trying again", error)
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError:
            return


def open_gpus() -> Gpus:
    """Begin to read; raises NoGpu with a line for people when there is nothing to read."""
    try:
        import pynvml  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415
    except ImportError:
        raise NoGpu(
            "GPUs are not sampled: install nvidia-ml-py (pip install 'inferledger[gpu]')", status=1
        ) from None
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        raise NoGpu(f"GPUs are not sampled: no NVIDIA driver answers here ({error})") from None
    if not count:
        raise NoGpu("GPUs are not sampled: the NVIDIA driver knows of none on this machine")
    return Gpus(pynvml)


def _value(error: Exception) -> int:
    return int(getattr(error, "value", 999))


def _text(given: Any) -> str | None:
    return given.decode(errors="replace") if isinstance(given, bytes) else given


def _scaled(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000


def _memory_of(processes: list[Any] | None) -> dict[int, int]:
    """Bytes by process id; in containers NVML knows the processes but not always their memory."""
    return {
        process.pid: process.usedGpuMemory
        for process in processes or ()
        if isinstance(process.usedGpuMemory, int)
    }
