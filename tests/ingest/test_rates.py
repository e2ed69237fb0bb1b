"""How much a workspace may send."""

from __future__ import annotations

import pytest

from finops.accounts.keys import KeyIdentity
from ingest.errors import RateLimited, TooLarge
from ingest.rates import BURST_S, Allowance, Rates

ACME = KeyIdentity(1, 11, "acme", frozenset({"ingest"}))
OTHER = KeyIdentity(2, 12, "other", frozenset({"ingest"}))


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_limit_everything_is_let_in() -> None:
    rates = Rates(Allowance())
    rates.charge(ACME, 10**9, 10**12)
    rates.check(ACME)
    rates.check_request(ACME, 10**9)


def test_a_burst_is_let_in_and_its_debt_is_waited_for() -> None:
    clock = Clock()
    rates = Rates(Allowance(spans_per_second=100), clock)
    rates.check(ACME)
    rates.charge(ACME, 100 * int(BURST_S) + 500, 1)
    with pytest.raises(RateLimited, match=r"acme may send 100 spans a second") as caught:
        rates.check(ACME)
    assert caught.value.retry_after_s == 5
    clock.now += 5.1
    rates.check(ACME)


def test_over_time_no_more_than_the_rate_gets_in() -> None:
    clock = Clock()
    rates = Rates(Allowance(bytes_per_second=1000), clock)
    sent = 0
    for _ in range(10_000):
        try:
            rates.check(ACME)
            rates.charge(ACME, 1, 400)
            sent += 400
        except RateLimited:
            pass
        clock.now += 0.01
    assert 100 * 1000 <= sent <= (100 + BURST_S) * 1000 + 400


def test_one_workspace_does_not_use_up_what_is_anothers() -> None:
    rates = Rates(Allowance(spans_per_second=1), Clock())
    rates.charge(ACME, 10**6, 1)
    rates.check(OTHER)
    with pytest.raises(RateLimited) as caught:
        rates.check(ACME)
    assert caught.value.retry_after_s == 300


def test_a_request_may_hold_no_more_spans_than_allowed() -> None:
    rates = Rates(Allowance(spans_per_request=10))
    rates.check_request(ACME, 10)
    with pytest.raises(TooLarge, match="11 spans"):
        rates.check_request(ACME, 11)


def test_a_workspaces_own_limits_go_before_the_collectors() -> None:
    rates = Rates(Allowance(spans_per_second=1, spans_per_request=5), Clock())
    free = KeyIdentity(1, 11, "acme", frozenset({"ingest"}), {"spans_per_second": 0})
    rates.charge(free, 10**6, 1)
    rates.check(free)
    assert rates.allowance(free) == Allowance(0, 0, 5)


def test_a_limit_that_is_changed_holds_at_once() -> None:
    rates = Rates(Allowance(spans_per_second=1), Clock())
    rates.charge(ACME, 10**6, 1)
    raised = KeyIdentity(1, 11, "acme", frozenset({"ingest"}), {"spans_per_second": 10**7})
    rates.check(raised)
