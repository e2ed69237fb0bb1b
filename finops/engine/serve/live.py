"""The engine in real time: one thread around a scheduler and an executor.

Other threads `submit` and `cancel`; what comes of a request is handed to `deliver`, once for each
step. `turn` is one step of the loop, so that a test can drive it on a clock of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence as Rows
from heapq import heappop, heappush

import structlog

from finops.engine.batching import BatchScheduler
from finops.engine.executor import Executor
from finops.engine.hash_chain import hash_chain
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Scheduler, Step
from finops.engine.sequence import Sequence, State
from finops.engine.serve.clock import Clock
from finops.engine.serve.errors import Draining, Overloaded
from finops.engine.serve.serving import Deliver, End, Piece, Serving, Watch
from finops.engine.serve.text_stream import TextStream

log = structlog.get_logger(__name__)


class Live:
    """Serves requests until `close`. At most `max_waiting` wait to be admitted."""

    def __init__(
        self,
        scheduler: Scheduler | BatchScheduler,
        executor: Executor,
        clock: Clock,
        watch: Watch,
        *,
        max_waiting: int,
        hash_key: bytes = b"",
    ) -> None:
        self.scheduler = scheduler
        self.executor = executor
        self.clock = clock
        self.deliver: Deliver = lambda pieces: None  # set by who wants them, before `start`
        self.watch = watch
        self.max_waiting = max_waiting
        self.hash_key = hash_key
        self.changed = threading.Condition()
        self.inbox: list[Serving] = []
        self.cancelled: list[Serving] = []
        self.waiting = 0
        self.closing = False
        self.servings: dict[int, Serving] = {}
        self.deadlines: list[tuple[int, int]] = []
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.submitted = 0

    @property
    def caches(self) -> bool:
        """Whether prompts are looked up in the prefix cache."""
        return isinstance(self.scheduler, Scheduler) and self.scheduler.policy.prefix_cache

    def fits(self, prompt: int, target: int) -> bool:
        """Whether a request could run if it were alone."""
        return self.scheduler.fits(Sequence(0, 0, prompt, target))

    def chain(self, tokens: Rows[int], known: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The hash chain of tokens for the prefix cache; empty where there is none."""
        if not self.caches:
            return ()
        return hash_chain(tokens, self.scheduler.policy.block_size, self.hash_key, known)

    def submit(
        self,
        prompt: Rows[int],
        target: int,
        text: TextStream,
        *,
        hashes: tuple[int, ...] = (),
        sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
        ends: frozenset[int] = frozenset(),
        timeout_ps: int | None = None,
    ) -> Serving:
        """Let a request in that `fits`; raises Overloaded when the queue is full, and Draining.

        `hashes` is what `chain` made of the prompt; without it nothing of it is found or kept.
        """
        with self.changed:
            if self.closing:
                raise Draining("The server is about to stop; ask another one.", retry_after_s=1)
            if self.waiting >= self.max_waiting:
                raise Overloaded(
                    f"{self.waiting} requests wait already; try again later.", retry_after_s=1
                )
            now = self.clock.now_ps()
            deadline = None if timeout_ps is None else now + timeout_ps
            self.submitted += 1
            seq = Sequence(
                self.submitted, now, len(prompt), target, deadline=deadline, hashes=hashes
            )
            serving = Serving(seq, prompt, sampling, text, ends)
            self.waiting += 1
            self.inbox.append(serving)
            self.changed.notify()
        return serving

    def cancel(self, serving: Serving) -> None:
        """Nobody waits for this one any more: its blocks are free before the next step."""
        with self.changed:
            self.cancelled.append(serving)
            self.changed.notify()

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing more, and return when all that was taken is over, or after `timeout_s`."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        if self.thread.is_alive():
            self.thread.join(timeout_s)

    @property
    def well(self) -> bool:
        """Whether the thread runs."""
        return self.thread.is_alive()

    def _run(self) -> None:
        try:
            while self._await_work():
                self.turn()
        except Exception:
            log.exception("engine_stopped")
            with self.changed:
                self.closing = True
                left = [*self.servings.values(), *self.inbox]
            self.deliver([Piece(serving, "", "error") for serving in left])

    def _await_work(self) -> bool:
        with self.changed:
            while not (self.inbox or self.cancelled or self.scheduler.live):
                if self.closing:
                    return False
                self.changed.wait()
        return True

    def turn(self) -> None:
        """Let in who came, cut off who may not stay, do one step."""
        now = self.clock.now_ps()
        self._let_in()
        self._cut_off(now)
        # Nobody knows whether more will come; a static batch takes those that are there.
        step = self.scheduler.schedule(now, more_to_come=False)
        self._admitted(step)
        if step.work:
            self._do(step, now)
        else:
            self._idle()

    def _let_in(self) -> None:
        with self.changed:
            arrived, self.inbox = self.inbox, []
        for serving in arrived:
            seq = serving.seq
            self.servings[seq.index] = serving
            if not self._started(serving) or not self.scheduler.add(seq):
                self._over(serving, "error", self.clock.now_ps())
            elif seq.deadline is not None:
                heappush(self.deadlines, (seq.deadline, seq.index))

    def _started(self, serving: Serving) -> bool:
        try:
            self.executor.start(serving.seq, serving.prompt, serving.sampling)
        except Exception as error:  # as in `_do`
            log.error("start_failed", error=f"{type(error).__name__}: {error}")
            return False
        return True

    def _cut_off(self, now: int) -> None:
        """End those that nobody waits for, and those whose deadline has passed."""
        with self.changed:
            cancelled, self.cancelled = self.cancelled, []
        for serving in cancelled:
            if serving.seq.index in self.servings:
                self._drop(serving, "cancelled", now)
        while self.deadlines and self.deadlines[0][0] <= now:
            late = self.servings.get(heappop(self.deadlines)[1])
            if late is not None:
                self._drop(late, "timeout", now)

    def _drop(self, serving: Serving, end: End, now: int) -> None:
        self._count_computed(serving)
        self._chain_answer(serving)
        self.scheduler.drop(serving.seq, State.TIMED_OUT)
        self._over(serving, end, now)

    def _admitted(self, step: Step) -> None:
        with self.changed:
            for seq, _ in step.work:
                serving = self.servings[seq.index]
                self.waiting -= serving.queued
                serving.queued = False

    def _idle(self) -> None:
        """A batch is waited for: sleep until it is due, or until something changes."""
        wake = self.scheduler.wake()
        if wake is None:
            return  # nobody is left
        due = min(wake, self.deadlines[0][0]) if self.deadlines else wake
        with self.changed:
            if not (self.inbox or self.cancelled):
                self.changed.wait(max(0, due - self.clock.now_ps()) * 1e-12)

    def _do(self, step: Step, begin: int) -> None:
        try:
            tokens = self.executor.execute(step)
            emitted = [self.servings[index] for index in tokens]
            texts = [self._take(serving, tokens[serving.seq.index]) for serving in emitted]
        except Exception as error:  # whatever an executor raises must not end the server
            self._fail(step, error)
            return
        end = self.clock.now_ps()
        self.scheduler.apply(step, end)
        self.watch.stepped(step, begin, end, emitted)
        pieces = []
        for serving, text in zip(emitted, texts, strict=True):
            serving.last = end
            if serving.seq.state is State.FINISHED:
                pieces.append(self._finish(serving, text, end))
            elif text:
                pieces.append(Piece(serving, text))
        if pieces:
            self.deliver(pieces)

    def _take(self, serving: Serving, token: int) -> str:
        """Take a token; one that ends the answer makes this step its sequence's last."""
        seq = serving.seq
        serving.tokens.append(token)
        text = "" if token in serving.ends else serving.text.add(token)
        if token in serving.ends or serving.text.stopped:
            serving.end = "stop"
            seq.target = seq.generated + 1
        if seq.generated + 1 == seq.target:
            self._chain_answer(serving)
        return text

    def _chain_answer(self, serving: Serving) -> None:
        """Name the blocks of the answer, so that the next turn of a chat finds them."""
        tokens = [*serving.prompt, *serving.tokens]
        serving.seq.hashes = self.chain(tokens, serving.seq.hashes)

    def _finish(self, serving: Serving, text: str, now: int) -> Piece:
        text += serving.text.rest()
        serving.computed = serving.seq.prompt
        end: End = serving.end or "length"
        self._close(serving, end, now)
        return Piece(serving, text, end)

    def _over(self, serving: Serving, end: End, now: int) -> None:
        self._close(serving, end, now)
        self.deliver([Piece(serving, "", end)])

    def _close(self, serving: Serving, end: End, now: int) -> None:
        serving.end, serving.finish = end, now
        del self.servings[serving.seq.index]
        self.executor.end(serving.seq)
        with self.changed:
            self.waiting -= serving.queued
            serving.queued = False
        self.watch.ended(serving)

    def _count_computed(self, serving: Serving) -> None:
        """Before its blocks are gone: after a first token, all of the prompt was computed once."""
        seq = serving.seq
        serving.computed = seq.prompt if seq.first >= 0 else min(seq.computed, seq.prompt)

    def _fail(self, step: Step, error: Exception) -> None:
        """End all of a step that failed; the server goes on with the others."""
        log.error("step_failed", error=f"{type(error).__name__}: {error}", rows=len(step.work))
        memory = isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__
        now = self.clock.now_ps()
        for seq, _ in step.work:
            self._drop(self.servings[seq.index], "oom" if memory else "error", now)
