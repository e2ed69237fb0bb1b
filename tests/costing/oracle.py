"""The charge job once more, in plain Python and Decimal: slow, obvious, and the judge of the SQL.

It takes whole rows of the table `calls` (as insert_calls returns them), all of one workspace and
within an hour of each other, and says what `charges` must hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from finops.pricing.in_force import list_prices
from finops.pricing.rate import BUCKETS, TIERS, Rate
from finops.pricing.resolve import resolve_model
from tests.costing.oracle_inferred import INFERRED, infer
from tests.costing.oracle_repeats import (
    INPUTS,
    OUTPUTS,
    TOKENS,
    Call,
    asked_of,
    ended_at,
    group,
    identity,
    is_hit,
    known,
    model_of,
    succeeded,
    take_over,
    tokens,
    uncounted,
)

WINDOW = timedelta(minutes=10)
MEASURES = {"page", "annotated_page", "character", "text_message", "audio_ms"}


@dataclass(frozen=True)
class Verdict:
    """What a call was in its request."""

    uncounted_reason: str
    last_attempt: bool
    request_succeeded: bool
    waste_class: str
    waste_inferred: bool = False


def judge(calls: Sequence[Call]) -> dict[tuple[str, str], Verdict]:
    """Say of each call what it was, by (trace, span)."""
    reasons, heirs = uncounted(calls)
    calls = infer(take_over(calls, reasons, heirs), reasons)
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
                waste_inferred=call["request_id"].startswith(INFERRED),
            )
    for call in successes:
        if any(repeats_prompt(call, other) for other in successes):
            verdict = verdicts[identity(call)]
            if verdict.waste_class == "clean":
                verdicts[identity(call)] = replace(verdict, waste_class="duplicate")
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
    silent = known(call) == 0 and not call["uses"]
    refused = silent and call["outcome"] in ("error", "rate_limited")
    free = refused or verdict.uncounted_reason != ""
    reason = "" if free else unpriced(call, rate)
    worth = {} if free or reason or rate is None else buckets(call, rate)
    total = sum((usd for usd in worth.values() if usd is not None), Decimal(0))
    saving = Decimal(0) if free or reason or rate is None else cache_saving(call, rate)
    if free or is_hit(call):
        return {
            **{f"{bucket}_usd": Decimal(0) for bucket in (*BUCKETS, "uses")},
            "cost_usd": Decimal(0),
            "list_usd": Decimal(0),
            "discount_saving_usd": Decimal(0),
            "unpriced_reason": "",
            "provider_cache_saving_usd": Decimal(0),
            "response_cache_saving_usd": None if free or reason else total,
        }
    return {
        **{f"{bucket}_usd": worth.get(bucket) for bucket in (*BUCKETS, "uses")},
        "cost_usd": None if reason else total,
        "list_usd": None if reason else total,
        "discount_saving_usd": None if reason else Decimal(0),
        "unpriced_reason": reason,
        "provider_cache_saving_usd": None if reason else saving,
        "response_cache_saving_usd": None,
    }


def complete(call: Call) -> bool:
    """Input is known; and output, where an answer was given that has some."""
    answers = ("", "chat", "completion", "text_completion", "generate_content")
    if call["uses"] and (call["operation"] not in answers or MEASURES & call["uses"].keys()):
        return True
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
    lacking = any(getattr(rate.prices, bucket) is None for bucket in used)
    by_use = {use for use, times in call["uses"].items() if times and use not in rate.uses}
    if known(call):
        by_use -= MEASURES
    return "no_rate" if lacking or by_use else ""


def buckets(call: Call, rate: Rate) -> dict[str, Decimal | None]:
    worth: dict[str, Decimal | None] = {"call": rate.prices.call and to_places(rate.prices.call)}
    for bucket in TOKENS:
        used, usd = call[f"{bucket}_tokens"], getattr(rate.prices, bucket)
        worth[bucket] = None if used is None else to_places(used * (usd or Decimal(0)))
    fees = [to_places(n * rate.uses.get(use, Decimal(0))) for use, n in call["uses"].items()]
    worth["uses"] = sum(fees, Decimal(0)) if fees else None
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
            "waste_inferred": int(verdict.waste_inferred),
            **price(call, verdict, rate_of(call)),
        }
        for call in calls
        for verdict in [verdicts[identity(call)]]
    }
