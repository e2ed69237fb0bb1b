"""Why billed and captured differ, each reason with the evidence that it takes.

A reason is named only where the numbers show it; what they don't show is `unexplained`, with what
to import so that they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from finops.invoices.line import (
    ADJUSTMENT,
    COMMITMENT,
    CREDIT,
    FEE,
    REFUND,
    TAX,
    USAGE,
)
from finops.invoices.rows import ZERO, Pair, Terms, Tokens

HALF_CENT = Decimal("0.005")
# reason -> what it says on a page
TITLES = {
    "equal": "Equal",
    "rounding": "Rounding",
    "within_tolerance": "Within tolerance",
    "currency": "Currency not converted",
    "duplicate": "Billed twice",
    "day_boundary": "Day starts at another hour",
    "not_captured": "Not captured at all",
    "captured_partly": "Captured in part",
    "over_captured": "More captured than billed",
    "not_billed_yet": "Not billed yet",
    "not_billed": "Captured, not billed",
    "unpriced": "Calls without a price",
    "cache_split": "Cache counted otherwise",
    "price_differs": "Price differs",
    "no_model": "Billed without a model",
    "no_amounts": "Only tokens imported",
    "unexplained": "Unexplained",
    CREDIT: "Credit",
    REFUND: "Refund",
    TAX: "Tax",
    FEE: "Fee",
    COMMITMENT: "Commitment",
    ADJUSTMENT: "Adjustment",
}
OTHER_CATEGORIES = {
    CREDIT: "a credit; calls have no part in it",
    REFUND: "a refund or correction of an earlier bill",
    TAX: "a tax; calls have no part in it",
    FEE: "a fee beside the usage",
    COMMITMENT: "what a commitment costs, whether it is used or not",
    ADJUSTMENT: "an adjustment of an earlier bill",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of TITLES, and the evidence in a sentence."""

    code: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known around a pair.

    `offset_h`: the hour at which days would have to start to fit. `neighbour`: the day next to it
    whose gap cancels this one. `steady_ratio`: billed / captured where several days agree in it.
    """

    offset_h: int | None = None
    neighbour: str = ""
    steady_ratio: Decimal | None = None
    after_last_bill: bool = False


def find_reason(pair: Pair, setting: Setting, terms: Terms) -> Reason:
    """Return why the two sides of a pair differ, or that they don't."""
    if pair.foreign:
        return foreign(pair.foreign)
    if pair.category != USAGE:
        return Reason(pair.category, OTHER_CATEGORIES[pair.category])
    if small := small_gap(pair, terms) or billed_twice(pair, terms) or other_day(setting):
        return small
    if not pair.calls or not pair.billed_lines:
        return one_sided(pair, setting)
    return two_sided(pair, setting, terms)


def small_gap(pair: Pair, terms: Terms) -> Reason | None:
    gap, billed = pair.gap_usd or ZERO, pair.billed_usd or ZERO
    if gap == 0 and not pair.unpriced_calls and (pair.billed_lines or pair.billed_tokens is None):
        return Reason("equal")
    if not pair.calls or not pair.billed_lines:
        return None
    # Each amount on a bill may be rounded by half a cent.
    if abs(gap) <= max(terms.usd, HALF_CENT * pair.billed_lines) and not pair.unpriced_calls:
        return Reason("rounding", f"half a cent a line at most; lines: {pair.billed_lines}")
    if terms.allows(gap, billed):
        return Reason("within_tolerance")
    return None


def foreign(amounts: Mapping[str, Decimal]) -> Reason:
    listed = ", ".join(f"{amount:,f} {code}" for code, amount in sorted(amounts.items()))
    return Reason("currency", f"{listed} on the bill; enter an exchange rate for that day")


def billed_twice(pair: Pair, terms: Terms) -> Reason | None:
    """Two books or accounts with one amount, of which one would fit better than both."""
    amounts = sorted(((usd, name) for name, usd in pair.sources.items() if usd > 0), reverse=True)
    for (one, first), (other, second) in pairwise(amounts):
        gap = pair.gap_usd or ZERO
        if terms.same(one, other) and abs(gap - other) < abs(gap):
            return Reason("duplicate", f"{first} and {second} bill the same amount; delete one")
    return None


