"""Self-check: a real model serves a load on this machine, and the simulator predicts part of it.

A random model of 25 million weights (33 with embedding and head) runs on one thread and serves two
loads of the same kind, each for itself: waves of requests that come ever faster, up to more than it
can take. To the recorded steps of one, the step time is fitted; of the other, the simulator is told
arrivals and lengths only. The two take turns step by step, so that a machine that gets slower does
so for both.

Time is CPU time: it moves while a step is scheduled and computed, and jumps to the next arrival
while nothing is live. So other programs on the machine count only as far as they take its caches.

`python -m tests.bench.engine_selfcheck` prints the errors of each metric and mark.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Condition

import numpy as np
import torch

from finops.engine.executor import LinearStepTime
from finops.engine.fit_steps import MeasuredStep, fit_steps
from finops.engine.llama.model import Llama
from finops.engine.llama.random_model import Size, random_model
from finops.engine.policy import Policy
from finops.engine.result import Result, percentiles
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence
from finops.engine.simulate import Simulation, simulate
from finops.engine.stepwise import Stepwise
from finops.engine.torch_executor import LlamaExecutor
from finops.engine.workload import Workload
from tests.bench.__main__ import Figure

Turn = AbstractContextManager[None]
SIZE = Size(vocab=8192, hidden=512, intermediate=1536, layers=8, heads=8, kv_heads=4)
POLICY = Policy(blocks=768, max_seqs=16, max_tokens=256, prefix_cache=False)
WAVES, REQUESTS = 3, 16
PROMPT, OUTPUT = 120, 40  # mean tokens
SLOWEST, FASTEST = 0.8, 3.0  # arrivals in the time that one request alone takes


class Turns:
    """Two that take turns; once one is through, the other goes on alone."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.whose = 0
        self.through: set[int] = set()

    @contextmanager
    def taken(self, who: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: self.whose == who or 1 - who in self.through)
        yield
        self.give(who)

    def give(self, who: int, through: bool = False) -> None:
        with self.changed:
            self.whose = 1 - who
            if through:
                self.through.add(who)
            self.changed.notify_all()


class Measured(Stepwise):
    """Steps really run and are recorded; the scheduler is told the CPU time that each took."""

    scheduler: Scheduler

    def __init__(
        self, scheduler: Scheduler, executor: LlamaExecutor, turn: Callable[[], Turn]
    ) -> None:
        super().__init__(scheduler, LinearStepTime(1))
        self.executor = executor
        self.turn = turn
        self.recorded: list[MeasuredStep] = []

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int | None:
        with self.turn():
            began = time.thread_time()
            step = self.scheduler.schedule(now)
            for seq, _ in step.work:
                if seq.index not in self.executor.known:
                    self.start(seq)
            self.executor.execute(step)
            seconds = time.thread_time() - began
        self.recorded.append(MeasuredStep(*step.sizes(), seconds))
        end = now + max(1, round(seconds * 1e12))
        self.finished = self.scheduler.apply(step, end)
        for seq in self.finished:
            self.executor.end(seq)
        return end

    def start(self, seq: Sequence) -> None:
        vocab = self.executor.model.config.vocab
        prompt = np.random.default_rng(seq.index).integers(0, vocab, seq.prompt)
        self.executor.start(seq, prompt.tolist(), Sampling())


Served = tuple[Result, list[MeasuredStep]]


def serve(model: Llama, load: Workload, turn: Callable[[], Turn] = nullcontext) -> Served:
    """The real model under the loop that simulations run in."""
    simulation = Simulation(load, POLICY, LinearStepTime(1), fast=False, journal=None)
    assert isinstance(simulation.scheduler, Scheduler)
    executor = LlamaExecutor(model, POLICY.blocks, POLICY.block_size)
    simulation.runner = runner = Measured(simulation.scheduler, executor, turn)
    return simulation.run(), runner.recorded


def serve_both(model: Llama, loads: tuple[Workload, Workload]) -> list[Served]:
    """Two loads by turns, as if each had the machine for itself."""
    turns = Turns()

    def one(who: int) -> Served:
        try:
            return serve(model, loads[who], lambda: turns.taken(who))
        finally:
            turns.give(who, through=True)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, (0, 1)))


def drawn(seed: int, alone_s: float) -> Workload:
    """Random arrivals; lengths log-normal around the means, as those of chats are."""
    rng = np.random.default_rng(seed)
    size = WAVES * REQUESTS
    rates = np.tile(np.linspace(SLOWEST, FASTEST, REQUESTS), WAVES) / alone_s
    arrivals = np.cumsum(rng.exponential(1e12 / rates)).astype(np.int64)
    lengths = [
        np.clip(rng.lognormal(np.log(mean) - 0.18, 0.6, size), 2, 4 * mean).astype(np.int64)
        for mean in (PROMPT, OUTPUT)
    ]
    return Workload.of_columns(arrivals, *lengths)


def run(workdir: Path) -> tuple[Result, Result]:
    """The load that nothing was fitted to, as served and as predicted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        folder = random_model(workdir / "model", size=SIZE)
        model = LlamaExecutor.load(folder, blocks=1).model
        one = Workload.of_columns(*(np.array([number]) for number in (0, PROMPT, OUTPUT)))
        serve(model, one)
        alone_s = float(serve(model, one)[0].e2e_s()[0])
        loads = drawn(1, alone_s), drawn(2, alone_s)
        (_, recorded), (seen, _) = serve_both(model, loads)
    finally:
        torch.set_num_threads(threads)
    return seen, simulate(loads[1], POLICY, fit_steps(recorded))


def errors(seen: Result, predicted: Result) -> dict[str, dict[str, float]]:
    """By metric: the error of the mean and of percentiles, and the median request's; in percent."""
    pairs = {
        "TTFT": (seen.ttft_s(), predicted.ttft_s()),
        "TPOT": (seen.tpot_s(), predicted.tpot_s()),
        "e2e": (seen.e2e_s(), predicted.e2e_s()),
    }
    found = {}
    for metric, (values, others) in pairs.items():
        marks, foretold = percentiles(values), percentiles(others)
        found[metric] = {name: 100 * (foretold[name] / marks[name] - 1) for name in marks}
        found[metric]["request"] = 100 * float(np.median(np.abs(others / values - 1)))
    return found


def measure(workdir: Path) -> list[Figure]:
    """The figures of `make bench`."""
    return [
        (f"self-check, {metric}: error of the {words}", marks[name], "%", "")
        for metric, marks in errors(*run(workdir)).items()
        for name, words in (("mean", "mean"), ("p99", "p99"), ("request", "median request"))
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for metric, marks in errors(*run(Path(folder))).items():
            line = "  ".join(f"{name} {value:+6.1f} %" for name, value in marks.items())
            print(f"{metric:5} {line}")


if __name__ == "__main__":
    main()
