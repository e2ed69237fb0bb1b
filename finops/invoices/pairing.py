"""Put billed and captured side by side: a pair for each day, provider, model, tier, category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from finops.invoices.line import USAGE
from finops.invoices.rows import ZERO, BilledLine, CapturedHour, Key, Pair, Tokens


def pair_up(billed: Sequence[BilledLine], captured: Iterable[CapturedHour]) -> list[Pair]:
    """Return a pair for each key that either side has.

    A day of a provider whose costs name no model at all (an export that wasn't grouped by model) is
    one pair: all its models against the day's total.
    """
    whole = days_without_models(billed)
    lines: dict[Key, list[BilledLine]] = defaultdict(list)
    for line in billed:
        folded = line.category == USAGE and (line.day, line.provider) in whole
        model, tier = ("", "") if folded else (line.model, line.service_tier)
        lines[line.day, line.provider, model, tier, line.category].append(line)
    calls: dict[Key, list[CapturedHour]] = defaultdict(list)
    for hour in captured:
        day = hour.hour.date()
        folded = (day, hour.provider) in whole
        model, tier = ("", "") if folded else (hour.model, hour.service_tier)
        calls[day, hour.provider, model, tier, USAGE].append(hour)
    return [
        pair_of(key, lines.get(key, []), calls.get(key, []), (key[0], key[1]) in whole)
        for key in sorted(lines.keys() | calls.keys())
    ]


def days_without_models(billed: Iterable[BilledLine]) -> set[tuple[date, str]]:
    named: dict[tuple[date, str], bool] = {}
    for line in billed:
        if line.category == USAGE and line.priced:
            key = line.day, line.provider
            # A web search names no model and isn't the day's total, which has no meter either.
            named[key] = named.get(key, False) or bool(
                line.model or line.meter not in ("", "other")
            )
    return {key for key, has_models in named.items() if not has_models}


def pair_of(
    key: Key, lines: Sequence[BilledLine], hours: Sequence[CapturedHour], folded: bool
) -> Pair:
    priced = [line for line in lines if line.priced]
    foreign: dict[str, Decimal] = defaultdict(Decimal)
    sources: dict[str, Decimal] = defaultdict(Decimal)
    for line in priced:
        if line.usd is None:
            foreign[line.currency] += line.billed
        else:
            sources[line.source] += line.usd
    return Pair(
        key=key,
        billed_usd=None if foreign else sum(sources.values(), ZERO),
        captured_usd=sum((hour.usd for hour in hours), ZERO),
        billed_lines=len(priced) and sum(line.lines for line in priced),
        calls=sum(hour.calls for hour in hours),
        unpriced_calls=sum(hour.unpriced_calls for hour in hours),
        billed_tokens=tokens_billed(lines),
        captured_tokens=sum((hour.tokens for hour in hours), Tokens()),
        sources=dict(sources),
        foreign=dict(foreign),
        folded=folded and key[4] == USAGE,
    )


def tokens_billed(lines: Sequence[BilledLine]) -> Tokens | None:
    """Return the tokens that were billed: from the lines with money, else from usage exports."""
    for priced in (True, False):
        counts = [
            line.tokens for line in lines if line.priced is priced and line.tokens is not None
        ]
        if counts:
            return sum(counts, Tokens())
    return None
