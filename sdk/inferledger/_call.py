"""One call while it runs: what is learned of it, until it ends and becomes a span."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, Iterable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from inferledger import attributes as names
from inferledger._facts import Attributes, Facts, wire
from inferledger._finish import Place, finish, place, request_facts
from inferledger._hash import keyed_hash
from inferledger._log import harmless, say
from inferledger._outcome import error_type, outcome_of
from inferledger._recorder import Recorder, current
from inferledger._response import Reading
from inferledger._scope import Attempts, Scope, scope

if TYPE_CHECKING:
    from inferledger._stream import AsyncTrackedStream, TrackedStream

Chunk = TypeVar("Chunk")


class Call:
    """A call that is being tracked; every method is safe to use when nothing is recorded.

    As a context manager (`with` or `async with`) it lasts for the block. An exception that leaves
    the block is recorded by its class and goes on untouched.
    """

    __slots__ = (
        "_cut",
        "_ended",
        "_place",
        "_reading",
        "_recorder",
        "_said",
        "_scope",
        "_started_ns",
        "_ticks_ns",
        "_token",
    )

    def __init__(self, said: Attributes, around: Scope | None = None) -> None:
        self._said = said
        self._scope = around
        self._reading = Reading()
        self._recorder: Recorder | None = None
        self._place: Place | None = None
        self._started_ns = 0
        self._ticks_ns = 0
        self._ended = False
        self._cut = False
        self._token: Token[Call | None] | None = None

    @harmless
    def start(self) -> None:
        """Take the time and the place in the trace; a call is started once."""
        recorder = current()
        if recorder is None:
            return
        self._scope = self._scope or scope()
        outer = _running.get()
        self._place = place(recorder, self._scope, outer._place if outer is not None else None)
        self._said.update(request_facts(recorder, self._scope, self._said))
        self._started_ns = recorder.clock.wall_ns()
        self._ticks_ns = recorder.clock.ticks_ns()
        self._recorder = recorder

    @harmless
    def response(self, answer: Any) -> None:
        """Read model, id, finish reason and usage from a provider's answer, or take a `Usage`."""
        if self._recorder is not None:
            self._reading.read(answer)

    @harmless
    def chunk(self, part: Any) -> None:
        """Read one chunk of a streamed answer; the first one gives the time to first token."""
        if self._recorder is None or self._ended:
            return
        if names.TTFT_MS not in self._said:
            self._said[names.TTFT_MS] = self._elapsed_ns(self._recorder) / 1_000_000
            self._said[names.REQUEST_STREAM] = True
            self._cut = True
        self._reading.read(part)

    def exhausted(self) -> None:
        """Say that the stream was read to its end."""
        self._cut = False

    @overload
    def stream(self, chunks: Iterable[Chunk]) -> TrackedStream[Chunk]: ...
    @overload
    def stream(self, chunks: AsyncIterable[Chunk]) -> AsyncTrackedStream[Chunk]: ...
    def stream(self, chunks: Any) -> Any:
        """Pass a stream through and read it on the way."""
        from inferledger._stream import AsyncTrackedStream, TrackedStream  # noqa: PLC0415

        kind = AsyncTrackedStream if hasattr(chunks, "__aiter__") else TrackedStream
        return kind(self, chunks, ends_call=False)

    @harmless
    def describe(self, **facts: Unpack[Facts]) -> None:
        """Add facts that are known only now: `cache_hit`, `queue_ms`, `region` …"""
        self._said.update(wire(facts))

    @harmless
    def prompt(self, messages: Any) -> None:
        """Add the keyed hash of a prompt; the text itself is not kept."""
        if self._recorder is not None:
            self._said[names.PROMPT_HASH] = keyed_hash(messages, self._recorder.hash_key)

    @harmless
    def answer(self, text: Any) -> None:
        """Add the keyed hash of an answer; the text itself is not kept."""
        if self._recorder is not None:
            self._said[names.ANSWER_HASH] = keyed_hash(text, self._recorder.hash_key)

    @harmless
    def mark(self, *, success: bool | None = None, score: float | None = None) -> None:
        """Say whether the answer was of use and how good; possible until the request ends."""
        verdict = wire({"success": success, "score": score})
        if not self._ended:
            self._said.update(verdict)
        elif self._recorder is not None and not self._judge_late(verdict):
            say("late", "a call was marked after it had been sent; mark it inside request()")

    @harmless
    def fail(self, error: BaseException) -> None:
        """End the call with the outcome that an exception means."""
        if self._recorder is None or self._ended:
            return
        outcome = outcome_of(error)
        if isinstance(error, GeneratorExit) and self._reading.complete:
            self.end()  # The consumer left after the last chunk that mattered.
            return
        limit_ms = self._said.get(names.TIMEOUT_MS)
        elapsed_ms = self._elapsed_ns(self._recorder) / 1_000_000
        if outcome == "cancelled" and isinstance(limit_ms, float) and elapsed_ms >= limit_ms:
            outcome = "timeout"  # asyncio cancels what took too long and says so only outside.
        self._said.setdefault(names.OUTCOME, outcome)
        self._said.setdefault(names.ERROR_TYPE, error_type(error))
        self.end()

    @harmless
    def end(self) -> None:
        """End the call; it ends once, however often it is told to."""
        if self._ended or self._recorder is None or self._place is None or self._scope is None:
            return
        self._ended = True
        if self._cut and not self._reading.complete:
            self._said.setdefault(names.OUTCOME, "cancelled")
        elapsed_ns = self._elapsed_ns(self._recorder)
        finish(
            self._recorder,
            self._scope,
            {**self._reading.attributes(), **self._said},
            self._place,
            (self._started_ns, self._started_ns + elapsed_ns),
        )

    def belongs_to(self, attempts: Attempts) -> bool:
        """True when this call is one of a request's attempts."""
        return self._scope is not None and self._scope.attempts is attempts

    def enter(self) -> Token[Call | None]:
        """Make this the running call; `leave` undoes it."""
        return _running.set(self)

    def _elapsed_ns(self, recorder: Recorder) -> int:
        return recorder.clock.ticks_ns() - self._ticks_ns

    def _judge_late(self, verdict: Attributes) -> bool:
        attempts = self._scope.attempts if self._scope is not None else None
        if attempts is None or self._place is None:
            return False
        return attempts.judge(verdict, self._place.span_id)

    def __enter__(self) -> Self:
        self.start()
        self._token = self.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            leave(self._token)
        if error is not None:
            self.fail(error)
        else:
            self.end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


_running: ContextVar[Call | None] = ContextVar("inferledger_call", default=None)


def leave(token: Token[Call | None]) -> None:
    """Make the call before this one the running one again."""
    with contextlib.suppress(ValueError):  # Left in another context than it was entered in.
        _running.reset(token)


def call(**facts: Unpack[Facts]) -> Call:
    """Track a call in a block, where a function can't be decorated.

    with inferledger.call(provider="openai", model="gpt-4o") as call:
        call.response(client.chat.completions.create(...))
    """
    return Call(wire(facts))


def current_call() -> Call:
    """The call that runs here; outside of one, a call that records nothing."""
    return _running.get() or Call({})


@harmless
def score(value: float | None = None, *, success: bool | None = None) -> None:
    """Judge the answer: the running call, else the last attempt of the request around this line."""
    running, around = _running.get(), scope()
    inside = running is not None and (
        around.attempts is None or running.belongs_to(around.attempts)
    )
    if running is not None and inside:
        running.mark(success=success, score=value)
        return
    verdict = wire({"success": success, "score": value})
    judged = around.attempts is not None and around.attempts.judge(verdict)
    if not judged and current() is not None:
        say("score", "score() found no call; use it inside request() or inside a tracked call")
