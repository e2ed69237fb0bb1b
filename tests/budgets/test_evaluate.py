from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.budgets.evaluate import Decision, PastAlert, Terms, crosses, evaluate

HUNDRED = Terms(Decimal(100), (80, 100))
USD = st.decimals("0", "100000", places=6)


def told(*thresholds: int, amount: str = "100") -> list[PastAlert]:
    return [PastAlert(10 + t, t, Decimal(amount)) for t in thresholds]


@pytest.mark.parametrize(
    ("spend", "past", "decision"),
    [
        (None, [], Decision()),
        ("0", [], Decision()),
        ("79.999999999999", [], Decision()),
        ("80", [], Decision(alert=80)),
        ("99.99", told(80), Decision()),
        ("100", told(80), Decision(alert=100)),
        ("250", told(80, 100), Decision()),
        ("130", [], Decision(alert=100, superseded=(80,))),
        ("85", told(100), Decision(superseded=(80,))),
    ],
)
def test_what_a_spend_calls_for(
    spend: str | None, past: Sequence[PastAlert], decision: Decision
) -> None:
    assert evaluate(HUNDRED, None if spend is None else Decimal(spend), past) == decision


def test_a_spend_corrected_downwards_is_not_told_twice() -> None:
    assert evaluate(HUNDRED, Decimal(70), told(80)) == Decision()
    assert evaluate(HUNDRED, Decimal(81), told(80)) == Decision()


def test_a_raised_amount_arms_what_is_no_longer_crossed() -> None:
    raised = Terms(Decimal(120), (80, 100))
    assert evaluate(raised, Decimal(101), told(80, 100)) == Decision(rearmed=(110,))


def test_a_raised_amount_that_is_crossed_all_the_same_changes_nothing() -> None:
    raised = Terms(Decimal(101), (80, 100))
    assert evaluate(raised, Decimal(150), told(80, 100)) == Decision()


def test_a_threshold_armed_again_is_told_again() -> None:
    raised = Terms(Decimal(120), (80, 100))
    assert evaluate(raised, Decimal(120), told(80)) == Decision(alert=100)


def test_a_lowered_amount_tells_what_is_crossed_now() -> None:
    lowered = Terms(Decimal(50), (80, 100))
    assert evaluate(lowered, Decimal(85), told(80)) == Decision(alert=100)


def test_money_is_compared_exactly() -> None:
    amount = Decimal("0.000000000003")
    assert not crosses(Decimal("0.000000000002"), amount, 67)
    assert crosses(Decimal("0.000000000002"), amount, 66)


@given(st.lists(USD, max_size=12), st.sets(st.integers(1, 300), min_size=1, max_size=4))
def test_a_period_tells_each_threshold_once_and_only_upwards(
    spends: list[Decimal], thresholds: set[int]
) -> None:
    terms = Terms(Decimal(100), tuple(sorted(thresholds)))
    past: list[PastAlert] = []
    sent: list[int] = []
    for spend in spends:
        decision = evaluate(terms, spend, past)
        assert decision.rearmed == ()
        news = [t for t in (decision.alert, *decision.superseded) if t is not None]
        assert all(crosses(spend, terms.amount_usd, t) for t in news)
        sent += [decision.alert] if decision.alert is not None else []
        past += [PastAlert(len(past) + i, t, terms.amount_usd) for i, t in enumerate(news)]
    reached = {t for t in thresholds if any(crosses(s, terms.amount_usd, t) for s in spends)}
    assert sorted(alert.threshold for alert in past) == sorted(reached)
    assert sent == sorted(set(sent))
    assert max(sent, default=0) == max(reached, default=0)
