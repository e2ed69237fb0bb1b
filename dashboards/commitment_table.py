"""What the page of commitments shows of one case: a verdict, the load, the plans, what if."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dashboards.amounts import UNKNOWN, Figure, share, usd
from dashboards.change_words import signed
from finops.insights.commitment_case import CommitmentCase
from finops.insights.commitments import (
    Plan,
    break_even,
    interruptible,
    load_steps,
    pays_off_after_months,
)

RESERVED, SPOT, ON_DEMAND, UNUSED = 3, 5, 2, 0  # series colours
ZERO = Decimal(0)
TENTHS = 10


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A term with its best level; amounts are those of an average month."""

    name: str
    level: str
    reserved: Figure
    on_demand: Figure
    spot: Figure
    total: Figure
    saving: Figure
    used: str
    break_even: str
    pays_off: str
    best: bool


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The best plan if demand were another."""

    demand: str
    total: Figure
    saving: Figure
    level: str
    tone: str


@dataclass(frozen=True, slots=True)
class CommitmentTable:
    """All of it; `load` are rows of share of hours and the need that they reach."""

    verdict: str
    detail: str
    figure: dict[str, Any]
    summary: str
    load: list[tuple[str, str]]
    plans: list[PlanRow]
    what_if: list[WhatIf]
    has_spot: bool


def commitment_table(case: CommitmentCase, unit: str) -> CommitmentTable:
    """Put a case on the page; `unit` is 'GPU' or '' for USD an hour."""
    best = case.best
    return CommitmentTable(
        verdict=verdict(case, unit),
        detail=detail(case, unit),
        figure=load_figure(case),
        summary=(
            f"The need of {len(case.needs)} hours from the highest to the lowest: at most "
            f"{level_text(max(case.needs), unit)}; {level_text(best.level, unit)} reserved."
        ),
        load=load_rows(case.needs, unit),
        plans=[plan_row(plan, case, unit) for plan in case.plans],
        what_if=[
            WhatIf(
                demand=f"{(each.demand - 1) * 100:+.0f} %".replace("-", "−").replace(
                    "+0 %", "as is"
                ),
                total=usd(best.month_usd(each.total_usd)),
                saving=signed(best.month_usd(each.saving_usd)),
                level=level_text(each.best_level, unit),
                tone="bad" if each.saving_usd < 0 else "",
            )
            for each in case.sensitivities
        ],
        has_spot=case.market.uses_spot and bool(case.market.spot and case.market.spot.share),
    )


def verdict(case: CommitmentCase, unit: str) -> str:
    offer = case.best.offer
    if offer is None or not case.best.level:
        return "Reserve nothing: on demand would have cost least"
    level = level_text(case.best.level, unit)
    if not case.recommended:
        return "Too little history to recommend a level"
    return f"{'Reserve' if unit else 'Promise'} {level} for {offer.name}"


def detail(case: CommitmentCase, unit: str) -> str:
    """What the best plan costs; of too short a past no month is made, only the level is said."""
    best = case.best
    on_demand = usd(best.month_usd(case.all_on_demand_usd)).short
    if not best.offer or not best.level:
        return f"{on_demand} a month on demand."
    if not case.recommended:
        return (
            f"In the hours so far, {level_text(best.level, unit)} for {best.offer.name} would have "
            "cost least. Months below are these hours made longer: no forecast."
        )
    saving = usd(best.month_usd(case.all_on_demand_usd - best.total_usd)).short
    return (
        f"{usd(best.month_usd(best.total_usd)).short} a month instead of {on_demand} on demand: "
        f"{saving} less, in an average month of these hours."
    )


def level_text(level: Decimal, unit: str) -> str:
    if unit:
        return f"{level:,.0f} {unit}{'' if level == 1 else 's'}"
    return f"{usd(level).short} an hour"


def plan_row(plan: Plan, case: CommitmentCase, unit: str) -> PlanRow:
    offer = plan.offer
    pays_off = pays_off_after_months(plan, case.market)
    return PlanRow(
        name=offer.name if offer else "Nothing reserved",
        level=level_text(plan.level, unit) if offer else UNKNOWN,
        reserved=usd(plan.month_usd(plan.reserved_usd)),
        on_demand=usd(plan.month_usd(plan.on_demand_usd)),
        spot=usd(plan.month_usd(plan.spot_usd)),
        total=usd(plan.month_usd(plan.total_usd)),
        saving=signed(plan.month_usd(case.all_on_demand_usd - plan.total_usd)),
        used=share(plan.used),
        break_even=share(break_even(offer, case.market)) if offer else UNKNOWN,
        pays_off=f"{pays_off:.1f} of {offer.months} months" if offer and pays_off else UNKNOWN,
        best=plan is case.best,
    )


def load_rows(needs: Sequence[Decimal], unit: str) -> list[tuple[str, str]]:
    """What each tenth of the hours, from the highest, needs at least."""
    falling = sorted(needs, reverse=True)
    rows = [("the highest", level_text(falling[0], unit))]
    for tenth in range(1, TENTHS + 1):
        index = max(0, round(tenth * len(falling) / TENTHS) - 1)
        rows.append((f"{tenth * 100 // TENTHS} % of hours", level_text(falling[index], unit)))
    return rows


def load_figure(case: CommitmentCase) -> dict[str, Any]:
    """Bars of need by share of hours, in the parts that reserve, spot and on demand take.

    Money and units become floats here, for the height of a bar.
    """
    level, steps = case.best.level, load_steps(case.needs)
    above = [max(need - level, ZERO) for need in steps]
    spot = [min(a, interruptible(need, case.market)) for a, need in zip(above, steps, strict=True)]
    series = [
        ("reserved and used", RESERVED, [min(need, level) for need in steps]),
        ("reserved, not used", UNUSED, [max(level - need, ZERO) for need in steps]),
        ("spot", SPOT, spot),
        ("on demand", ON_DEMAND, [a - s for a, s in zip(above, spot, strict=True)]),
    ]
    hours = [(i + 0.5) * 100 / len(steps) for i in range(len(steps))]
    return {
        "data": [
            {
                "type": "bar",
                "name": name,
                "x": hours,
                "y": [float(value) for value in values],
                "hovertemplate": "%{y:,.2f}<extra>" + name + "</extra>",
                "marker": {"pattern": {"shape": "/" if colour == UNUSED else ""}},
                "meta": {"colour": colour},
            }
            for name, colour, values in series
            if any(values)
        ],
        "layout": {
            "barmode": "stack",
            "bargap": 0,
            "showlegend": False,
            "hovermode": "x unified",
            "dragmode": False,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": {
                "title": {"text": "share of hours, the highest first"},
                "ticksuffix": " %",
                "range": [0, 100],
                "fixedrange": True,
                "automargin": True,
            },
            "yaxis": {"rangemode": "tozero", "fixedrange": True, "automargin": True, "nticks": 5},
        },
    }
