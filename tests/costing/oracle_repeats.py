"""Which rows repeat others, and what they leave to those that count: in plain Python.

The half of oracle.py that mirrors finops/costing/repeats.py and bequeath.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from finops.pricing.resolve import PROVIDERS

Call = Mapping[str, Any]
Identity = tuple[str, str]
# Rows that repeat others, with those that take over what they say of the request.
Repeats = dict[Identity, set[Identity]]
INPUTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in", "image_in")
OUTPUTS = ("output", "reasoning", "audio_out", "image_out")
TOKENS = (*INPUTS, *OUTPUTS)
SLACK = timedelta(milliseconds=20)
OWN_TRACERS = {"com.anthropic.sdk.python", "mistralai_sdk_tracer"}
AGGREGATES = {"invoke_agent", "create_agent", "invoke_workflow", "agent", "workflow"}
AGGREGATES |= {"task", "chain", "plan", "execute_tool"}
ANSWERS = {"", "chat", "completion", "text_completion", "generate_content", "embeddings"}


def tokens(call: Call, buckets: Iterable[str]) -> int:
    return sum(call[f"{bucket}_tokens"] or 0 for bucket in buckets)


def known(call: Call) -> int:
    return sum(call[f"{bucket}_tokens"] is not None for bucket in TOKENS)


def is_hit(call: Call) -> bool:
    layer, operation = call["cache_layer"], call["operation"]
    replaced = layer in ("exact", "semantic") or (layer, operation) in {
        ("embedding", "embeddings"),
        ("retrieval", "retrieval"),
        ("retrieval", "rerank"),
    }
    return call["cache_hit"] == 1 and replaced


def succeeded(call: Call) -> bool:
    if call["success"] is not None:
        return bool(call["success"])
    return bool(call["outcome"] == "ok")


def model_of(call: Call) -> str:
    return str(call["model_served"] or call["model_requested"])


def asked_of(call: Call) -> str:
    return str(call["model_requested"] or call["model_served"])


def identity(call: Call) -> tuple[str, str]:
    return call["trace_id"], call["span_id"]


def group(calls: Sequence[Call], key: Callable[[Call], Any]) -> dict[Any, list[Call]]:
    groups = defaultdict(list)
    for call in calls:
        groups[key(call)].append(call)
    return groups


def repeated_responses(calls: Sequence[Call]) -> Repeats:
    """Every span of a provider response but the one that knows most, then the earliest."""
    carrying = [call for call in calls if names_a_response(call) and not is_hit(call)]
    repeated: Repeats = {}
    for same in group(carrying, lambda c: (canonical(c["provider"]), c["response_id"])).values():
        ranked = sorted(
            same,
            key=lambda c: (-known(c), c["tenant"] == "", c["started_at"], *identity(c)),
        )
        repeated |= {identity(call): {identity(ranked[0])} for call in ranked[1:]}
    return repeated


def names_a_response(call: Call) -> bool:
    """Ollama counts its responses from chatcmpl-0 to chatcmpl-999 and starts again."""
    return bool(call["response_id"]) and not re.fullmatch(r"chatcmpl-\d{1,3}", call["response_id"])


def canonical(provider: str) -> str:
    return PROVIDERS.get(provider.lower(), provider.lower())


def scope_of(call: Call) -> str:
    """The emitter without its version; names of packages may begin with @."""
    name, at, version = str(call["emitter"]).rpartition("@")
    return name if name and at and "/" not in version else str(call["emitter"])


def names_of(call: Call) -> set[str]:
    names = (asked_of(call), call["model_served"])
    return {name.rpartition("/")[2].lower() for name in names} - {""}


def lies_within(inner: Call, outer: Call) -> bool:
    return bool(
        inner["started_at"] >= outer["started_at"] - SLACK
        and ended_at(inner) <= ended_at(outer) + SLACK
    )


def vague(call: Call) -> bool:
    return not known(call) or tokens(call, INPUTS) == 0


def traces_itself(call: Call) -> bool:
    return scope_of(call) in OWN_TRACERS


def can_meet(call: Call, other: Call) -> bool:
    """Say whether two rows are near enough to be of one call."""
    if call["trace_id"] == other["trace_id"]:
        return True
    seconds = abs(int(call["started_at"].timestamp()) - int(other["started_at"].timestamp()))
    return (
        call["service"] == other["service"]
        and seconds <= 1
        and (not vague(call) or traces_itself(call) != traces_itself(other))
    )


def says_the_same(call: Call, other: Call) -> bool:
    """Say whether the usage or the end of `other` is what `call` says, or leaves out."""
    output = tokens(call, OUTPUTS)
    same_output = known(other) > 0 and tokens(other, OUTPUTS) == output
    if known(call):
        if same_output and tokens(call, INPUTS) == tokens(other, INPUTS):
            return True
        return vague(call) and same_output and tokens(other, INPUTS) > 0
    return bool(
        (call["outcome"] == "ok") == (other["outcome"] == "ok")
        or lies_within(other, call)
        or (traces_itself(call) and not known(other))
    )


def can_be_twin(call: Call, other: Call) -> bool:
    """Say whether `other` may be what another instrumentation saw of `call`."""
    return bool(
        can_meet(call, other)
        and scope_of(call) != scope_of(other)
        and not (call["response_id"] and other["response_id"])
        and (not names_of(call) or not names_of(other) or bool(names_of(call) & names_of(other)))
        and (lies_within(call, other) or lies_within(other, call))
        and says_the_same(call, other)
    )


def rank(call: Call) -> tuple[Any, ...]:
    return (
        known(call) > 0,
        tokens(call, INPUTS) > 0,
        known(call),
        call["response_id"] != "",
        not known(call) and call["outcome"] != "ok",
        call["tenant"] != "",
        -(ended_at(call) - call["started_at"]),
        scope_of(call),
    )


def twins(calls: Sequence[Call], repeated: Repeats) -> Repeats:
    """Every call whose nearest twin of some other scope knows more of it.

    A row that another span of its response was kept for stands for that one.
    """
    plain = [c for c in calls if not is_hit(c) and c["operation"] not in AGGREGATES]
    found: Repeats = defaultdict(set)
    for call in plain:
        if identity(call) in repeated:
            continue
        own = {row for row, kept in repeated.items() if identity(call) in kept}
        seen = [c for c in plain if identity(c) not in own and can_be_twin(call, c)]
        for same in group(seen, scope_of).values():
            nearest = min(same, key=lambda c: abs(c["started_at"] - call["started_at"]))
            if identity(nearest) in repeated or rank(nearest) > rank(call):
                found[identity(call)] |= repeated.get(identity(nearest), {identity(nearest)})
    return found


def summed_up(calls: Sequence[Call]) -> Repeats:
    """Every agent's step in whose time and trace another known call lies."""
    found: Repeats = defaultdict(set)
    pairs = (
        (identity(step), identity(call))
        for step in calls
        if step["operation"] in AGGREGATES
        for call in calls
        if call["trace_id"] == step["trace_id"] and identity(call) != identity(step)
        if known(call) and lies_within(call, step)
        if call["operation"] not in AGGREGATES or extent(step) < extent(call)
    )
    for step, call in pairs:
        found[step].add(call)
    return found


