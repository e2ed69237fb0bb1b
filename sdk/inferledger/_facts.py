"""What may be said about a call, and the attribute that carries each fact.

`Facts` are the keyword arguments of `call` and `record`, `Traits` those of `track`. Each is checked
and bounded here, so that a wrong value costs one attribute and a log line, never the caller's call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from inferledger import attributes as names
from inferledger._log import say

type_of_value = str | bool | int | float | tuple[str, ...]
Attributes = dict[str, type_of_value]

Outcome = Literal["ok", "error", "timeout", "rate_limited", "oom", "cancelled"]
CacheLayer = Literal["none", "exact", "semantic", "retrieval", "embedding"]
UsageSource = Literal["provider", "estimated", "missing"]

MAX_TEXT = 256
MAX_TAGS = 32
MAX_TAG_NAME = 64


class Traits(TypedDict, total=False):
    """Keyword arguments that describe a call, whoever it is for; all optional."""

    operation: str
    provider: str
    model_served: str
    response_id: str
    finish_reason: str
    service_tier: str
    region: str
    stream: bool
    max_output_tokens: int
    timeout_ms: float
    queue_ms: float
    ttft_ms: float
    prompt_name: str
    prompt_version: str
    team: str
    environment: str
    agent: str
    action_id: str
    action_name: str
    request_id: str
    attempt: int
    outcome: Outcome
    error_type: str
    success: bool
    score: float
    cache_layer: CacheLayer
    cache_hit: bool
    usage_source: UsageSource
    tags: Mapping[str, object]


class Facts(Traits, total=False):
    """The same with those that `track` can also take from the arguments of each call."""

    model: str
    tenant: str
    user_id: str
    feature: str
    session_id: str


def _text(value: object) -> str | None:
    return str(value)[:MAX_TEXT] or None


def _count(value: Any) -> int | None:
    count = int(value)
    return count if count >= 0 else None


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _duration(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) and number >= 0 else None


def _reasons(value: object) -> tuple[str, ...] | None:
    return (str(value)[:MAX_TEXT],) if value else None


def _one_of(*allowed: str) -> Callable[[object], str | None]:
    def choose(value: object) -> str | None:
        return value if isinstance(value, str) and value in allowed else None

    return choose


def _outcome(value: object) -> str:
    if value not in _OUTCOMES:
        # Whatever was meant, it was not "ok".
        say("outcome", "an outcome that is none of %s was recorded as error", ", ".join(_OUTCOMES))
        return "error"
    return str(value)


_OUTCOMES = ("ok", "error", "timeout", "rate_limited", "oom", "cancelled")

_WIRE: Mapping[str, tuple[str, Callable[[Any], type_of_value | None]]] = {
    "operation": (names.OPERATION, _text),
    "provider": (names.PROVIDER, _text),
    "model": (names.REQUEST_MODEL, _text),
    "model_served": (names.RESPONSE_MODEL, _text),
    "response_id": (names.RESPONSE_ID, _text),
    "finish_reason": (names.FINISH_REASONS, _reasons),
    "service_tier": (names.SERVICE_TIER, _text),
    "region": (names.REGION, _text),
    "stream": (names.REQUEST_STREAM, bool),
    "max_output_tokens": (names.REQUEST_MAX_TOKENS, _count),
    "timeout_ms": (names.TIMEOUT_MS, _duration),
    "queue_ms": (names.QUEUE_MS, _duration),
    "ttft_ms": (names.TTFT_MS, _duration),
    "prompt_name": (names.PROMPT_NAME, _text),
    "prompt_version": (names.PROMPT_VERSION, _text),
    "tenant": (names.TENANT, _text),
    "user_id": (names.USER, _text),
    "team": (names.TEAM, _text),
    "feature": (names.FEATURE, _text),
    "environment": (names.ENVIRONMENT, _text),
    "session_id": (names.SESSION, _text),
    "agent": (names.AGENT, _text),
    "action_id": (names.ACTION_ID, _text),
    "action_name": (names.ACTION_NAME, _text),
    "request_id": (names.REQUEST_ID, _text),
    "attempt": (names.REQUEST_ATTEMPT, _count),
    "outcome": (names.OUTCOME, _outcome),
    "error_type": (names.ERROR_TYPE, _text),
    "success": (names.SUCCESS, bool),
    "score": (names.SCORE, _number),
    "cache_layer": (
        names.CACHE_LAYER,
        _one_of("none", "exact", "semantic", "retrieval", "embedding"),
    ),
    "cache_hit": (names.CACHE_HIT, bool),
    "usage_source": (names.USAGE_SOURCE, _one_of("provider", "estimated", "missing")),
}


def wire(facts: Mapping[str, Any]) -> Attributes:
    """Turn facts into span attributes; None is left out, a wrong value is left out and reported."""
    attributes: Attributes = {}
    for fact, value in facts.items():
        if value is None:
            continue
        try:
            found = wire_tags(value) if fact == "tags" else _wire_one(fact, value)
        except Exception:  # Whatever a caller's object raises when it is read.
            found = {}
        says_nothing = isinstance(value, str | dict) and not value
        if not found and not says_nothing:
            say(f"fact:{fact}", "%s has no usable value and was left out", fact)
        attributes.update(found)
    return attributes


def _wire_one(fact: str, value: Any) -> Attributes:
    if fact not in _WIRE:
        say(f"fact:{fact}", "%s is not known and was left out", fact)
        return {}
    name, convert = _WIRE[fact]
    found = convert(value)
    return {} if found is None else {name: found}


def wire_tags(tags: Mapping[str, object]) -> Attributes:
    """Turn free tags into attributes: at most 32, names up to 64 characters, values up to 256."""
    attributes: Attributes = {}
    for name, value in tags.items():
        if len(attributes) == MAX_TAGS:
            say("tags", "a call has more than %d tags; the rest was left out", MAX_TAGS)
            break
        if value is not None:
            attributes[names.TAG_PREFIX + str(name)[:MAX_TAG_NAME]] = str(value)[:MAX_TEXT]
    return attributes
