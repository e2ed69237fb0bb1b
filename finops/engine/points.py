"""Measured serving points: what a deployment was seen to do under a closed loop of clients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from finops.engine.deployment import Deployment
from finops.engine.executor import LinearStepTime
from finops.engine.fast_forward import Segment
from finops.engine.policy import Policy
from finops.engine.result import Floats
from finops.engine.simulate import simulate
from finops.engine.workload import closed_loop

Places = NDArray[np.intp]

ROUNDS = 10  # requests of each client, as InferenceX runs them


@dataclass(frozen=True)
class Point:
    """`clients` requests at a time, of `prompt` and `output` tokens; means in seconds.

    Lengths are drawn evenly from [1 − spread, 1] of the nominal. A figure that wasn't measured is
    None. The engine runs `held_back` sequences fewer than there are clients: some front ends always
    keep a request waiting until another has ended. `reserve` is that of its policy. `wait_steps`
    are those for which an engine that is busy lets a new request wait, on average, so that more of
    them start together (TensorRT-LLM's batch_wait_timeout_iters; half of SGLang's
    scheduler-recv-interval).
    """

    deployment: Deployment
    clients: int
    prompt: int
    output: int
    ttft_s: float | None = None
    tpot_s: float | None = None
    spread: float = 0.0
    budget: int = 8192
    held_back: int = 0
    reserve: bool = False
    wait_steps: int = 0


@dataclass(frozen=True)
class Mix:
    """A mean time as a sum over steps: `tokens` by weight, and weights of rows, KV and pairs."""

    tokens: Floats
    weights: Floats
    rows: float
    kv: float
    pairs: float

    def and_steps(self, count: float, step: Mix) -> Mix:
        """With so many steps more; both are of one course."""
        return Mix(
            self.tokens,
            self.weights + count * step.weights,
            self.rows + count * step.rows,
            self.kv + count * step.kv,
            self.pairs + count * step.pairs,
        )


@dataclass(frozen=True)
class Course:
    """What the mean TTFT and the mean TPOT of a point consist of."""

    ttft: Mix
    tpot: Mix


def course(point: Point) -> Course:
    """The steps of a point.

    In a closed loop each request starts when another ends. So the order of the steps doesn't depend
    on how long they take: it is simulated once, and fitting the times afterwards is arithmetic.
    """
    blocks = max(point.deployment.kv_blocks(), (point.prompt + point.output) // 16 + 2)
    slots = max(1, point.clients - point.held_back)
    lengths = (point.prompt, point.output, point.spread)
    room = (blocks, point.reserve)
    return _course(point.clients, slots, lengths, point.budget, room, point.wait_steps)


@lru_cache(maxsize=4096)
def _course(
    clients: int,
    slots: int,
    lengths: tuple[int, int, float],
    budget: int,
    room: tuple[int, bool],
    wait_steps: int,
) -> Course:
    prompt, output, spread = lengths
    blocks, reserve = room
    size = clients * (ROUNDS if clients <= 32 else 4)
    rng = np.random.default_rng(0)
    drawn = 1.0 - spread * rng.random((2, size))
    prompts = np.maximum(1, np.rint(drawn[0] * prompt)).astype(np.int64)
    outputs = np.maximum(2, np.rint(drawn[1] * output)).astype(np.int64)
    policy = Policy(
        blocks, max_seqs=slots, max_tokens=max(budget, slots), prefix_cache=False, reserve=reserve
    )
    journal: list[Segment] = []
    # Each step takes 1 ps, so that a time is a number of steps.
    seen = simulate(
        closed_loop(prompts, outputs, clients), policy, LinearStepTime(1), journal=journal
    )
    steps, tokens, rows, kv, pairs = np.array(journal, np.float64).T
    ends = np.concatenate([[0.0], np.cumsum(steps)])
    done = seen.finished
    came, first, last = (
        np.searchsorted(ends, times[done])
        for times in (seen.arrival_ps, seen.first_ps, seen.finish_ps)
    )
    share = shares(clients, size)[done]
    share /= share.sum()

    def mix(starts: Places, stops: Places, weights: Floats) -> Mix:
        change = np.zeros(len(ends))
        np.add.at(change, starts, weights)
        np.add.at(change, stops, -weights)
        active = np.cumsum(change)[:-1]
        kinds, inverse = np.unique(tokens, return_inverse=True)
        return Mix(
            tokens=kinds,
            weights=np.bincount(inverse, active * steps, len(kinds)).astype(np.float64),
            rows=float((active * steps * rows).sum()),
            kv=float((active * kv).sum()),
            pairs=float((active * pairs).sum()),
        )

    first_token, each = mix(came, first, share), mix(first, last, share / (outputs[done] - 1))
    # All but the first of each client come to a busy engine. The place that one leaves empty while
    # it waits is neglected.
    return Course(first_token.and_steps(wait_steps * (1.0 - 1.0 / ROUNDS), each), each)


def shares(clients: int, size: int) -> Floats:
    """How much each of `size` requests counts, of which each client sends as many.

    The first and the last of each client count as one of ROUNDS, those between for all others.
    """
    between = (ROUNDS - 2) / max(1, size // clients - 2)
    rounds = np.full(size, between)
    rounds[:clients] = rounds[size - clients :] = 1.0
    return rounds
