"""Hand one drawn request to the SDK, as the application that made it would have."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import inferledger
from finops.demo.attempts import TIMEOUT_MS, Attempt
from finops.demo.draw import Request


def send(request: Request, token: str, ends_at: datetime) -> None:
    """Record every attempt of a request; its ids start with the token of the play."""
    client = request.client
    arrived_at = ends_at - timedelta(seconds=request.before_end_s)
    around = inferledger.action(
        client.action,
        action_id=f"{token}-a{request.action}",
        tenant=client.tenant or None,
        user_id=request.user_id,
        team=client.team or None,
        feature=client.feature,
        environment=client.environment,
    )
    with around, inferledger.request(f"{token}-{request.number}"):
        for number, attempt in enumerate(request.attempts):
            response_id = f"{token}-{request.number}-{number}"
            record(attempt, arrived_at, request.prompt, client.stream, response_id)


def record(
    attempt: Attempt, arrived_at: datetime, prompt: str, stream: bool, response_id: str
) -> None:
    started_at = arrived_at + timedelta(milliseconds=attempt.after_ms)
    inferledger.record(
        started_at=started_at,
        ended_at=started_at + timedelta(milliseconds=attempt.duration_ms),
        usage=usage_of(attempt),
        prompt=prompt,
        provider=attempt.model.provider,
        model=attempt.model.name,
        stream=stream,
        timeout_ms=TIMEOUT_MS,
        **result_of(attempt, response_id),
    )


def result_of(attempt: Attempt, response_id: str) -> dict[str, Any]:
    """What an application knows once the call is over."""
    facts: dict[str, Any] = {"outcome": attempt.outcome}
    if attempt.ttft_ms is not None:
        facts["ttft_ms"] = attempt.ttft_ms
    if attempt.error_type:
        facts["error_type"] = attempt.error_type
    if attempt.outcome == "ok":
        facts["response_id"] = response_id
        facts["finish_reason"] = attempt.model.finish_reason
        if not attempt.usable:
            facts["success"] = False
    elif attempt.tokens is not None:
        # of an answer that was cut short the provider never said what it counted
        facts["usage_source"] = "estimated"
    return facts


def usage_of(attempt: Attempt) -> inferledger.Usage | None:
    tokens = attempt.tokens
    if tokens is None:
        return None
    return inferledger.Usage(
        input=tokens.input,
        cache_read=tokens.cache_read or None,
        cache_write_5m=tokens.cache_write or None,
        output=tokens.output,
        reasoning=tokens.reasoning if attempt.model.reasons else None,
    )
