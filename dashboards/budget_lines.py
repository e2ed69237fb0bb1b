"""What the budgets page says of each budget and alert, ready to print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from finops.budgets.mailer import file_name
from finops.budgets.message import overview_query
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.standing import Standing, Status
from finops.budgets.wording import moment, month_name, multiple, percent, usd

# status -> (class of the pill, words)
PILLS: dict[Status, tuple[str, str]] = {
    Status.NO_DATA: ("", "no price known"),
    Status.ON_TRACK: ("good", "on track"),
    Status.AHEAD: ("warn", "ahead of pace"),
    Status.WARNED: ("warn", "threshold reached"),
    Status.EXCEEDED: ("bad", "budget reached"),
}
ALERT_PILLS: dict[str, str] = {
    BudgetAlert.State.CLAIMED: "warn",
    BudgetAlert.State.SENT: "good",
    BudgetAlert.State.OUTBOX: "good",
    BudgetAlert.State.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget and where it stands; texts are '' where nothing is known."""

    budget: Budget
    pill: str
    status: str
    amount: str
    spend: str
    percent: str
    bar: Decimal
    elapsed: Decimal
    pace: str
    run_rate: str
    overview_query: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert and what became of its e-mail."""

    alert: BudgetAlert
    raised: str
    month: str
    spend: str
    amount: str
    pill: str
    file: str
    remark: str
    next_attempt: str
    may_send_again: bool


def budget_lines(budgets: Iterable[Budget], standings: Mapping[int, Standing]) -> list[BudgetLine]:
    """Return a line for each budget; one without a standing shows its terms alone."""
    return [line_of(budget, standings.get(budget.pk)) for budget in budgets]


def line_of(budget: Budget, standing: Standing | None) -> BudgetLine:
    pill, status = PILLS[standing.status] if standing else ("", "")
    if not budget.active:
        pill, status = "", "paused"
    share = standing.spent_share if standing else None
    spend = standing.spend_usd if standing else None
    pace = standing.pace if standing else None
    rate = standing.run_rate_usd if standing else None
    return BudgetLine(
        budget=budget,
        pill=pill,
        status=status,
        amount=usd(budget.amount_usd),
        spend=usd(spend) if spend is not None else "",
        percent=percent(share) if share is not None else "",
        bar=width(share or Decimal(0)),
        elapsed=width(standing.elapsed_share if standing else Decimal(0)),
        pace=multiple(pace) if pace is not None else "",
        run_rate=usd(rate) if rate is not None else "",
        overview_query=overview_query(budget, standing.period) if standing else "",
    )


def width(share: Decimal) -> Decimal:
    """Return a share as a percentage for a bar: one place, at most 100."""
    return round(min(share, Decimal(1)) * 100, 1)


def alert_lines(alerts: Iterable[BudgetAlert], timezone: str) -> list[AlertLine]:
    """Return a line for each alert, with times in the workspace's zone."""
    return [alert_line(alert, timezone) for alert in alerts]


def alert_line(alert: BudgetAlert, timezone: str) -> AlertLine:
    state, known = BudgetAlert.State, alert.known
    waiting = alert.state == state.CLAIMED
    return AlertLine(
        alert=alert,
        raised=moment(known.at, timezone),
        month=month_name(alert.period_start),
        spend=usd(known.spend_usd),
        amount=usd(alert.amount_usd),
        pill=ALERT_PILLS.get(alert.state, ""),
        file=file_name(alert.message_id) if alert.state == state.OUTBOX else "",
        remark=alert.error if alert.state in ALERT_PILLS else "",
        next_attempt=time_of(alert.retry_at, timezone) if waiting and alert.error else "",
        may_send_again=alert.state == state.FAILED and alert.rearmed_at is None,
    )


def time_of(at: datetime, timezone: str) -> str:
    return moment(at, timezone).partition(", ")[2]
