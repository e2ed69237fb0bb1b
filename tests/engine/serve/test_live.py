"""The loop of a live engine, driven turn by turn on a clock of the test's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.scheduler import Scheduler, Step
from finops.engine.sequence import Sequence
from finops.engine.serve.errors import Draining, Overloaded
from finops.engine.serve.live import Live
from finops.engine.serve.metrics import VllmMetrics
from finops.engine.serve.serving import Piece, Serving
from finops.engine.serve.simulated import SimulatedAnswers
from finops.engine.serve.text_stream import TextStream
from finops.engine.serve.tokens import ByteTokenizer
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Workload
from tests.engine.serve.running import MS, FakeClock

STEP_TIME = LinearStepTime(5 * MS, token_ps=MS // 50, row_ps=MS // 10, kv_ps=1000)
NEVER = 300  # no byte: such a token ends an answer


class Engine:
    """A live engine without a thread, and what it delivered."""

    def __init__(self, policy: Policy, *, max_waiting: int = 1000, answer_tokens: int = 10**6):
        self.clock = FakeClock()
        self.pieces: list[Piece] = []
        self.answers = SimulatedAnswers(
            STEP_TIME, self.clock, list(b"abc"), NEVER, answer_tokens=answer_tokens
        )
        self.metrics = VllmMetrics("m", 4096)
        self.live = Live(
            Scheduler(policy), self.answers, self.clock, self.metrics, max_waiting=max_waiting
        )
        self.live.deliver = self.pieces.extend

    def submit(self, prompt: int = 8, target: int = 4, **more: Any) -> Serving:
        text = TextStream(ByteTokenizer(), more.pop("stops", ()))
        ids = [index % 250 for index in range(prompt)]
        hashes = self.live.chain(ids) if more.pop("hashed", False) else ()
        ends = frozenset((NEVER,))
        return self.live.submit(ids, target, text, hashes=hashes, ends=ends, **more)

    def run(self) -> None:
        while self.live.inbox or self.live.scheduler.live:
            self.live.turn()

    @property
    def free(self) -> bool:
        pool = self.live.scheduler.pool
        return pool.available == pool.total and not self.live.servings and not self.live.waiting


def test_times_are_those_of_the_simulation_to_the_picosecond() -> None:
    rng = np.random.default_rng(5)
    requests = [
        Request(int(at), prompt=int(rng.integers(1, 900)), output=int(rng.integers(1, 60)))
        for at in np.cumsum(rng.integers(0, 40 * MS, 120))
    ]
    policy = Policy(blocks=160, max_seqs=12, max_tokens=512, prefix_cache=False)
    expected = simulate(Workload.of(requests), policy, STEP_TIME)

    engine = Engine(policy)
    engine.clock.now = requests[0].arrival_ps
    servings = []
    left = list(requests)
    while left or engine.live.scheduler.live:
        while left and left[0].arrival_ps <= engine.clock.now:
            request = left.pop(0)
            serving = engine.submit(request.prompt, request.output)
            serving.seq.arrival = request.arrival_ps
            servings.append(serving)
        if engine.live.inbox or engine.live.scheduler.live:
            engine.live.turn()
        else:
            engine.clock.now = left[0].arrival_ps

    assert int(expected.preempted.sum()) > 0
    assert [s.seq.first for s in servings] == expected.first_ps.tolist()
    assert [s.finish for s in servings] == expected.finish_ps.tolist()
    assert [s.seq.preemptions for s in servings] == expected.preempted.tolist()
    assert [len(s.tokens) for s in servings] == [request.output for request in requests]


def test_a_cancelled_request_gives_its_blocks_back_before_the_next_step() -> None:
    engine = Engine(Policy(blocks=8, prefix_cache=False))
    gone, stays = engine.submit(32, 20), engine.submit(8, 20)
    engine.live.turn()
    engine.live.turn()
    engine.live.cancel(gone)
    engine.live.turn()
    assert engine.live.scheduler.pool.available == 7
    assert (gone.end, gone.computed, gone.seq.generated) == ("cancelled", 32, 2)
    assert engine.pieces[-2] == Piece(gone, "", "cancelled")
    engine.run()
    assert stays.end == "length"
    assert engine.free


def test_one_that_is_cancelled_while_it_waits_has_used_nothing() -> None:
    engine = Engine(Policy(blocks=8, max_seqs=1))
    first, waits = engine.submit(), engine.submit()
    engine.live.turn()
    engine.live.cancel(waits)
    engine.run()
    assert (first.end, waits.end) == ("length", "cancelled")
    assert (waits.computed, waits.seq.generated, waits.seq.scheduled) == (0, 0, -1)
    assert engine.free


def test_one_that_is_cancelled_in_its_prefill_has_used_its_chunks() -> None:
    engine = Engine(Policy(blocks=64, max_seqs=4, max_tokens=16))
    serving = engine.submit(100, 5)
    engine.live.turn()
    engine.live.turn()
    engine.live.cancel(serving)
    engine.live.turn()
    assert (serving.end, serving.computed) == ("cancelled", 32)


def test_a_deadline_ends_a_request() -> None:
    engine = Engine(Policy(blocks=64))
    late = engine.submit(8, 1000, timeout_ps=30 * MS)
    engine.run()
    assert late.end == "timeout"
    assert 30 * MS <= late.finish < 40 * MS
    assert engine.free


def test_a_full_queue_refuses_and_takes_again_when_there_is_room() -> None:
    engine = Engine(Policy(blocks=64, max_seqs=1), max_waiting=2)
    engine.submit()
    engine.submit()
    with pytest.raises(Overloaded) as refused:
        engine.submit()
    assert refused.value.retry_after_s == 1
    engine.live.turn()  # one is admitted
    assert engine.submit() is not None
    engine.run()
    assert engine.free


def test_who_closes_takes_nothing_new() -> None:
    engine = Engine(Policy(blocks=64))
    engine.live.close()
    with pytest.raises(Draining):
        engine.submit()


def test_an_answer_ends_at_its_end_token_and_at_its_limit() -> None:
    engine = Engine(Policy(blocks=64), answer_tokens=1)
    stopped, cut = engine.submit(8, 50), engine.submit(8, 1)
    engine.run()
    assert (stopped.end, cut.end) == ("stop", "length")
    assert stopped.seq.generated == 2  # a word, then the end


def test_the_next_turn_finds_the_answer_in_the_prefix_cache() -> None:
    engine = Engine(Policy(blocks=64))
    first = engine.submit(32, 33, hashed=True)
    engine.run()
    text = TextStream(ByteTokenizer())
    ids = [*first.prompt, *first.tokens, *b"and now?"]
    second = engine.live.submit(ids, 4, text, hashes=engine.live.chain(ids))
    engine.run()
    # 32 + 33 tokens, the last of which was never computed: four full blocks.
    assert second.seq.cached == 64


class Broken(SimulatedAnswers):
    """Fails once."""

    error: Exception | None = None

    def execute(self, step: Step) -> dict[int, int]:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return super().execute(step)


@pytest.mark.parametrize(
    ("error", "end"), [(RuntimeError("no kernel"), "error"), (MemoryError(), "oom")]
)
def test_a_step_that_fails_ends_its_requests_and_not_the_engine(error: Exception, end: str) -> None:
    engine = Engine(Policy(blocks=64, max_seqs=1))
    broken = Broken(STEP_TIME, engine.clock, list(b"abc"), NEVER)
    engine.live.executor = broken
    broken.error = error
    failed, next_one = engine.submit(), engine.submit()
    engine.run()
    assert (failed.end, next_one.end) == (end, "length")
    assert engine.free
    assert broken.answers == {}


class Refusing(SimulatedAnswers):
    """Takes nothing in."""

    def start(self, seq: Sequence, *rest: object) -> None:
        raise ValueError("not this one")


def test_a_request_that_the_executor_refuses_fails_alone() -> None:
    engine = Engine(Policy(blocks=64))
    engine.live.executor = Refusing(STEP_TIME, engine.clock, list(b"abc"), NEVER)
    serving = engine.submit()
    engine.live.turn()
    assert serving.end == "error"
    assert engine.free


def test_a_speed_up_divides_every_time() -> None:
    slow, fast = Engine(Policy(blocks=64)), Engine(Policy(blocks=64))
    fast.answers.speed_up = 10.0
    ends = []
    for engine in (slow, fast):
        serving = engine.submit(8, 20)
        engine.run()
        ends.append(serving.finish)
    assert ends[0] == pytest.approx(10 * ends[1], rel=1e-6)


def test_the_loops_own_work_is_part_of_the_step_that_follows() -> None:
    engine = Engine(Policy(blocks=64))
    serving = engine.submit(8, 3)
    firsts = []
    while engine.live.inbox or engine.live.scheduler.live:
        engine.live.turn()
        firsts.append(engine.clock.now)
        engine.clock.now += MS  # what a loop takes beside its steps
    step = 5 * MS + MS // 10
    gaps = np.diff(firsts)
    assert serving.seq.generated == 3
    assert all(abs(gap - step) < MS // 10 for gap in gaps)
