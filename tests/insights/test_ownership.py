from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.insights.assumptions import ENTERED, BadAssumption, assume
from finops.insights.ownership import (
    MONTH_S,
    BreakEven,
    Terms,
    Traffic,
    Way,
    break_even,
    courses,
    gpus_needed,
    replica_month_usd,
    replica_tokens,
)
from finops.insights.ownership_case import ALL, measured_wakefulness, ownership_case
from tests.queries.rows import at

# A GPU makes 1000 tokens/s at 50 %: 1,314,900,000 tokens in a month of 730.5 hours.
K = Decimal(1_314_900_000)
TERMS = Terms(
    growth=Decimal(0), api_price_change=Decimal(0), discount_rate=Decimal(0),
    throughput_tokens_s=Decimal(1000), utilisation=Decimal("0.5"), replica_gpus=Decimal(1),
    least_replicas=Decimal(1), rent_usd_hour=Decimal(2), rented_staff_usd=Decimal(1000),
    purchase_usd=Decimal(24_000), life_months=Decimal(48), resale=Decimal(1),
    power_kw=Decimal(1), pue=Decimal("1.5"), energy_usd_kwh=Decimal("0.10"),
    hosting_usd_kw=Decimal(100), maintenance=Decimal("0.05"), owned_staff_usd=Decimal(2000),
    serverless_usd_s=Decimal("0.001"), serverless_throughput=Decimal("0.5"),
    awake_hours=Decimal(100), wake_ups=Decimal(100), cold_start_s=Decimal(30),
    serverless_staff_usd=Decimal(7),
)  # fmt: skip
TRAFFIC = Traffic(output_tokens=K, tokens=4 * K, api_usd=Decimal(10_000))


def totals(terms: Terms, traffic: Traffic = TRAFFIC) -> dict[str, tuple[Decimal, Decimal]]:
    return {
        course.way: (course.total_usd(12), course.total_usd(36))
        for course in courses(traffic, terms)
    }


def test_a_year_and_three_by_hand() -> None:
    found = totals(TERMS)
    assert found["api"] == (Decimal(120_000), Decimal(360_000))
    # one GPU: 730.5 h x $2 + $1000 a month
    assert found["rented"] == (Decimal(12 * 2461), Decimal(36 * 2461))
    # $24,000, and a month $109.575 energy + $100 hosting + $100 maintenance + $2000 people;
    # after a year three quarters are left, after three years one quarter
    month = Decimal("2309.575")
    assert found["owned"] == (24_000 + 12 * month - 18_000, 24_000 + 36 * month - 6_000)
    # 1,314,900,000 tokens at 500/s and 100 starts of 30 s, at $0.001 a second; $7 of people
    assert found["serverless"] == (12 * Decimal("2639.8"), 36 * Decimal("2639.8"))


def test_serverless_waits_for_sporadic_calls_and_is_paid_for_it() -> None:
    sporadic = replace(TRAFFIC, output_tokens=Decimal(1_000_000))
    # 2000 s of work, but 100 h awake, and 3000 s of starts
    assert totals(TERMS, sporadic)["serverless"][0] == 12 * (Decimal(360) + 3 + 7)


def test_gpus_come_by_whole_replicas_and_never_fewer_than_the_least() -> None:
    assert gpus_needed(K, TERMS) == 1
    assert gpus_needed(K + 1, TERMS) == 2
    four = replace(TERMS, replica_gpus=Decimal(4))
    assert gpus_needed(K, four) == 4
    assert gpus_needed(4 * K + 1, four) == 8
    assert gpus_needed(Decimal(0), replace(TERMS, least_replicas=Decimal(2))) == 2


def test_growth_buys_gpus_when_they_are_needed() -> None:
    rented, owned = (
        course for course in courses(TRAFFIC, replace(TERMS, growth=Decimal("0.1")))
        if course.way in ("rented", "owned")
    )  # fmt: skip
    # 1.1^m needs two from month 1, three from month 8
    assert owned.gpus[:9] == rented.gpus[:9] == [1, 2, 2, 2, 2, 2, 2, 2, 3]
    bought = [owned.months[m] - owned.gpus[m] * Decimal("309.575") - 2000 for m in range(9)]
    assert bought == [24_000, 24_000, 0, 0, 0, 0, 0, 0, 24_000]


def test_money_of_later_counts_less_with_a_discount_rate() -> None:
    found = courses(TRAFFIC, replace(TERMS, discount_rate=Decimal("0.21")))[0]
    assert found.months[0] == 10_000
    assert round(found.months[12], 6) == round(Decimal(10_000) / Decimal("1.21"), 6)


