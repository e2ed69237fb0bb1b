"""Small policies and workloads drawn by hypothesis, so tight that requests collide."""

from __future__ import annotations

from dataclasses import fields
from random import Random

import numpy as np
from hypothesis import strategies as st

from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy, ServiceClass
from finops.engine.result import Result
from finops.engine.workload import Request, Retry, Workload

CLASSES = (
    (ServiceClass(),),
    (ServiceClass("interactive"), ServiceClass("background", priority=1, max_seqs=2)),
    (ServiceClass(max_queue=3),),
    (ServiceClass("interactive", max_queue=6), ServiceClass("background", priority=2)),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Few blocks, few sequences, a small budget."""
    max_seqs, block_size = draw(st.integers(1, 12)), draw(st.sampled_from((1, 4, 16)))
    return Policy(
        blocks=draw(st.integers(50, 250)) // block_size,
        block_size=block_size,
        max_seqs=max_seqs,
        max_tokens=max_seqs + draw(st.integers(0, 40)),
        prefix_cache=draw(st.booleans()),
        reserve=draw(st.sampled_from((False, False, True))),
        age_ps=draw(st.sampled_from((0, 300, 5_000))),
        classes=draw(st.sampled_from(CLASSES)),
        max_model_len=draw(st.sampled_from((None, None, 70))),
    )


@st.composite
def step_times(draw: st.DrawFn) -> LinearStepTime:
    """Steps of about 100 ps, so that they cross arrivals and deadlines in every way."""
    return LinearStepTime(draw(st.integers(20, 200)), *(draw(st.integers(0, 3)) for _ in range(4)))


def chain(blocks: int, like: tuple[int, ...], shared: int, salt: int) -> tuple[int, ...]:
    """A hash chain of so many blocks that starts as `like` does and then goes its own way."""
    start = like[: min(shared, blocks)]
    return start + tuple(1 + salt * 1_000 + at for at in range(len(start), blocks))


@st.composite
def workloads(draw: st.DrawFn, policy: Policy, *, patient: bool = False) -> Workload:
    """Up to 25 requests with shared prefixes and next turns; unless patient, some go away."""
    requests: list[Request] = []
    chains: list[tuple[int, ...]] = [()]
    time = 0
    # A seed instead of five draws a request: a hundred times cheaper, and the size still shrinks.
    rng = Random(draw(st.integers(0, 2**20)))
    busy = draw(st.sampled_from((0, 200, 900)))
    for index in range(draw(st.integers(1, 25))):
        gap, prompt, output = rng.randint(0, busy), rng.randint(1, 50), rng.randint(1, 30)
        shared, kind = rng.randint(0, 12), rng.randint(0, 11)
        time += gap
        known = prompt + (output if kind % 3 else 0)
        hashes = chain(known // policy.block_size, chains[shared % len(chains)], shared, index)
        chains.append(hashes)
        follows = index > 2 and kind in {7, 8}
        requests.append(
            Request(
                arrival_ps=gap if follows else time,
                prompt=prompt,
                output=output,
                klass=kind % len(policy.classes),
                timeout_ps=None if patient or kind % 4 else 200 + 40 * gap,
                hashes=hashes if kind else (),
                after=shared % index if follows else None,
                cancel_ps=None if patient or kind % 5 != 1 else 100 + 30 * gap,
            )
        )
    jitter = draw(st.sampled_from((0.0, 0.5)))
    seed = draw(st.sampled_from((7, -1, 2**70 + 5)))
    retry = Retry(draw(st.integers(1, 3)), draw(st.integers(0, 2_000)), jitter, seed)
    return Workload.of(requests, Retry() if patient else retry)


@st.composite
def cases(draw: st.DrawFn, *, patient: bool = False) -> tuple[Workload, Policy, LinearStepTime]:
    """A workload, a policy and a step time."""
    policy = draw(policies())
    # Where nobody gives up, a full batch runs on although somebody comes: a third is like that.
    patient = patient or draw(st.integers(0, 2)) == 0
    return draw(workloads(policy, patient=patient)), policy, draw(step_times())


def difference(one: Result, two: Result) -> list[str]:
    """Names of the fields in which two results differ."""
    names = [field.name for field in fields(one)]
    return [name for name in names if not np.array_equal(getattr(one, name), getattr(two, name))]
