"""Calls that the charge job charged by real rates, explained: a month of two days by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from finops.clickhouse.client import Warehouse
from finops.insights.explain import explain_change
from finops.queries import Range, totals
from tests.costing.calls import START, WORKSPACE, insert_calls
from tests.costing.charging import charge

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FIRST, SECOND = Range(START, START + DAY), Range(START + DAY, START + 2 * DAY)


def test_a_charged_change_is_explained_to_the_last_digit(ch: Warehouse) -> None:
    later = START + DAY
    insert_calls(
        ch,
        [
            {"action_id": "one"},
            {"action_id": "two"},
            {"action_id": "three", "started_at": later},
            # half of the input from the provider's cache, at half of its price
            {"action_id": "four", "started_at": later, "input_tokens": 500,
             "cache_read_tokens": 500},
            # timed out and tried again
            {"action_id": "five", "request_id": "r", "outcome": "timeout", "started_at": later},
            {"action_id": "five", "request_id": "r", "attempt": 1,
             "started_at": later + timedelta(seconds=40)},
            # answered by the application's own cache
            {"action_id": "six", "cache_layer": "exact", "cache_hit": 1, "started_at": later},
        ],
    )  # fmt: skip
    charge(ch)
    explained = explain_change(ch, WORKSPACE, SECOND, FIRST, "tenant").found
    change = explained.total
    before, after = (totals(ch, WORKSPACE, span).cost_usd for span in (FIRST, SECOND))
    # a call costs 1000 x $2.50 / 1M + 100 x $10 / 1M
    assert (change.before_usd, change.after_usd) == (before, after)
    assert before == 2 * Decimal("0.0035")
    assert after == 4 * Decimal("0.0035") - 500 * Decimal("0.00000125")
    assert sum(change.parts.values()) == after - before
    assert {factor for factor, part in change.parts.items() if part > 0} == {"volume", "retry"}
    assert {factor for factor, part in change.parts.items() if part < 0} == {"cache"}
