"""Reconcile: captured against billed, by day and model, with the gap and its reason; pure.

The gaps sum to billed - captured exactly. Capture rate = captured / billed usage in USD, on the
days up to the provider's last billed one; credits, taxes and fees have no part in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from finops.invoices.boundary import cancelling_days, explaining_offset
from finops.invoices.line import USAGE
from finops.invoices.pairing import pair_up
from finops.invoices.reasons import Reason, Setting, find_reason
from finops.invoices.rows import ZERO, BilledLine, CapturedHour, Pair, Terms, Tokens

FEWEST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the reconciliation."""

    day: date
    provider: str
    model: str
    service_tier: str
    category: str
    billed_usd: Decimal | None
    captured_usd: Decimal
    gap_usd: Decimal | None
    reason: str
    evidence: str
    calls: int
    unpriced_calls: int
    billed_tokens: Tokens | None
    captured_tokens: Tokens
    foreign: Mapping[str, Decimal]
    all_models: bool

    @property
    def gap_share(self) -> Decimal | None:
        """gap / billed; None where nothing was billed."""
        if self.gap_usd is None or not self.billed_usd:
            return None
        return self.gap_usd / self.billed_usd


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of rows in USD. `captured_aside_usd` stands against amounts in other currencies."""

    billed_usd: Decimal = ZERO
    captured_usd: Decimal = ZERO
    gap_usd: Decimal = ZERO
    billed_usage_usd: Decimal = ZERO
    captured_of_billed_usd: Decimal = ZERO
    captured_aside_usd: Decimal = ZERO
    foreign: Mapping[str, Decimal] = field(default_factory=dict)
    by_reason: Mapping[str, Decimal] = field(default_factory=dict)
    last_billed: date | None = None

    @property
    def capture_rate(self) -> Decimal | None:
        """captured / billed usage; None where no usage was billed."""
        if self.billed_usage_usd <= 0:
            return None
        return self.captured_of_billed_usd / self.billed_usage_usd


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Rows by day, and their sums: in all, by provider, by day.

    `not_invoiced` is what was captured of providers that no line of the range is from, in USD.
    """

    rows: list[Row]
    total: Sums
    providers: dict[str, Sums]
    days: dict[date, Sums]
    not_invoiced: dict[str, Decimal]


def reconcile(
    billed: Sequence[BilledLine],
    captured: Sequence[CapturedHour],
    days: Sequence[date],
    terms: Terms,
) -> Reconciliation:
    """Compare both sides on `days`; `captured` may reach a day further on either side."""
    wanted = set(days)
    lines = [line for line in billed if line.day in wanted]
    billing = {line.provider for line in lines}
    inside = [hour for hour in captured if hour.hour.date() in wanted]
    pairs = pair_up(lines, [hour for hour in inside if hour.provider in billing])
    last = last_billed(lines)
    settings = around(pairs, lines, captured, terms)
    rows = [
        row_of(pair, find_reason(pair, with_bill(settings[pair.key], pair, last), terms))
        for pair in pairs
    ]
    not_invoiced: dict[str, Decimal] = defaultdict(Decimal)
    for hour in inside:
        if hour.provider not in billing:
            not_invoiced[hour.provider] += hour.usd
    by_provider: dict[str, list[Row]] = {name: [] for name in sorted(billing)}
    by_day: dict[date, list[Row]] = {day: [] for day in days}
    for row in rows:
        by_provider[row.provider].append(row)
        by_day[row.day].append(row)
    return Reconciliation(
        rows=rows,
        total=sums_of(rows, last),
        providers={name: sums_of(own, last) for name, own in by_provider.items()},
        days={day: sums_of(own, last) for day, own in by_day.items()},
        not_invoiced=dict(sorted(not_invoiced.items())),
    )


def last_billed(lines: Iterable[BilledLine]) -> dict[str, date]:
    last: dict[str, date] = {}
    for line in lines:
        if line.priced and line.category == USAGE:
            last[line.provider] = max(last.get(line.provider, line.day), line.day)
    return last


