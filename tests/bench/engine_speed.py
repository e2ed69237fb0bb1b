"""How fast the engine simulates: a million requests of Azure's conversation lengths on one core.

Llama 3.1 8B on one H100 at saturation; CPU seconds, percentiles included. Memory and start are
measured in processes of their own: memory is the most that the process held beyond what it held
with everything imported, so the workload and the result are in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from finops.engine.catalogue import load
from finops.engine.compiled.run import is_installed
from finops.engine.deployment import Deployment
from finops.engine.policy import Policy
from finops.engine.simulate import simulate
from finops.engine.step_time import SimulatedExecutor
from tests.bench.__main__ import Figure
from tests.bench.engine_traffic import azure_workload

ROOT = Path(__file__).parents[2]
MILLION = 1_000_000
PER_SECOND = 12.0


def deployment() -> tuple[Policy, SimulatedExecutor]:
    catalogue = load()
    at = Deployment(catalogue.model("llama-3.1-8b"), catalogue.gpu("h100"))
    return Policy(at.kv_blocks(), max_seqs=256, max_tokens=8192), SimulatedExecutor(at)


def speed(size: int, *, fast: bool = True, compiled: bool = False) -> float:
    """Requests per CPU second, the best of three for short runs."""
    policy, executor = deployment()
    workload = azure_workload(size, PER_SECOND)
    seconds = []
    for _ in range(1 if size == MILLION and not compiled else 3):
        start = time.process_time()
        simulate(workload, policy, executor, fast=fast, compiled=compiled).summary()
        seconds.append(time.process_time() - start)
    return size / min(seconds)


def bytes_per_request(compiled: bool) -> float:
    """Peak of this process beyond what it held before, by request; for a fresh process."""
    policy, executor = deployment()
    simulate(azure_workload(1_000, PER_SECOND), policy, executor, compiled=compiled).summary()
    before = peak_bytes()
    simulate(azure_workload(MILLION, PER_SECOND), policy, executor, compiled=compiled).summary()
    return (peak_bytes() - before) / MILLION


def peak_bytes() -> int:
    """The most memory that this process has held (that of getrusage is inherited)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def start_seconds(compiled: bool) -> float:
    """Seconds until ten requests are simulated, from the start of this process."""
    policy, executor = deployment()
    simulate(azure_workload(10, PER_SECOND), policy, executor, compiled=compiled).summary()
    return time.process_time()


def apart(call: str, **environment: str) -> float:
    """The value of a call in a process of its own."""
    script = f"from tests.bench.engine_speed import *; print({call})"
    command = [sys.executable, "-c", script]
    environ = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=True)
    return float(done.stdout)


def measure(workdir: Path) -> list[Figure]:
    """The figures of `make bench`."""
    figures: list[Figure] = [
        ("1M requests, Python", speed(MILLION), "requests/CPU-s", "≥ 100,000"),
        ("step by step", speed(3_000, fast=False), "requests/CPU-s", ""),
        ("memory, Python", apart("bytes_per_request(False)"), "B/request", "< 1,024"),
        ("start until 10 requests are done", apart("start_seconds(False)"), "CPU-s", "< 1"),
    ]
    if not is_installed():
        return figures
    first = apart("start_seconds(True)", NUMBA_CACHE_DIR=str(workdir))
    return [
        *figures,
        ("1M requests, compiled", speed(MILLION, compiled=True), "requests/CPU-s", "≥ 100,000"),
        ("memory, compiled", apart("bytes_per_request(True)"), "B/request", "< 1,024"),
        ("start, compiled before", apart("start_seconds(True)"), "CPU-s", ""),
        ("start, compiled for the first time", first, "CPU-s", ""),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, value, unit, bar in measure(Path(folder)):
            print(f"{name:48} {value:12,.1f} {unit:15} {bar}")


if __name__ == "__main__":
    main()