def test_the_break_even_by_hand() -> None:
    # API: $10,000 for K. Rented: $1461 + $1000 for up to K, so from 24.61 % of K on
    found = break_even("rented", TRAFFIC, TERMS)
    assert found.first_output_tokens == found.for_good_output_tokens == K * Decimal("0.2461")
    assert found.all_tokens(found.first_output_tokens) == 4 * K * Decimal("0.2461")
    assert replica_month_usd("owned", TERMS) == 500 + Decimal("309.575")


def test_where_a_full_gpu_costs_more_than_its_tokens_there_is_no_break_even() -> None:
    cheap = replace(TRAFFIC, api_usd=Decimal(1461))
    assert break_even("rented", cheap, TERMS).first_output_tokens is None
    silent = replace(TRAFFIC, output_tokens=Decimal(0))
    assert break_even("rented", silent, TERMS).first_output_tokens is None


def gpus_cost(tokens: Decimal, terms: Terms, way: Way) -> Decimal:
    replicas = gpus_needed(tokens, terms) / terms.replica_gpus
    staff = terms.rented_staff_usd if way == "rented" else terms.owned_staff_usd
    return staff + replicas * replica_month_usd(way, terms)


@given(
    st.integers(1, 20_000), st.integers(0, 40_000), st.integers(1, 3),
    st.sampled_from(["rented", "owned"]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_below_the_break_even_the_api_is_cheaper_and_above_it_is_not(
    api_usd: int, staff: int, least: int, way: Way
) -> None:
    terms = replace(
        TERMS, least_replicas=Decimal(least),
        rented_staff_usd=Decimal(staff), owned_staff_usd=Decimal(staff),
    )  # fmt: skip
    traffic = replace(TRAFFIC, api_usd=Decimal(api_usd))
    found: BreakEven = break_even(way, traffic, terms)
    price = traffic.api_usd / traffic.output_tokens
    first, good = found.first_output_tokens, found.for_good_output_tokens
    steps = [replica_tokens(terms) * n for n in range(1, 60)]
    near = Decimal("0.000001")
    if first is None or good is None:
        assert all(gpus_cost(step, terms, way) > price * step * (1 - near) for step in steps)
        return
    # The API is cheapest beside GPUs just after a step, GPUs just before the next.
    for step in steps:
        if step < first * (1 - near):
            assert gpus_cost(step, terms, way) > price * step
        if step > good:
            assert gpus_cost(step + 1, terms, way) <= price * step * (1 + near)
    assert abs(gpus_cost(first, terms, way) - price * first) <= near * price * first + near


def test_each_assumption_says_where_it_is_from() -> None:
    measured = {
        "output_tokens": (Decimal(5), "measured: x"),
        "api_usd": (Decimal(1), "measured: x"),
    }
    found = assume(ALL, {"pue": "1.2", "api_usd": "1,000.50", "growth_percent": " "}, measured)
    assert (found["pue"].value, found["pue"].source) == (Decimal("1.2"), ENTERED)
    assert (found["api_usd"].value, found["api_usd"].entered) == (Decimal("1000.50"), True)
    assert found["output_tokens"].source == "measured: x"
    assert all(each.source for each in found.values())
    # throughput is neither measured nor entered, and nothing is made up for it
    assert found["throughput_tokens_s"].value is None
    assert ownership_case(found) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("pue", "0.9"), ("pue", "x"), ("pue", "NaN"), ("pue", "9" * 40), ("replica_gpus", "1.5"),
     ("growth_percent", "-51"), ("energy_usd_kwh", "Infinity")],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadAssumption) as refused:
        assume(ALL, {name: text})
    assert refused.value.name == name


def test_everything_entered_gives_a_case() -> None:
    given_all = {"output_tokens": "1e9", "input_tokens": "3e9", "api_usd": "10000",
                 "throughput_tokens_s": "1000"}  # fmt: skip
    case = ownership_case(assume(ALL, given_all))
    assert case is not None
    assert case.traffic.tokens == 4 * 10**9
    assert case.cheapest(12).total_usd(12) <= case.courses[0].total_usd(12)
    assert MONTH_S == 2_629_800


def test_a_server_wakes_up_after_pauses_in_which_it_slept() -> None:
    minutes = [at("10:00"), at("10:01"), at("10:02"), at("10:30"), at("10:33")]
    month = Decimal("730.5")
    asleep = measured_wakefulness(minutes, Decimal(60), month)
    # awake 10:00 to 10:04, 10:30 to 10:32, 10:33 to 10:35
    assert [asleep[name][0] for name in ("wake_ups", "awake_hours")] == [3, Decimal("0.1")]
    patient = measured_wakefulness(minutes, Decimal(1200), month)
    # awake 10:00 to 10:23, 10:30 to 10:54
    assert [patient[name][0] for name in ("wake_ups", "awake_hours")] == [2, Decimal("0.8")]
    assert measured_wakefulness([], Decimal(60), month) == {}
