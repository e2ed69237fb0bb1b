"""Each attempt that the server sees, as a call in the ledger, by the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import inferledger
from finops.engine.serve.attempts import Attempt
from finops.engine.serve.openai_requests import Asked, ChatAsked, CompletionAsked
from finops.engine.serve.serving import ANSWERED, End, Serving

READ_TIMEOUT = b"x-stainless-read-timeout"
# How much shorter the silence may look from here: the client's clock starts before ours, by the
# network and by what a busy machine takes to notice. Never more than half.
LATE_SHARE, LATE_MS = 0.1, 250.0
# Fields of `metadata` that say for whom and why; the rest become tags.
FOR_WHOM = (
    "tenant",
    "team",
    "feature",
    "environment",
    "session_id",
    "agent",
    "action_id",
    "action_name",
    "prompt_name",
    "prompt_version",
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request at the door: its headers, when it came (wall time and the clock's), which try."""

    headers: Mapping[bytes, bytes]
    at: datetime
    at_ps: int
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: when, why, and the silence before, both in the clock's picoseconds."""

    end: End | None
    at_ps: int
    silent_ps: int
    response_id: str
    refused: str = ""


class Record(Protocol):
    """Takes attempts that are over."""

    def __call__(
        self, asked: Asked, arrived: Arrived, ended: Ended, serving: Serving | None
    ) -> None: ...


class ServerLedger:
    """Records attempts under a provider's name, the model's name being the one that is served."""

    def __init__(self, provider: str, model: str) -> None:
        self.provider = provider
        self.model = model

    def __call__(
        self, asked: Asked, arrived: Arrived, ended: Ended, serving: Serving | None
    ) -> None:
        """Record one; a `serving` of None was refused at the door and used nothing."""
        limit_ms = read_timeout_ms(arrived.headers)
        facts: inferledger.Facts = {
            "operation": "chat" if isinstance(asked, ChatAsked) else "text_completion",
            "provider": self.provider,
            "model": asked.model,
            "model_served": self.model,
            "response_id": ended.response_id,
            "request_id": arrived.attempt.request_id,
            "attempt": arrived.attempt.number,
            "stream": bool(asked.stream),
            **outcome_of(ended, limit_ms),
            **measured(serving, ended),
            **for_whom(asked),
        }
        if asked.limit is not None:
            facts["max_output_tokens"] = asked.limit
        if limit_ms is not None:
            facts["timeout_ms"] = limit_ms
        took = timedelta(microseconds=(ended.at_ps - arrived.at_ps) // 10**6)
        token = context.attach(trace_of(arrived.headers))
        try:
            inferledger.record(
                started_at=arrived.at,
                ended_at=arrived.at + took,
                usage=usage_of(serving),
                prompt=prompt_of(asked),
                **facts,
            )
        finally:
            context.detach(token)


def read_timeout_ms(headers: Mapping[bytes, bytes]) -> float | None:
    """How long the client said it waits for the next byte."""
    try:
        seconds = float(headers.get(READ_TIMEOUT, b""))
    except ValueError:
        return None
    return seconds * 1000 if 0 < seconds < 1e6 else None


def outcome_of(ended: Ended, limit_ms: float | None) -> inferledger.Facts:
    """A client that left after as much silence as it said it bears has timed out."""
    if ended.refused:
        limited = ended.refused == "queue_full"
        return {
            "outcome": "rate_limited" if limited else "error",
            "error_type": ended.refused,
        }
    if ended.end in ANSWERED:
        return {"outcome": "ok", "finish_reason": ended.end}
    if ended.end == "cancelled":
        silent_ms = ended.silent_ps / 10**9
        if limit_ms is not None and silent_ms >= least_silence_ms(limit_ms):
            return {"outcome": "timeout", "error_type": "client_timeout"}
        return {"outcome": "cancelled", "error_type": "client_disconnected"}
    if ended.end == "timeout":
        return {"outcome": "timeout", "error_type": "deadline_passed"}
    return {"outcome": "oom" if ended.end == "oom" else "error", "error_type": "engine_failed"}


def least_silence_ms(limit_ms: float) -> float:
    """The silence from which on a client that bears `limit_ms` of it must have timed out."""
    return max(0.5 * limit_ms, limit_ms - max(LATE_SHARE * limit_ms, LATE_MS))


def measured(serving: Serving | None, ended: Ended) -> inferledger.Facts:
    """Time in the queue and to the first token, in milliseconds."""
    if serving is None:
        return {}
    seq = serving.seq
    started = seq.scheduled if seq.scheduled >= 0 else ended.at_ps
    facts: inferledger.Facts = {"queue_ms": max(0, started - seq.arrival) / 10**9}
    if seq.first >= 0:
        facts["ttft_ms"] = (seq.first - seq.arrival) / 10**9
    return facts


def usage_of(serving: Serving | None) -> inferledger.Usage:
    """What was computed, whether or not anybody got it."""
    if serving is None:
        return inferledger.Usage(input=0, output=0)
    cached = min(serving.seq.cached, serving.computed)
    return inferledger.Usage(
        input=serving.computed - cached, cache_read=cached, output=serving.seq.generated
    )


def for_whom(asked: Asked) -> inferledger.Facts:
    """Who asked, as `user` and `metadata` say."""
    given = dict(asked.metadata or {})
    facts: dict[str, Any] = {name: given.pop(name) for name in FOR_WHOM if name in given}
    facts["user_id"] = given.pop("user_id", None) or asked.user or asked.safety_identifier
    facts["tags"] = given
    said: Any = {name: value for name, value in facts.items() if value}
    found: inferledger.Facts = said
    return found


def prompt_of(asked: Asked) -> Any:
    """What the SDK hashes, so that equal prompts are found."""
    if isinstance(asked, ChatAsked):
        return [message.model_dump(mode="json") for message in asked.messages]
    return asked.prompt if isinstance(asked, CompletionAsked) else None


def trace_of(headers: Mapping[bytes, bytes]) -> context.Context:
    """The trace that the client's `traceparent` names, if it sends one."""
    carrier = {
        name: headers[name.encode()].decode("latin-1")
        for name in ("traceparent", "tracestate")
        if name.encode() in headers
    }
    return TraceContextTextMapPropagator().extract(carrier, context.Context())
