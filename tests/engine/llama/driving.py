"""Requests for a real model, served by the scheduler as a live server would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch

from finops.engine.hash_chain import hash_chain
from finops.engine.policy import Policy
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence
from finops.engine.torch_executor import LlamaExecutor
from tests.engine.llama.plain import Array, PlainLlama

# Scores of the random model spread over several units, and fp32 moves them by about 1e-6.
CLOSE = 1e-4


@dataclass
class Ask:
    """A prompt that comes at step `at`, or once the answer of `after` is there, continuing it."""

    prompt: list[int]
    output: int
    at: int = 0
    after: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    answer: list[int] = field(default_factory=list)
    cached: int = 0


class Serving:
    """Drives scheduler and executor until every request has its answer or was rejected."""

    def __init__(self, executor: LlamaExecutor, policy: Policy, asks: list[Ask]) -> None:
        self.executor, self.policy, self.asks = executor, policy, asks
        self.scheduler = Scheduler(policy)
        self.steps = 0
        self.waiting = list(range(len(asks)))
        self.done: set[int] = set()

    def run(self) -> None:
        while self.waiting or self.scheduler.live:
            self.let_in()
            self.step()
        assert not self.executor.known

    def let_in(self) -> None:
        for index in list(self.waiting):
            ask = self.asks[index]
            if ask.at > self.steps or (ask.after is not None and ask.after not in self.done):
                continue
            self.waiting.remove(index)
            if ask.after is not None:
                former = self.asks[ask.after]
                ask.prompt = former.prompt + former.answer + ask.prompt
            hashes = hash_chain(ask.prompt, self.policy.block_size, b"")
            seq = Sequence(index, self.steps, len(ask.prompt), ask.output, hashes=hashes)
            if self.scheduler.add(seq):
                self.executor.start(seq, ask.prompt, ask.sampling)
            else:
                self.done.add(index)

    def step(self) -> None:
        step = self.scheduler.schedule(self.steps)
        self.steps += 1
        for index, token in self.executor.execute(step).items():
            self.asks[index].answer.append(token)
        for seq, _ in step.work:
            if seq.hashes:  # an answer's hashes are known only now
                ask = self.asks[seq.index]
                seq.hashes = hash_chain(ask.prompt + ask.answer, self.policy.block_size, b"")
        for seq in self.scheduler.apply(step, self.steps):
            self.executor.end(seq)
            self.asks[seq.index].cached = seq.cached
            self.done.add(seq.index)


def serve(executor: LlamaExecutor, policy: Policy, asks: Iterable[Ask]) -> Serving:
    """Serve on a cache full of rubbish: what nobody wrote must not be read."""
    with torch.inference_mode():
        executor.cache.keys.fill_(1e3)
        executor.cache.values.fill_(1e3)
    serving = Serving(executor, policy, list(asks))
    serving.run()
    return serving


def short_of_best(plain: PlainLlama, ask: Ask) -> Array:
    """How far each token's score is below that of the best one after the tokens before it."""
    scores = plain.scores(ask.prompt + ask.answer)[len(ask.prompt) - 1 : -1]
    return np.asarray(scores.max(axis=1) - scores[np.arange(len(ask.answer)), ask.answer])
