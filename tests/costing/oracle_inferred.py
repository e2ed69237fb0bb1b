"""Which calls of clients that send no request id try the same thing again: in plain Python.

The part of oracle.py that mirrors finops/costing/inferred.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from tests.costing.oracle_repeats import Call, Identity, ended_at, group, identity

PATIENCE = timedelta(minutes=5)
FAILURES = ("error", "timeout", "rate_limited", "oom")
INFERRED = "inferred"


def infer(calls: Sequence[Call], reasons: Iterable[Identity]) -> list[Call]:
    """Give calls that name no request, and follow upon a failure of the same, one together."""
    uncounted = set(reasons)
    seeking = [
        call
        for call in calls
        if call["prompt_hash"] and not call["request_id"] and identity(call) not in uncounted
    ]
    named: dict[Identity, tuple[str, int]] = {}
    for same in group(seeking, wish_of).values():
        chain: list[Call] = []
        for call in sorted(same, key=lambda c: (c["started_at"], c["span_id"], c["trace_id"])):
            chain = [*chain, call] if chain and tries_again(call, chain[-1]) else [call]
            if len(chain) > 1:
                first = INFERRED + "".join(identity(chain[0]))
                named |= {identity(c): (first, place) for place, c in enumerate(chain)}
    return [
        {**call, "request_id": named[identity(call)][0], "attempt": named[identity(call)][1]}
        if identity(call) in named
        else call
        for call in calls
    ]


def wish_of(call: Call) -> tuple[object, ...]:
    action = call["action_id"] or ("trace", call["trace_id"])
    return action, *(call[n] for n in ("tenant", "user_id", "operation", "prompt_hash"))


def tries_again(call: Call, before: Call) -> bool:
    waited = call["started_at"] - ended_at(before)
    return before["outcome"] in FAILURES and timedelta(0) <= waited <= PATIENCE
