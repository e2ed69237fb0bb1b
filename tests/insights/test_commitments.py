from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.insights.commitments import (
    Market,
    Offer,
    Plan,
    Spot,
    all_on_demand,
    best_level,
    break_even,
    load_steps,
    pays_off_after_months,
    plan_for,
    plans,
    sensitivities,
    units_needed,
)
from finops.insights.history import cautions, too_little

# two hours need 5 GPUs, two 3, four 1, two none
DAY = [Decimal(n) for n in (5, 5, 3, 3, 1, 1, 1, 1, 0, 0)]
GPUS = Market(Decimal(4), whole=True)
YEAR = Offer("1 year", 12, Decimal(3))
ONE = Decimal(1)
THREE = Offer("3 years", 36, Decimal("1.5"))


def usd(*amounts: int | str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


def test_a_unit_is_reserved_while_it_is_used_more_than_its_break_even() -> None:
    assert break_even(YEAR, GPUS) == Decimal("0.75")
    # the first GPU is used in 8 of 10 hours, the second in 4: only one is worth 75 %
    assert best_level(DAY, YEAR, GPUS) == 1
    # at 37.5 % the second and third (4 of 10) are worth it too, the fourth (2 of 10) is not
    assert best_level(DAY, THREE, GPUS) == 3


def test_the_plan_by_hand() -> None:
    assert all_on_demand(DAY, GPUS) == 80
    plan = plan_for(DAY, Decimal(1), YEAR, GPUS)
    # one GPU for ten hours at $3; above it 4+4+2+2 GPU hours at $4
    assert (plan.reserved_usd, plan.on_demand_usd, plan.total_usd) == usd(30, 48, 78)
    assert plan.used == Decimal("0.8")
    best = plans(DAY, [YEAR, THREE], GPUS)
    # three for ten hours at $1.50, above them 2+2 at $4
    assert [found.total_usd for found in best] == [80, 78, 61]
    # 12 x 3 / (0.8 x 4)
    assert pays_off_after_months(plan, GPUS) == Decimal("11.25")


def test_spot_takes_what_may_be_interrupted_before_on_demand_does() -> None:
    spot = Spot(Decimal(1), Decimal("0.5"), Decimal("0.1"), Decimal(2))
    assert spot.effective_usd == Decimal("1.2")
    market = Market(Decimal(4), spot, whole=True)
    plan = plan_for(DAY, Decimal(0), None, market)
    # floor(5/2)=2 twice and floor(3/2)=1 twice on spot: 6 x 1.2; 14 GPU hours on demand
    assert (plan.spot_usd, plan.on_demand_usd) == usd("7.2", 56)
    # a third GPU replaces spot in the two hours of 3: no longer worth $1.50 an hour
    assert best_level(DAY, THREE, market) == 2


def test_spot_that_is_interrupted_too_often_is_not_used() -> None:
    market = Market(Decimal(4), Spot(Decimal(3), ONE, ONE, ONE), whole=True)
    assert plan_for(DAY, Decimal(0), None, market).spot_usd == 0


def test_no_gpu_is_planned_to_work_more_than_its_target() -> None:
    assert units_needed([Decimal("2.1"), Decimal(0)], Decimal("0.7"), GPUS) == [3, 0]
    assert units_needed([Decimal("2.2")], Decimal("0.7"), GPUS) == [4]


def test_a_plan_that_fits_today_loses_when_demand_falls() -> None:
    demand = [Decimal(10)] * 20
    plan = plan_for(demand, Decimal(10), YEAR, GPUS)
    found = {each.demand: each for each in sensitivities(demand, ONE, plan, GPUS)}
    # 10 reserved at $3 against 7 at $4 on demand, in 20 hours
    assert found[Decimal("0.7")].saving_usd == 20 * (28 - 30)
    assert found[ONE].saving_usd == 20 * 10
    assert found[Decimal("1.3")].best_level == 13


NEEDS = st.lists(st.integers(0, 12).map(Decimal), min_size=1, max_size=40)
PRICE = st.decimals("0.1", 10, places=2)


@given(NEEDS, PRICE, PRICE, st.none() | st.tuples(PRICE, st.decimals(0, 1, places=2)))
@settings(max_examples=150, deadline=None)
def test_no_other_level_costs_less(
    needs: list[Decimal], on_demand: Decimal, term: Decimal, spot: tuple[Decimal, Decimal] | None
) -> None:
    market = Market(on_demand, Spot(*spot) if spot else None, whole=True)
    offer = Offer("term", 12, term)
    best = best_level(needs, offer, market)
    costs = [plan_for(needs, Decimal(n), offer, market).total_usd for n in range(14)]
    assert costs[int(best)] == min(costs)
    assert costs.index(min(costs)) == best


@given(NEEDS, st.decimals(0, 1, places=2))
@settings(max_examples=50, deadline=None)
def test_every_hour_is_served_once(needs: list[Decimal], share: Decimal) -> None:
    market = Market(ONE, Spot(ONE / 2, share))
    plan: Plan = plan_for(needs, Decimal(3), Offer("free", 12, Decimal(0)), market)
    reserved = sum(min(need, Decimal(3)) for need in needs)
    assert reserved + plan.on_demand_usd + plan.spot_usd * 2 == sum(needs)


def test_the_load_is_drawn_in_few_steps_and_loses_nothing() -> None:
    steps = load_steps([Decimal(i) for i in range(1000)], most=100)
    assert len(steps) == 100
    assert steps[0] == Decimal("994.5")
    assert sum(steps) * 10 == sum(range(1000))


@pytest.mark.parametrize(
    ("days", "said"), [(13, "takes 14 days"), (30, "30 days are known"), (120, "")]
)
def test_a_short_past_is_said(days: int, said: str) -> None:
    demand = [ONE] * 24 * days
    found = " ".join(cautions(demand, 0))
    assert said in found if said else not found
    assert too_little(len(demand)) is (days < 14)


def test_a_trend_and_gaps_are_said() -> None:
    falling = [Decimal(2)] * 24 * 50 + [ONE] * 24 * 50
    assert any("falling" in each and "50 %" in each for each in cautions(falling, 0))
    assert any("rising" in each for each in cautions(falling[::-1], 0))
    assert any("not observed" in each for each in cautions([ONE] * 24 * 100, 500))
