"""Record calls that are already over: back-fills, batch APIs, replayed traffic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Unpack

from inferledger import attributes as names
from inferledger._facts import Facts, wire
from inferledger._finish import finish, place, request_facts
from inferledger._hash import keyed_hash
from inferledger._log import say, say_broken
from inferledger._recorder import Recorder, current
from inferledger._scope import scope
from inferledger._span import nanoseconds
from inferledger._usage import Usage, wire_usage


def record(
    *,
    started_at: datetime,
    ended_at: datetime,
    usage: Usage | None = None,
    prompt: Any = None,
    answer: Any = None,
    **facts: Unpack[Facts],
) -> None:
    """Record one finished call with explicit, aware times.

    The contexts around it (`action`, `request`) apply where `facts` says nothing. `prompt` and
    `answer` are hashed, never sent. Nothing is raised: what can't be used is left out and logged.
    """
    try:
        recorder = current()
        if recorder is not None:
            _record(recorder, (started_at, ended_at), usage, (prompt, answer), facts)
    except Exception as error:
        say_broken("record", error)


def _record(
    recorder: Recorder,
    moments: tuple[datetime, datetime],
    usage: Usage | None,
    texts: tuple[Any, Any],
    facts: Facts,
) -> None:
    around = scope()
    said = wire(facts)
    if usage is not None:
        said.update(wire_usage(usage))
    for name, text in zip((names.PROMPT_HASH, names.ANSWER_HASH), texts, strict=True):
        if text is not None:
            said[name] = keyed_hash(text, recorder.hash_key)
    said.update(request_facts(recorder, around, said))
    times = (nanoseconds(_aware(moments[0])), nanoseconds(_aware(moments[1])))
    if times[1] < times[0]:
        say("order", "a call that ended before it started was recorded without duration")
    finish(recorder, around, said, place(recorder, around, None), times)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        return moment
    say("naive", "a time without a time zone was taken as UTC")
    return moment.replace(tzinfo=UTC)
