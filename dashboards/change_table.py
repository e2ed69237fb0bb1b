"""What the page of changes shows: the waterfall, its table, and the rows by segment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dashboards.amounts import UNKNOWN, Figure, count, share
from dashboards.change_words import FACTOR_WORDS, USD_ONLY, matters, part_text, sentence, signed
from dashboards.money import Money
from dashboards.waterfall import Step, waterfall
from dashboards.words import name_of
from finops.insights.drivers import FACTORS, Change, Factor
from finops.insights.explain import Explanation
from finops.insights.levels import Levels, levels_of
from finops.queries import Dimension

ROWS_SHOWN = 15
ZERO = Decimal(0)
WHAT: dict[Factor, str] = {
    "volume": "Actions",
    "calls_per_action": "Requests for each action",
    "tokens_per_call": "Tokens for each request that was sent, by kind",
    "price": "Average per million tokens before caches; its part is what rates did, not the mix",
    "cache": "Share of that cost which was paid",
    "retry": "Paid for attempts that another one superseded",
    "model_mix": "Models in use",
}


@dataclass(frozen=True, slots=True)
class FactorLine:
    """A factor: what it did, and where it stood in both periods."""

    name: str
    what: str
    before: str
    after: str
    part: Figure


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A tenant, model …: its change, and why in words."""

    name: str
    nameless: bool
    url: str
    before: Figure
    after: Figure
    change: Figure
    tone: str
    why: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All that the page shows of one explained change."""

    by: Dimension
    total: ChangeRow
    factors: list[FactorLine]
    figure: dict[str, Any]
    words: str
    summary: str
    rows: list[ChangeRow]
    hidden: int
    offset: str
    unpriced: int


def changes(
    explained: Explanation,
    *,
    link: Callable[[Dimension, str], str],
    names: tuple[str, str],
    money: Money = USD_ONLY,
) -> Changes:
    """Put an explanation on the page; `names` say what the baseline and the range are called."""
    total = explained.found.total
    ordered = sorted(
        explained.found.rows.items(), key=lambda item: (-abs(item[1].change_usd), item[0])
    )
    moved = [(name, change) for name, change in ordered if change.change_usd]
    steps = [
        Step(FACTOR_WORDS[factor], total.parts[factor])
        for factor in FACTORS
        if matters(total.parts[factor], total)
    ]
    first, last = (names[0], total.before_usd), (names[1], total.after_usd)
    before, after = explained.periods
    return Changes(
        by=explained.by,
        total=row_of("All", False, "", total, money),
        factors=factor_lines(total, levels_of(before), levels_of(after), money),
        figure=waterfall(first, steps, last, money),
        words=sentence(total, money=money),
        summary=f"From {money(total.before_usd).short} to {money(total.after_usd).short}: "
        f"{sentence(total, money=money) or 'nothing changed'}.",
        rows=[
            named_row(explained, name, change, link, money) for name, change in moved[:ROWS_SHOWN]
        ],
        hidden=max(0, len(moved) - ROWS_SHOWN),
        offset=offset_text(explained, money),
        unpriced=before.unpriced_calls + after.unpriced_calls,
    )


def named_row(
    explained: Explanation,
    name: str,
    change: Change,
    link: Callable[[Dimension, str], str],
    money: Money,
) -> ChangeRow:
    if name == explained.rest:
        return row_of("all others", True, "", change, money)
    return row_of(name_of(explained.by, name), not name, link(explained.by, name), change, money)


def row_of(name: str, nameless: bool, url: str, change: Change, money: Money) -> ChangeRow:
    return ChangeRow(
        name=name,
        nameless=nameless,
        url=url,
        before=money(change.before_usd),
        after=money(change.after_usd),
        change=signed(change.change_usd, money),
        tone="bad" if change.change_usd > 0 else "good" if change.change_usd < 0 else "flat",
        why=sentence(change, 3, money),
    )


def offset_text(explained: Explanation, money: Money) -> str:
    """Say it where rises and falls hide each other in the sum."""
    rises = sum((max(c.change_usd, ZERO) for c in explained.found.rows.values()), ZERO)
    falls = sum((min(c.change_usd, ZERO) for c in explained.found.rows.values()), ZERO)
    if not rises or not falls or min(rises, -falls) * 5 < max(rises, -falls):
        return ""
    return (
        f"Rises of {money(rises).short} and falls of {money(-falls).short} offset each other "
        "in the sum."
    )


def factor_lines(total: Change, before: Levels, after: Levels, money: Money) -> list[FactorLine]:
    return [
        FactorLine(
            FACTOR_WORDS[factor].capitalize(),
            WHAT[factor],
            level_text(factor, before, money),
            level_text(factor, after, money),
            part_text(total.parts[factor], total, money),
        )
        for factor in FACTORS
    ]


def level_text(factor: Factor, levels: Levels, money: Money) -> str:
    texts: dict[Factor, Callable[[], str]] = {
        "volume": lambda: count(levels.actions).short,
        "calls_per_action": lambda: decimal_text(levels.calls_per_action, 2),
        "tokens_per_call": lambda: decimal_text(levels.tokens_per_call, 0),
        "price": lambda: money(levels.price_usd).short if levels.price_usd is not None else UNKNOWN,
        "cache": lambda: share(levels.cache_left),
        "retry": lambda: money(levels.superseded_cost_usd).short,
        "model_mix": lambda: str(levels.models),
    }
    return texts[factor]()


def decimal_text(number: Decimal | None, places: int) -> str:
    return UNKNOWN if number is None else f"{number:,.{places}f}"
