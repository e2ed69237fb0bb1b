from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from finops.budgets.period import month_from
from finops.budgets.standing import Standing, Status, stand

NOVEMBER = month_from(date(2026, 11, 1), "UTC")
MIDDLE = datetime(2026, 11, 16, tzinfo=UTC)  # 15 of 30 days are over


def at(spend: str | None, now: datetime = MIDDLE) -> Standing:
    usd = None if spend is None else Decimal(spend)
    return stand(Decimal(200), (80, 100), NOVEMBER, usd, now)


def test_half_the_money_in_half_the_month_is_a_pace_of_one() -> None:
    standing = at("100")
    assert (standing.spent_share, standing.elapsed_share) == (Decimal("0.5"), Decimal("0.5"))
    assert standing.pace == 1
    assert standing.run_rate_usd == 200
    assert standing.status is Status.ON_TRACK


def test_a_month_end_above_the_amount_is_ahead_of_pace() -> None:
    standing = at("120")
    assert standing.pace == Decimal("1.2")
    assert standing.run_rate_usd == 240
    assert standing.status is Status.AHEAD


def test_status_names_the_worst() -> None:
    assert at("159.99").status is Status.AHEAD
    assert at("160").status is Status.WARNED
    assert at("200").status is Status.EXCEEDED


def test_nothing_known_stays_unknown() -> None:
    standing = at(None)
    assert standing.status is Status.NO_DATA
    assert standing.spent_share is None
    assert standing.pace is None
    assert standing.run_rate_usd is None


def test_the_first_day_has_a_pace_but_no_run_rate() -> None:
    standing = at("3", datetime(2026, 11, 1, 12, tzinfo=UTC))
    # 3 ÷ (200 * 1/60)
    assert standing.pace is not None
    assert round(standing.pace, 12) == Decimal("0.9")
    assert standing.run_rate_usd is None
    assert standing.status is Status.ON_TRACK


def test_the_first_second_has_neither() -> None:
    standing = at("3", NOVEMBER.start)
    assert standing.pace is None
    assert standing.run_rate_usd is None


def test_after_its_end_a_month_is_all_over() -> None:
    standing = at("150", datetime(2026, 12, 1, 9, tzinfo=UTC))
    assert standing.elapsed_share == 1
    assert standing.run_rate_usd == 150