def extent(call: Call) -> tuple[Any, ...]:
    return call["started_at"], -ended_at(call).timestamp()


def repeats_children(call: Call, children: Sequence[Call]) -> bool:
    informed = [child for child in children if known(child)]
    some_ok = any(child["outcome"] == "ok" for child in informed)
    if informed and call["outcome"] == "ok" and not some_ok:
        return False
    if not known(call):
        alike = any(end_of(child) == end_of(call) for child in children)
        return call["operation"] in ANSWERS and (bool(informed) or alike)
    return bool(informed) and all(
        tokens(call, side) == sum(tokens(child, side) for child in informed)
        for side in (INPUTS, OUTPUTS)
    )


def end_of(call: Call) -> tuple[bool, bool, str]:
    asked = asked_of(call).rpartition("/")[2].lower()
    return call["outcome"] == "ok", call["outcome"] == "cancelled", asked


def parents(calls: Sequence[Call]) -> Repeats:
    """Every call that only wraps its children, or repeats their sum."""
    by_parent = group(calls, lambda c: (c["trace_id"], c["parent_span_id"]))
    return {
        identity(call): {identity(child) for child in informed or children}
        for call in calls
        for children in [by_parent.get(identity(call), [])]
        for informed in [[child for child in children if known(child)]]
        if repeats_children(call, children)
    }


def uncounted(calls: Sequence[Call]) -> tuple[dict[Identity, str], Repeats]:
    """Return why a row doesn't count, and who takes over from it."""
    reasons: dict[Identity, str] = {}
    heirs: Repeats = {}
    heirs |= repeated_responses(calls)
    reasons |= dict.fromkeys(heirs, "response_repeated")
    alike = twins(calls, heirs)
    heirs |= alike
    reasons |= dict.fromkeys(alike, "twin")
    for reason, find in (
        ("parent_of_usage", summed_up),
        ("parent_of_usage", parents),
    ):
        found = find([call for call in calls if identity(call) not in reasons])
        reasons |= dict.fromkeys(found, reason)
        heirs |= found
    further = {
        row: {grand for heir in kept for grand in heirs.get(heir, ())}
        for row, kept in heirs.items()
    }
    return reasons, {row: kept | further[row] for row, kept in heirs.items()}


def take_over(calls: Sequence[Call], reasons: Mapping[Identity, str], heirs: Repeats) -> list[Call]:
    """Give calls that count, and name no request, the request of a row that repeats them."""
    taken: list[Call] = []
    for call in calls:
        before = [
            other
            for other in calls
            if other["request_id"] and identity(call) in heirs.get(identity(other), ())
        ]
        if not call["request_id"] and before and identity(call) not in reasons:
            first = min(before, key=lambda c: c["started_at"])
            taken.append({**call, **{n: first[n] for n in ("request_id", "attempt")}})
        else:
            taken.append(call)
    return taken


def ended_at(call: Call) -> datetime:
    started: datetime = call["started_at"]
    return started + timedelta(milliseconds=call["duration_ms"])
