"""Rows of an hour add up to its bill to the last digit, and nothing vanishes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.costing.allocation.bill import Bill
from finops.costing.allocation.cards import TICKS, Seen
from finops.costing.allocation.plan import Pool
from finops.costing.allocation.split import (
    GPU_TIME,
    NOBODY,
    TOKENS,
    CallWork,
    Group,
    Split,
    split_bill,
    usd,
)

H = 3_600_000  # an hour of one GPU, in milliseconds
ZERO = Decimal(0)
POOL = Pool("h100", (), ())
MS = st.integers(0, 64 * H)


def seen(gpus: int, covered_ms: int, busy_ms: int, energy_j: int = 0) -> Seen:
    return Seen(gpus, covered_ms * TICKS, busy_ms * TICKS, covered_ms, energy_j)


def bill_of(rent: Decimal, gpu_ms: int, overhead: Decimal = Decimal(0)) -> Bill:
    none = Decimal(0)
    return Bill(Decimal(1), gpu_ms, 0, rent, none, none, none, overhead, 0.0, None)


def work(tenant: str, tokens: int, *, model: str = "m", gpu_ms: int | None = None) -> CallWork:
    return CallWork(
        Group(tenant, model, "vllm"),
        calls=1,
        tokens=tokens,
        served=1,
        timed=int(gpu_ms is not None),
        token_weight=tokens * 1000,
        time_weight=(gpu_ms or 0) * 1000,
    )


def costs(split: Split) -> dict[tuple[str, str], Decimal]:
    return {(row.kind, row.group.tenant): row.cost_usd for row in split.rows}


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    units = st.integers(0, 10**18).map(usd)
    return bill_of(draw(units), draw(MS), draw(units))


@st.composite
def sightings(draw: st.DrawFn) -> Seen:
    covered = draw(MS)
    return seen(8, covered, draw(st.integers(0, covered)), draw(st.integers(0, 10**9)))


WORKS = st.lists(
    st.builds(
        CallWork,
        st.builds(Group, *(st.sampled_from(names) for names in ("abc", "xy", "vw"))),
        calls=st.integers(0, 9),
        tokens=st.integers(0, 10**6),
        served=st.integers(1, 9),
        token_weight=st.integers(0, 10**12),
        time_weight=st.integers(0, 10**9),
    ),
    max_size=8,
)  # fmt: skip
POOLS = st.sampled_from(
    [POOL, replace(POOL, uniform=True), replace(POOL, uniform=True, tenants=("a", "z"))]
)


@settings(max_examples=200, deadline=None)
@given(POOLS, bills(), sightings(), WORKS)
def test_rows_add_up_to_the_bill_its_gpu_time_and_energy(
    pool: Pool, bill: Bill, watched: Seen, done: list[CallWork]
) -> None:
    split = split_bill(pool, bill, watched, done)
    assert sum(row.cost_usd for row in split.rows) == bill.total_usd
    assert sum(row.gpu_ms for row in split.rows) == bill.gpu_ms
    assert split.busy_ms + split.idle_ms + split.unobserved_ms == bill.gpu_ms
    known = split.busy_ms or split.idle_ms
    assert sum(row.energy_j for row in split.rows) == (watched.energy_j if known else 0)
    assert sum(row.tokens for row in split.rows) == sum(one.tokens for one in done)
    assert sum(row.calls for row in split.rows) == sum(one.calls for one in done)
    assert len({(row.kind, row.group) for row in split.rows}) == len(split.rows)


@settings(max_examples=60, deadline=None)
@given(POOLS, bills(), sightings(), WORKS, st.randoms(use_true_random=False))
def test_the_order_of_the_calls_doesnt_matter(
    pool: Pool, bill: Bill, watched: Seen, done: list[CallWork], dice: Random
) -> None:
    mixed = list(done)
    dice.shuffle(mixed)
    assert split_bill(pool, bill, watched, mixed) == split_bill(pool, bill, watched, done)


@settings(max_examples=60, deadline=None)
@given(bills(), sightings(), WORKS, st.integers(2, 9))
def test_a_bill_so_many_times_as_large_is_shared_in_the_same_parts(
    bill: Bill, watched: Seen, done: list[CallWork], factor: int
) -> None:
    dearer = replace(bill, rent_usd=bill.rent_usd * factor, overhead_usd=bill.overhead_usd * factor)
    once, more = (costs_by_row(split_bill(POOL, one, watched, done)) for one in (bill, dearer))
    for key in once | more:
        # Two roundings, each of less than a unit: of the part, and of the group's share in it.
        assert abs(more.get(key, ZERO) - once.get(key, ZERO) * factor) <= Decimal("2e-12") * (
            factor + 1
        )


def costs_by_row(split: Split) -> dict[object, Decimal]:
    return {(row.kind, row.group): row.cost_usd for row in split.rows}


@settings(max_examples=60, deadline=None)
@given(bills(), sightings(), WORKS)
def test_calls_that_are_told_in_two_parts_cost_what_they_cost_in_one(
    bill: Bill, watched: Seen, done: list[CallWork]
) -> None:
    halves = [half for one in done for half in (
        replace(one, token_weight=one.token_weight // 3, calls=0, tokens=0, output_tokens=0),
        replace(one, token_weight=one.token_weight - one.token_weight // 3),
    )]  # fmt: skip
    assert costs_by_row(split_bill(POOL, bill, watched, halves)) == costs_by_row(
        split_bill(POOL, bill, watched, done)
    )


def test_complaint_23_idle_is_a_row_and_doesnt_vanish_when_no_call_has_any_weight() -> None:
    bill, saw = bill_of(Decimal(10), H), seen(1, H, H // 4)
    for done in ([], [work("a", 0)], [work("a", 0), work("b", 0)]):
        split = split_bill(POOL, bill, saw, done)
        assert costs(split)["idle", ""] == Decimal("7.5")
        assert costs(split)["busy", ""] == Decimal("2.5")
        assert split.basis == NOBODY
        assert {row.group.tenant for row in split.rows} >= {one.group.tenant for one in done}


def test_complaint_23_a_shared_pool_bills_no_gpu_second_twice() -> None:
    bill, saw = bill_of(Decimal(12), 2 * H), seen(2, 2 * H, H)
    split = split_bill(POOL, bill, saw, [work("a", 300), work("b", 100)])
    assert costs(split) == {
        ("busy", "a"): Decimal("4.5"), ("busy", "b"): Decimal("1.5"), ("idle", ""): Decimal(6),
    }  # fmt: skip


def test_uniform_sharing_is_in_equal_parts_by_tenant_and_by_work_within_one() -> None:
    bill, saw = bill_of(Decimal(12), H), seen(1, H, H)
    pool = replace(POOL, uniform=True, tenants=("a", "b", "c"))
    done = [work("a", 900, model="x"), work("a", 300, model="y"), work("b", 1)]
    rows = {
        (r.group.tenant, r.group.model): r.cost_usd for r in split_bill(pool, bill, saw, done).rows
    }
    assert rows == {("a", "x"): 3, ("a", "y"): 1, ("b", "m"): 4, ("c", ""): 4}


def test_gpu_time_that_the_server_measured_goes_before_tokens_if_every_call_has_it() -> None:
    bill, saw = bill_of(Decimal(8), H), seen(1, H, H)
    measured = [work("a", 1000, gpu_ms=100), work("b", 10, gpu_ms=300)]
    split = split_bill(POOL, bill, saw, measured)
    assert (split.basis, costs(split)["busy", "b"]) == (GPU_TIME, Decimal(6))
    split = split_bill(POOL, bill, saw, [*measured, work("c", 990)])
    assert (split.basis, costs(split)["busy", "a"]) == (TOKENS, Decimal(4))


def test_a_silent_pool_is_billed_and_all_of_it_is_unobserved() -> None:
    split = split_bill(POOL, bill_of(Decimal(5), 2 * H), Seen(), [work("a", 5)])
    assert costs(split)["unobserved", ""] == 5
    assert costs(split)["busy", "a"] == 0


def test_more_gpus_than_are_paid_for_share_what_is_paid() -> None:
    split = split_bill(POOL, bill_of(Decimal(9), H), seen(2, 2 * H, H), [work("a", 5)])
    assert (split.busy_ms, split.idle_ms, split.unobserved_ms) == (H // 2, H // 2, 0)
    assert costs(split) == {("busy", "a"): Decimal("4.5"), ("idle", ""): Decimal("4.5")}


@pytest.mark.parametrize("units", [0, 1, 10**13 + 7])
def test_units_are_dollars_with_twelve_places(units: int) -> None:
    assert usd(units) == Decimal(units).scaleb(-12)
