"""Self-check: a real model serves a load on this machine, and the simulator predicts part of it.

A random model of 25 million weights (33 with embedding and head) runs on one thread. A load that
grows to more than the model can take comes in rounds. The step time is fitted to the recorded steps
of every other round; of those between, the simulator is told arrivals and lengths only. They take
turns so that a machine that gets slower does so for both.

Time is CPU time: it moves while a step is scheduled and computed, and jumps to the next arrival
while nothing is live. So other programs on the machine count only as far as they take its caches.

`python -m tests.bench.engine_selfcheck` prints the errors of each metric and mark.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from finops.engine.executor import Executor, LinearStepTime, StepTime
from finops.engine.fit_steps import MeasuredStep, fit_steps
from finops.engine.llama.random_model import Size, random_model
from finops.engine.policy import Policy
from finops.engine.result import Floats, Result, percentiles
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Scheduler
from finops.engine.simulate import Simulation, simulate
from finops.engine.stepwise import Stepwise
from finops.engine.torch_executor import LlamaExecutor
from finops.engine.workload import Workload
from tests.bench.__main__ import Figure

SIZE = Size(vocab=8192, hidden=512, intermediate=1536, layers=8, heads=8, kv_heads=4)
POLICY = Policy(blocks=768, max_seqs=16, max_tokens=256, prefix_cache=False)
PAIRS = 3
REQUESTS, PROMPT, OUTPUT = 16, 120, 40  # of a round, and mean tokens
SLOWEST, FASTEST = 0.8, 3.0  # arrivals in the time that one request alone takes


class Measured(Stepwise):
    """Steps really run; the clock that is given says how long each took, and they are recorded."""

    scheduler: Scheduler

    def __init__(
        self,
        scheduler: Scheduler,
        step_time: StepTime,
        executor: Executor,
        vocab: int,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(scheduler, step_time)
        self.executor = executor
        self.vocab = vocab
        self.clock = clock
        self.recorded: list[MeasuredStep] = []

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int | None:
        began = self.clock()
        step = self.scheduler.schedule(now)
        for seq, _ in step.work:
            if seq.scheduled == now and not seq.preemptions and seq.computed == 0:
                prompt = np.random.default_rng(seq.index).integers(0, self.vocab, seq.prompt)
                self.executor.start(seq, prompt.tolist(), Sampling())
        self.executor.execute(step)
        seconds = self.clock() - began
        self.recorded.append(MeasuredStep(*step.sizes(), seconds))
        end = now + max(1, round(seconds * 1e12))
        self.finished = self.scheduler.apply(step, end)
        for seq in self.finished:
            self.executor.end(seq)
        return end


def serve(executor: LlamaExecutor, workload: Workload) -> tuple[Result, list[MeasuredStep]]:
    """The real model under the loop that simulations run in."""
    unused = LinearStepTime(1)
    simulation = Simulation(workload, POLICY, unused, fast=False, journal=None)
    assert isinstance(simulation.scheduler, Scheduler)
    vocab = executor.model.config.vocab
    runner = Measured(simulation.scheduler, unused, executor, vocab, time.process_time)
    simulation.runner = runner
    return simulation.run(), runner.recorded


def drawn(seed: int, alone_s: float) -> Workload:
    """A round: random arrivals, ever faster; lengths log-normal around the means, as in chats."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(alone_s * 1e12 / np.linspace(SLOWEST, FASTEST, REQUESTS))
    lengths = [
        np.clip(rng.lognormal(np.log(mean) - 0.18, 0.6, REQUESTS), 2, 4 * mean).astype(np.int64)
        for mean in (PROMPT, OUTPUT)
    ]
    return Workload.of_columns(np.cumsum(gaps).astype(np.int64), *lengths)


def run(workdir: Path) -> list[tuple[Result, Result]]:
    """The rounds that nothing was fitted to, as served and as predicted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        folder = random_model(workdir / "model", size=SIZE)
        executor = LlamaExecutor.load(folder, blocks=POLICY.blocks)
        one = Workload.of_columns(*(np.array([number]) for number in (0, PROMPT, OUTPUT)))
        serve(executor, one)
        alone_s = float(serve(executor, one)[0].e2e_s()[0])
        recorded: list[MeasuredStep] = []
        served: list[tuple[Workload, Result]] = []
        for turn in range(PAIRS):
            recorded += serve(executor, drawn(2 * turn, alone_s))[1]
            load = drawn(2 * turn + 1, alone_s)
            served.append((load, serve(executor, load)[0]))
    finally:
        torch.set_num_threads(threads)
    step_time = fit_steps(recorded)
    return [(result, simulate(load, POLICY, step_time)) for load, result in served]


def series(results: list[Result]) -> dict[str, Floats]:
    """Seconds by metric, of all rounds."""
    return {
        "TTFT": np.concatenate([result.ttft_s() for result in results]),
        "TPOT": np.concatenate([result.tpot_s() for result in results]),
        "e2e": np.concatenate([result.e2e_s() for result in results]),
    }


def errors(pairs: list[tuple[Result, Result]]) -> dict[str, dict[str, float]]:
    """By metric: the error of the mean and of percentiles, and the median request's; in percent."""
    seen, predicted = (series([pair[at] for pair in pairs]) for at in (0, 1))
    found = {}
    for metric, values in seen.items():
        marks, others = percentiles(values), percentiles(predicted[metric])
        found[metric] = {name: 100 * (others[name] / marks[name] - 1) for name in marks}
        found[metric]["request"] = 100 * float(np.median(np.abs(predicted[metric] / values - 1)))
    return found


def measure(workdir: Path) -> list[Figure]:
    """The figures of `make bench`."""
    return [
        (f"self-check, {metric}: error of the {words}", marks[name], "%", "")
        for metric, marks in errors(run(workdir)).items()
        for name, words in (("mean", "mean"), ("p99", "p99"), ("request", "median request"))
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for metric, marks in errors(run(Path(folder))).items():
            line = "  ".join(f"{name} {value:+6.1f} %" for name, value in marks.items())
            print(f"{metric:5} {line}")


if __name__ == "__main__":
    main()
