"""Where a budget stands at a moment: share spent, pace and the month's end at this rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from finops.budgets.period import Period

# A rate from an hour of traffic says nothing about a month.
SHORTEST_BASIS = timedelta(days=1)


class Status(StrEnum):
    """How a budget does, from unknown to worst."""

    NO_DATA = "no_data"
    ON_TRACK = "on_track"
    AHEAD = "ahead_of_pace"
    WARNED = "threshold_reached"
    EXCEEDED = "exceeded"


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget at a moment; USD and shares, where 1 is the whole budget.

    pace = spend ÷ (amount * elapsed share of the month): above 1 means that the budget ends before
    the month does. run_rate_usd = spend ÷ elapsed * month, None in the first 24 hours. All that
    follows from the spend is None where the spend is.
    """

    period: Period
    amount_usd: Decimal
    spend_usd: Decimal | None
    spent_share: Decimal | None
    elapsed_share: Decimal
    pace: Decimal | None
    run_rate_usd: Decimal | None
    status: Status


def stand(
    amount_usd: Decimal,
    thresholds: tuple[int, ...],
    period: Period,
    spend_usd: Decimal | None,
    now: datetime,
) -> Standing:
    """Work out where a budget of `amount_usd` stands at `now`."""
    elapsed = period.elapsed_share(now)
    share = None if spend_usd is None else spend_usd / amount_usd
    run_rate = None
    if spend_usd is not None and period.elapsed(now) >= SHORTEST_BASIS:
        run_rate = spend_usd / elapsed
    return Standing(
        period=period,
        amount_usd=amount_usd,
        spend_usd=spend_usd,
        spent_share=share,
        elapsed_share=elapsed,
        pace=share / elapsed if share is not None and elapsed else None,
        run_rate_usd=run_rate,
        status=status_of(share, run_rate, amount_usd, thresholds),
    )


def status_of(
    share: Decimal | None,
    run_rate_usd: Decimal | None,
    amount_usd: Decimal,
    thresholds: tuple[int, ...],
) -> Status:
    if share is None:
        return Status.NO_DATA
    if share >= 1:
        return Status.EXCEEDED
    if any(share * 100 >= threshold for threshold in thresholds):
        return Status.WARNED
    if run_rate_usd is not None and run_rate_usd > amount_usd:
        return Status.AHEAD
    return Status.ON_TRACK
