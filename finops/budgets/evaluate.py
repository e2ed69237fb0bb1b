"""What a budget's spend means for its alerts: a decision, with no clock and no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """What a budget allows: USD in a period, and the percentages at which to tell."""

    amount_usd: Decimal
    thresholds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PastAlert:
    """An alert of the same period that still stands, with the amount it was raised against."""

    id: int
    threshold: int
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write down: at most one alert to send, and what that leaves without a mail.

    `superseded` are thresholds that are crossed but told by a higher one; `rearmed` are ids of
    alerts that stand no longer, so that their threshold may be told again.
    """

    alert: int | None = None
    superseded: tuple[int, ...] = ()
    rearmed: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return self.alert is not None or bool(self.superseded or self.rearmed)


def evaluate(terms: Terms, spend_usd: Decimal | None, past: Iterable[PastAlert]) -> Decision:
    """Decide what the spend of a period so far calls for; None means that nothing is known.

    Only the highest threshold that is newly crossed is told. One that was told stays told for the
    period, even when a corrected price takes the spend below it again; only after the amount was
    changed is a threshold that is no longer crossed armed anew.
    """
    if spend_usd is None:
        return Decision()
    past = list(past)
    rearmed = {
        alert.id
        for alert in past
        if alert.amount_usd != terms.amount_usd
        and not crosses(spend_usd, terms.amount_usd, alert.threshold)
    }
    told = {alert.threshold for alert in past if alert.id not in rearmed}
    crossed = sorted(t for t in terms.thresholds if crosses(spend_usd, terms.amount_usd, t))
    news = [threshold for threshold in crossed if threshold not in told]
    # A threshold that was added below one already told is old news.
    alert = news[-1] if news and news[-1] > max(told, default=0) else None
    return Decision(
        alert=alert,
        superseded=tuple(threshold for threshold in news if threshold != alert),
        rearmed=tuple(sorted(rearmed)),
    )


def crosses(spend_usd: Decimal, amount_usd: Decimal, threshold: int) -> bool:
    """Say whether the spend has reached `threshold` percent of the amount, exactly."""
    return spend_usd * 100 >= amount_usd * threshold
