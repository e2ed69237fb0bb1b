"""Finish a call: put together what is known of it and hand it to the recorder."""

from __future__ import annotations

from dataclasses import dataclass

from inferledger import attributes as names
from inferledger._facts import Attributes
from inferledger._recorder import Recorder
from inferledger._scope import Scope
from inferledger._span import Span, current_parent


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: its trace, its own id and its parent's (0 = none)."""

    trace_id: int
    span_id: int
    parent_span_id: int
    opentelemetry_span_id: int


def place(recorder: Recorder, scope: Scope, outer: Place | None) -> Place:
    """Join the tracked call around, else the current OpenTelemetry trace, else the scope's."""
    draw = recorder.ids.draw
    trace_id, parent = current_parent()
    if outer is not None and parent == outer.opentelemetry_span_id:
        return Place(outer.trace_id, draw(), outer.span_id, parent)
    return Place(trace_id or scope.trace_id or (draw() << 64 | draw()), draw(), parent, parent)


def request_facts(recorder: Recorder, scope: Scope, said: Attributes) -> Attributes:
    """The request a call belongs to and its attempt: as said, else the scope's, else its own."""
    attempt = said.get(names.REQUEST_ATTEMPT)
    request_id = said.get(names.REQUEST_ID)
    if request_id is None and scope.attempts is not None:
        request_id = scope.attributes[names.REQUEST_ID]
        attempt = scope.attempts.number() if attempt is None else attempt
    if request_id is None:
        request_id = f"{recorder.ids.draw():016x}"
    return {
        names.REQUEST_ID: request_id,
        names.REQUEST_ATTEMPT: attempt if attempt is not None else 0,
    }


def finish(
    recorder: Recorder,
    scope: Scope,
    said: Attributes,
    place: Place,
    times: tuple[int, int],
) -> None:
    """Send a call on its way; inside a request its last attempt is kept back to be judged."""
    attributes = {**recorder.defaults, **scope.attributes, **said}
    attributes.setdefault(names.OPERATION, "chat")
    attributes.setdefault(names.OUTCOME, "ok")
    counted = names.INPUT_TOKENS in attributes or names.OUTPUT_TOKENS in attributes
    attributes.setdefault(names.USAGE_SOURCE, "provider" if counted else "missing")
    _add_conventional_names(attributes)
    model = attributes.get(names.REQUEST_MODEL) or attributes.get(names.RESPONSE_MODEL) or ""
    span = Span(
        name=f"{attributes[names.OPERATION]} {model}".rstrip(),
        trace_id=place.trace_id,
        span_id=place.span_id,
        parent_span_id=place.parent_span_id,
        started_ns=times[0],
        ended_ns=max(times),
        failed=attributes[names.OUTCOME] != "ok",
        attributes=attributes,
    )
    if scope.attempts is not None:
        scope.attempts.finish(recorder, span)
    else:
        recorder.take(span)


def _add_conventional_names(attributes: Attributes) -> None:
    # For other OpenTelemetry backends, which know these facts by the conventions' names.
    ttft_ms = attributes.get(names.TTFT_MS)
    if isinstance(ttft_ms, float):
        attributes[names.TIME_TO_FIRST_CHUNK] = ttft_ms / 1000
    tier = attributes.get(names.SERVICE_TIER)
    if tier is not None and attributes.get(names.PROVIDER) == "openai":
        attributes[names.OPENAI_SERVICE_TIER] = tier