def other_day(setting: Setting) -> Reason | None:
    if setting.offset_h is not None:
        hour = f"{setting.offset_h % 24:02}:00"
        return Reason("day_boundary", f"fits if the provider's day starts at {hour} UTC")
    if setting.neighbour:
        return Reason("day_boundary", f"the gap of {setting.neighbour} cancels this one")
    return None


def one_sided(pair: Pair, setting: Setting) -> Reason:
    if pair.billed_lines:
        if not pair.key[2]:
            return Reason(
                "no_model", "the lines name no model, so no call can be held against them"
            )
        return Reason("not_captured", "no call of this model arrived on this day")
    if pair.billed_tokens is not None:
        return Reason(
            "no_amounts",
            f"a usage export counts {pair.billed_tokens.total:,.0f} tokens, "
            f"{pair.captured_tokens.total:,.0f} were captured; import the cost export too",
        )
    if setting.after_last_bill:
        return Reason("not_billed_yet", "the bills end before this day")
    return Reason("not_billed", f"calls: {pair.calls}; no line for this model on this day")


def two_sided(pair: Pair, setting: Setting, terms: Terms) -> Reason:
    gap = pair.gap_usd or ZERO
    tokens = pair.billed_tokens
    captured = pair.captured_tokens
    if (
        pair.unpriced_calls
        and gap > 0
        and (tokens is None or not more_than(tokens.total, captured.total, terms))
    ):
        return Reason("unpriced", f"{pair.unpriced_calls} of {pair.calls} calls have no price")
    if tokens is not None and tokens.total > 0:
        return by_tokens(pair, tokens, captured, terms)
    if setting.steady_ratio is not None:
        return price_differs(pair, "on several days alike")
    return Reason(
        "unexplained",
        "the bill counts no tokens: import the provider's usage export too, to tell price from "
        "coverage",
    )


def more_than(one: Decimal, other: Decimal, terms: Terms) -> bool:
    return one > other and not terms.same(one, other)


def by_tokens(pair: Pair, billed: Tokens, captured: Tokens, terms: Terms) -> Reason:
    # Output costs most: where all tokens together agree, it may still be short.
    for what, one, other in (
        ("", billed.total, captured.total),
        ("output ", billed.output, captured.output),
    ):
        if more_than(one, other, terms):
            return Reason(
                "captured_partly",
                f"{other:,.0f} of {one:,.0f} billed {what}tokens were captured"
                f" ({percent(other, one)})",
            )
        if more_than(other, one, terms):
            twice = "; calls may arrive twice" if other >= one * Decimal("1.9") else ""
            return Reason(
                "over_captured", f"{other:,.0f} {what}tokens captured, {one:,.0f} billed{twice}"
            )
    if not all(
        terms.same(one, other)
        for one, other in (
            (billed.cache_read, captured.cache_read),
            (billed.cache_write, captured.cache_write),
        )
    ):
        return Reason(
            "cache_split",
            f"of the same tokens {billed.cache_read:,.0f} were billed as cache reads and "
            f"{billed.cache_write:,.0f} as writes, {captured.cache_read:,.0f} and "
            f"{captured.cache_write:,.0f} captured",
        )
    return price_differs(pair, "tokens are equal")


def price_differs(pair: Pair, seen: str) -> Reason:
    billed, captured = pair.billed_usd or ZERO, pair.captured_usd
    if not captured:
        return Reason("price_differs", f"{seen}; the calls are priced at 0")
    if not billed:
        return Reason(
            "price_differs", f"{seen}; billed at 0: covered by a commitment or by credits"
        )
    change = (billed / captured - 1) * 100
    if billed < captured:
        hint = f"a discount of {-change:.2f} % on the rate would explain it"
        if abs(change + 50) < 1:
            hint += ", as batch processing has"
    else:
        hint = f"the rate is {change:.2f} % too low, or a discount isn't granted on this bill"
    return Reason("price_differs", f"{seen}; {hint}")


def percent(part: Decimal, whole: Decimal) -> str:
    return f"{part / whole * 100:.1f} %" if whole else "–"
