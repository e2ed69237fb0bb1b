"""The charge job once more, in plain Python and Decimal: slow, obvious, and the judge of the SQL.

It takes whole rows of the table `calls` (as insert_calls returns them), all of one workspace and
within an hour of each other, and says what `charges` must hold.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from finops.pricing.publish import list_prices
from finops.pricing.rate import BUCKETS, TIERS, Rate
from finops.pricing.resolve import PROVIDERS, resolve_model

Call = Mapping[str, Any]
Identity = tuple[str, str]
# Rows that repeat others, with those that take over what they say of the request.
Repeats = dict[Identity, set[Identity]]
INPUTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in", "image_in")
OUTPUTS = ("output", "reasoning", "audio_out")
TOKENS = (*INPUTS, *OUTPUTS)
WINDOW = timedelta(minutes=10)
SLACK = timedelta(milliseconds=20)
OWN_TRACERS = {"com.anthropic.sdk.python", "mistralai_sdk_tracer"}
AGGREGATES = {"invoke_agent", "create_agent", "invoke_workflow", "agent", "workflow"}
AGGREGATES |= {"task", "chain", "plan", "execute_tool"}
ANSWERS = {"", "chat", "completion", "text_completion", "generate_content", "embeddings"}


@dataclass(frozen=True)
class Verdict:
    """What a call was in its request."""

    uncounted_reason: str
    last_attempt: bool
    request_succeeded: bool
    waste_class: str


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


def judge(calls: Sequence[Call]) -> dict[tuple[str, str], Verdict]:
    """Say of each call what it was, by (trace, span)."""
    reasons, heirs = uncounted(calls)
    calls = take_over(calls, reasons, heirs)
    verdicts = {}
    successes = []
    for attempts in group(calls, lambda c: c["request_id"] or identity(c)).values():
        counted = [call for call in attempts if identity(call) not in reasons]
        ranked = sorted(
            counted or attempts,
            key=lambda c: (c["attempt"], c["started_at"], c["span_id"], c["trace_id"]),
        )
        last = ranked[-1]
        if counted and succeeded(last):
            successes.append(last)
        for call in attempts:
            reason = reasons.get(identity(call), "")
            verdicts[identity(call)] = Verdict(
                uncounted_reason=reason,
                last_attempt=call is last and not reason,
                request_succeeded=succeeded(last),
                waste_class="" if reason else waste(call, last),
            )
    for call in successes:
        if any(repeats_prompt(call, other) for other in successes):
            verdict = verdicts[identity(call)]
            if verdict.waste_class == "clean":
                verdicts[identity(call)] = Verdict("", True, True, "duplicate")
    return verdicts


def waste(call: Call, last: Call) -> str:
    if call["outcome"] == "cancelled" and not succeeded(call):
        return "aborted"
    if not succeeded(last):
        return "failed"
    if call is last:
        return "clean"
    same = (call["provider"], asked_of(call)) == (last["provider"], asked_of(last))
    if call["model_served"] and last["model_served"]:
        same = same and call["model_served"] == last["model_served"]
    return "retry" if same else "fallback"


def ended_at(call: Call) -> datetime:
    started: datetime = call["started_at"]
    return started + timedelta(milliseconds=call["duration_ms"])


def repeats_prompt(call: Call, earlier: Call) -> bool:
    same = ("tenant", "user_id", "operation", "prompt_hash")
    return (
        call["prompt_hash"] != 0
        and all(call[name] == earlier[name] for name in same)
        and timedelta(0) < call["started_at"] - ended_at(earlier) <= WINDOW
    )


def rate_of(call: Call) -> Rate | None:
    """Return the one list price that holds for a call."""
    key = resolve_model(call["provider"], model_of(call))
    if key is None:
        return None
    second = call["started_at"].hour * 3600 + call["started_at"].minute * 60
    second += call["started_at"].second
    total = tokens(call, INPUTS)
    matching = [
        rate
        for rate in list_prices()
        if (rate.provider, rate.model) == (key.provider, key.model)
        and (rate.context_above == 0 or total > rate.context_above)
        and total <= rate.context_upto
        and rate.valid_from <= call["started_at"] < rate.valid_to
        and rate.daily_from_s <= second < rate.daily_to_s
    ]
    tier = call["service_tier"].lower()
    wanted = [rate for rate in matching if tier in TIERS and rate.service_tier == tier]
    found = wanted or [rate for rate in matching if rate.service_tier == ""]
    assert len(found) <= 1, "two rates hold at once"
    return found[0] if found else None


def to_places(usd: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return usd.quantize(Decimal("1e-12"), ROUND_HALF_UP)


def price(call: Call, verdict: Verdict, rate: Rate | None) -> dict[str, Any]:
    """Return the money columns of a charge."""
    refused = known(call) == 0 and call["outcome"] in ("error", "rate_limited")
    free = refused or verdict.uncounted_reason != ""
    reason = "" if free else unpriced(call, rate)
    worth = {} if free or reason or rate is None else buckets(call, rate)
    total = sum((usd for usd in worth.values() if usd is not None), Decimal(0))
    saving = Decimal(0) if free or reason or rate is None else cache_saving(call, rate)
    if free or is_hit(call):
        return {
            **{f"{bucket}_usd": Decimal(0) for bucket in BUCKETS},
            "cost_usd": Decimal(0),
            "unpriced_reason": "",
            "provider_cache_saving_usd": Decimal(0),
            "response_cache_saving_usd": None if free or reason else total,
        }
    return {
        **{f"{bucket}_usd": worth.get(bucket) for bucket in BUCKETS},
        "cost_usd": None if reason else total,
        "unpriced_reason": reason,
        "provider_cache_saving_usd": None if reason else saving,
        "response_cache_saving_usd": None,
    }


def complete(call: Call) -> bool:
    """Input is known; and output, where an answer was given that has some."""
    answers = ("", "chat", "completion", "text_completion", "generate_content")
    silent = call["outcome"] != "ok" or call["operation"] not in answers
    return said(call, INPUTS) and (silent or said(call, OUTPUTS))


def said(call: Call, buckets: tuple[str, ...]) -> bool:
    return any(call[f"{bucket}_tokens"] is not None for bucket in buckets)


def unpriced(call: Call, rate: Rate | None) -> str:
    if not model_of(call):
        return "no_model"
    if rate is None:
        return "no_rate"
    if not complete(call):
        return "no_usage"
    used = [bucket for bucket in TOKENS if call[f"{bucket}_tokens"]]
    return "no_rate" if any(getattr(rate.prices, bucket) is None for bucket in used) else ""


def buckets(call: Call, rate: Rate) -> dict[str, Decimal | None]:
    worth: dict[str, Decimal | None] = {"call": rate.prices.call and to_places(rate.prices.call)}
    for bucket in TOKENS:
        used, usd = call[f"{bucket}_tokens"], getattr(rate.prices, bucket)
        worth[bucket] = None if used is None else to_places(used * (usd or Decimal(0)))
    return worth


def cache_saving(call: Call, rate: Rate) -> Decimal:
    p = rate.prices
    if p.input is None:
        return Decimal(0)
    with localcontext() as context:
        context.prec = 60
        saving = (call["cache_read_tokens"] or 0) * (p.input - (p.cache_read or 0))
        saving -= (call["cache_write_5m_tokens"] or 0) * ((p.cache_write_5m or 0) - p.input)
        saving -= (call["cache_write_1h_tokens"] or 0) * ((p.cache_write_1h or 0) - p.input)
    return to_places(saving)


def charge_all(calls: Sequence[Call]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the ledger must say of each call, by (trace, span)."""
    verdicts = judge(calls)
    return {
        identity(call): {
            "counted": int(verdict.uncounted_reason == ""),
            "uncounted_reason": verdict.uncounted_reason,
            "last_attempt": int(verdict.last_attempt),
            "request_succeeded": int(verdict.request_succeeded),
            "waste_class": verdict.waste_class,
            **price(call, verdict, rate_of(call)),
        }
        for call in calls
        for verdict in [verdicts[identity(call)]]
    }
