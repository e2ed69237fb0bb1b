"""Who a call is for: the `action` and `request` contexts, nested at will.

An action is one thing that a user does; a request is one answer that it needs, tried as often as it
takes. Both travel in a context variable, so they follow `await` and stay apart between threads.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from inferledger import attributes as names
from inferledger._facts import Attributes, wire
from inferledger._log import say_broken
from inferledger._recorder import Recorder, current
from inferledger._span import Span, current_parent


@dataclass(frozen=True, slots=True)
class Scope:
    """What the contexts around a call say: ready attributes, the trace (0 = none), the request."""

    attributes: Attributes = field(default_factory=dict)
    trace_id: int = 0
    attempts: Attempts | None = None


class Attempts:
    """Numbers the calls of one request and keeps the last one back until its fate is known."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._last: tuple[Recorder, Span] | None = None
        self._open = True

    def number(self) -> int:
        """The next attempt: 0, 1, 2 …"""
        return next(self._numbers)

    def finish(self, recorder: Recorder, span: Span) -> None:
        """Keep a finished attempt, so that it can still be judged, and pass on the one before."""
        with self._lock:
            before, self._last = self._last, (recorder, span)
        if before:
            before[0].take(before[1])
        if not self._open:
            self.close()

    def judge(self, verdict: Attributes, span_id: int = 0) -> bool:
        """Add a verdict to the last finished attempt; False when it is gone, or not `span_id`."""
        with self._lock:
            if self._last is None or span_id not in {0, self._last[1].span_id}:
                return False
            self._last[1].attributes.update(verdict)
            return True

    def close(self) -> None:
        """Pass on what was kept."""
        with self._lock:
            self._open = False
            before, self._last = self._last, None
        if before:
            before[0].take(before[1])


_NOWHERE = Scope()
_scope: ContextVar[Scope] = ContextVar("inferledger_scope", default=_NOWHERE)


def scope() -> Scope:
    """The innermost contexts that are open here."""
    return _scope.get()


class Context:
    """A block that adds to the scope, by `with` or `async with`, as often as it is entered."""

    def __init__(self, identifier: str, inner: Callable[[Scope, Recorder], Scope]) -> None:
        self._identifier = identifier
        self._inner = inner
        self._opened: list[tuple[Token[Scope], Scope] | None] = []

    @property
    def id(self) -> str:
        """The action's or request's identifier, empty while nothing is recorded."""
        opened = self._opened[-1] if self._opened else None
        return str(opened[1].attributes.get(self._identifier, "")) if opened else ""

    def __enter__(self) -> Self:
        opened = None
        try:
            recorder = current()
            if recorder is not None:
                inner = self._inner(_scope.get(), recorder)
                opened = (_scope.set(inner), inner)
        except Exception as error:
            say_broken("opening a context", error)
        self._opened.append(opened)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        opened = self._opened.pop() if self._opened else None
        if opened is None:
            return
        token, inner = opened
        with contextlib.suppress(ValueError):  # Closed in another context than it was opened in.
            _scope.reset(token)
        if self._identifier == names.REQUEST_ID and inner.attempts is not None:
            inner.attempts.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


def action(  # noqa: PLR0913
    name: str,
    *,
    action_id: str | None = None,
    tenant: str | None = None,
    user_id: str | None = None,
    team: str | None = None,
    feature: str | None = None,
    session_id: str | None = None,
    agent: str | None = None,
    environment: str | None = None,
    **tags: object,
) -> Context:
    """Say that the calls in this block serve one user action; free keywords become tags.

    The action's id is drawn unless `action_id` brings one from another process. Contexts nest, and
    what an inner one says wins.
    """
    facts = {
        "action_name": name,
        "action_id": action_id,
        "tenant": tenant,
        "user_id": user_id,
        "team": team,
        "feature": feature,
        "session_id": session_id,
        "agent": agent,
        "environment": environment,
        "tags": tags,
    }

    def inner(outer: Scope, recorder: Recorder) -> Scope:
        drawn = {names.ACTION_ID: _hex(recorder)}
        said = {**outer.attributes, **drawn, **wire(facts)}
        return Scope(said, _trace(outer, recorder), outer.attempts)

    return Context(names.ACTION_ID, inner)


def request(request_id: str | None = None) -> Context:
    """Say that the calls in this block are attempts at one answer, numbered 0, 1, 2 …

    The request succeeds if its last attempt does. Until the block ends, `score` can still judge the
    last attempt. The request's id is drawn unless one is given.
    """

    def inner(outer: Scope, recorder: Recorder) -> Scope:
        drawn = {names.REQUEST_ID: _hex(recorder)}
        said = {**outer.attributes, **drawn, **wire({"request_id": request_id})}
        return Scope(said, _trace(outer, recorder), Attempts())

    return Context(names.REQUEST_ID, inner)


def _trace(outer: Scope, recorder: Recorder) -> int:
    return (
        current_parent()[0] or outer.trace_id or (recorder.ids.draw() << 64 | recorder.ids.draw())
    )


def _hex(recorder: Recorder) -> str:
    return f"{recorder.ids.draw():016x}"