def with_bill(setting: Setting, pair: Pair, last: Mapping[str, date]) -> Setting:
    ends = last.get(pair.key[1])
    after = ends is None or pair.day > ends
    return Setting(setting.offset_h, setting.neighbour, setting.steady_ratio, after)


def around(
    pairs: Sequence[Pair],
    lines: Sequence[BilledLine],
    captured: Sequence[CapturedHour],
    terms: Terms,
) -> dict[tuple[date, str, str, str, str], Setting]:
    """Return for each pair what its neighbours tell: offset, cancelling day, a steady ratio."""
    series: dict[tuple[str, str, str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        series[pair.key[1:]].append(pair)
    offsets = provider_offsets(pairs, lines, captured, terms)
    found = {}
    for (provider, _, _, _), own in series.items():
        cancelled = cancelling_days(own, terms)
        ratio = steady_ratio(own, terms)
        for pair in own:
            neighbour = cancelled.get(pair.day)
            found[pair.key] = Setting(
                offset_h=offsets.get(provider),
                neighbour=neighbour.isoformat() if neighbour else "",
                steady_ratio=ratio,
            )
    return found


def provider_offsets(
    pairs: Sequence[Pair],
    lines: Sequence[BilledLine],
    captured: Sequence[CapturedHour],
    terms: Terms,
) -> dict[str, int]:
    offsets = {}
    for provider in {pair.key[1] for pair in pairs}:
        own = [line for line in lines if line.provider == provider]
        hours = [hour for hour in captured if hour.provider == provider]
        offset = explaining_offset(own, hours, {line.day for line in own}, terms)
        if offset is not None:
            offsets[provider] = offset
    return offsets


def steady_ratio(pairs: Sequence[Pair], terms: Terms) -> Decimal | None:
    """Return billed / captured where it is the same on at least three days and not 1."""
    ratios = [
        pair.billed_usd / pair.captured_usd
        for pair in pairs
        if pair.billed_usd and pair.captured_usd and not pair.unpriced_calls
    ]
    if len(ratios) < FEWEST_DAYS or not all(terms.same(ratio, ratios[0]) for ratio in ratios):
        return None
    mean = sum(ratios, ZERO) / len(ratios)
    return None if terms.same(mean, Decimal(1)) else mean


def row_of(pair: Pair, reason: Reason) -> Row:
    day, provider, model, tier, category = pair.key
    return Row(
        day=day,
        provider=provider,
        model=model,
        service_tier=tier,
        category=category,
        billed_usd=pair.billed_usd,
        captured_usd=pair.captured_usd,
        gap_usd=pair.gap_usd,
        reason=reason.code,
        evidence=reason.evidence,
        calls=pair.calls,
        unpriced_calls=pair.unpriced_calls,
        billed_tokens=pair.billed_tokens,
        captured_tokens=pair.captured_tokens,
        foreign=pair.foreign,
        all_models=pair.folded,
    )


def sums_of(rows: Sequence[Row], last: Mapping[str, date]) -> Sums:
    comparable = [row for row in rows if row.billed_usd is not None]
    usage = [
        row
        for row in comparable
        if row.category == USAGE and row.day <= last.get(row.provider, date.min)
    ]
    foreign: dict[str, Decimal] = defaultdict(Decimal)
    by_reason: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        for code, amount in row.foreign.items():
            foreign[code] += amount
        by_reason[row.reason] += row.gap_usd or ZERO
    billed = sum((row.billed_usd or ZERO for row in comparable), ZERO)
    captured = sum((row.captured_usd for row in comparable), ZERO)
    return Sums(
        billed_usd=billed,
        captured_usd=captured,
        gap_usd=billed - captured,
        billed_usage_usd=sum((row.billed_usd or ZERO for row in usage), ZERO),
        captured_of_billed_usd=sum((row.captured_usd for row in usage), ZERO),
        captured_aside_usd=sum((row.captured_usd for row in rows), ZERO) - captured,
        foreign=dict(sorted(foreign.items())),
        by_reason=dict(sorted(by_reason.items(), key=lambda one: (-abs(one[1]), one[0]))),
        last_billed=max((last[row.provider] for row in rows if row.provider in last), default=None),
    )
