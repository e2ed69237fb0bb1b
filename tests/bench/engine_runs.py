"""Two real runs of vLLM replayed request by request, with constants of their first halves.

Mean, p50, p90, p95 and p99 of TTFT, TPOT and end-to-end, simulated beside measured: of the whole
run, and of the second half alone, whose measured times the fit didn't see. `python -m
tests.bench.engine_runs` prints them all.
"""

from __future__ import annotations

from pathlib import Path

from finops.engine.observed.compare import Row, compare, worst
from finops.engine.observed.fit import RunFit, fit_run
from finops.engine.observed.replay import policy_of
from finops.engine.observed.run import Run
from finops.engine.profile import METRICS
from tests.bench.__main__ import Figure
from tests.engine.observed.recorded import LLAMA, QWEN, deployed, recorded

BAR = "≤ 10"
MIXED_KV = (1.0, 2.0, 3.0, 4.0)  # see finops.engine.observed.run.Setup


def fit_recorded(name: str) -> tuple[Run, RunFit]:
    """The run, and constants of its first half."""
    run, deployment = recorded(name), deployed(name)
    policy = policy_of(run.setup, deployment)
    return run, fit_run(run, policy, deployment, mixed_kvs=MIXED_KV)


def parts(run: Run, fit: RunFit) -> dict[str, list[Row]]:
    """Rows of the whole run and of each half."""
    masks = {"whole run": None, "first half": fit.fitted, "second half": ~fit.fitted}
    return {part: compare(fit.simulated, run.times, mask) for part, mask in masks.items()}


def measure(workdir: Path) -> list[Figure]:
    """The figures of `make bench`."""
    figures: list[Figure] = []
    for name in (LLAMA, QWEN):
        run, fit = fit_recorded(name)
        for part, rows in parts(run, fit).items():
            if part == "first half":
                continue
            figures += [
                (f"{name}, {part}: worst error of {metric}", 100 * worst(rows, (metric,)), "%", BAR)
                for metric in METRICS
            ]
    return figures


def main() -> None:
    for name in (LLAMA, QWEN):
        run, fit = fit_recorded(name)
        print(name, fit.constants, f"mixed_kv {fit.setup.mixed_kv}")
        for part, rows in parts(run, fit).items():
            for metric in (*METRICS, "queue"):
                cells = "  ".join(
                    f"{row.statistic} {row.simulated:.4g} / {row.measured:.4g} {row.error:+.1%}"
                    for row in rows
                    if row.metric == metric
                )
                print(f"  {part:12} {metric:5} {cells}")


if __name__ == "__main__":
    main()
