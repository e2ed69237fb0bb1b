"""A thread that reads the GPUs every few seconds and puts what it reads into a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from inferledger._gpu_encode import encoder, rejected
from inferledger._gpu_read import Gpus, GpuSample
from inferledger._log import say_broken
from inferledger._queue import SendQueue
from inferledger._send import OtlpSender, Signal

Round = list[GpuSample]

GPU_SAMPLES: Signal[Round] = Signal("/v1/metrics", "GPU samples", encoder, rejected)
DEFAULT_INTERVAL_S = 5.0
_SHORTEST_INTERVAL_S = 0.1
# An hour at the default interval waits for a collector that is away.
_CAPACITY = 720
_BATCH = 60


class GpuSampler:
    """Reads GPUs until it is closed; neither the application nor the collector can hold it up."""

    def __init__(
        self,
        gpus: Gpus,
        endpoint: str,
        api_key: str,
        resource: Mapping[str, str],
        *,
        interval_s: float = DEFAULT_INTERVAL_S,
        through_proxy: bool = True,
    ) -> None:
        described = {**resource, "hw.driver_version": gpus.driver} if gpus.driver else resource
        sender = OtlpSender(
            endpoint, api_key, described, signal=GPU_SAMPLES, through_proxy=through_proxy
        )
        self._queue: SendQueue[Round] = SendQueue(
            sender, capacity=_CAPACITY, batch=_BATCH, noun=GPU_SAMPLES.noun
        )
        self._gpus = gpus
        self._interval_s = max(interval_s, _SHORTEST_INTERVAL_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inferledger-gpu", daemon=True)

    def start(self) -> None:
        """Begin to read in a thread of its own."""
        self._thread.start()

    def sample(self) -> int:
        """Read once; returns how many GPUs and instances answered."""
        samples = self._gpus.read(time.time_ns())
        if samples:
            self._queue.put(samples)
        return len(samples)

    def close(self, timeout_s: float) -> bool:
        """Stop reading and send what was read; False when samples were left behind."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        done = self._queue.close(timeout_s)
        self._gpus.close()
        return done

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was read is settled; False when the time was not enough."""
        return self._queue.flush(timeout_s)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                self.sample()
            except Exception as error:
                # Whatever NVML does, the next round may succeed, and the application goes on.
                say_broken("sampling GPUs", error)
            due = max(due + self._interval_s, time.monotonic())
            self._stop.wait(due - time.monotonic())
