from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from finops.insights.drivers import FACTORS, Drivers, drivers
from finops.queries.drivers import Billed, Cell, Period

NOTHING = Period({}, ())
HALF_UNIT = Decimal("0.0000000001")


def calls(
    n: int, model: str = "big", segment: str = "acme", *, superseded: bool = False, hits: int = 0,
    **billed: tuple[int, str] | tuple[int, str, str],
) -> Cell:  # fmt: skip
    kinds = {
        kind: Billed(units, Decimal(cost), Decimal(saving[0] if saving else 0))
        for kind, (units, cost, *saving) in billed.items()
    }
    return Cell(segment, "openai", model, superseded, n, hits, kinds)


def period(actions: int, *cells: Cell) -> Period:
    return Period(dict.fromkeys({cell.segment for cell in cells}, actions), cells)


def parts_of(found: Drivers) -> dict[str, Decimal]:
    return {factor: part for factor, part in found.total.parts.items() if part}


def test_each_factor_alone_takes_the_whole_change() -> None:
    before = period(10, calls(20, input=(2000, "2.00")))
    cases = {
        "volume": period(20, calls(40, input=(4000, "4.00"))),
        "calls_per_action": period(10, calls(40, input=(4000, "4.00"))),
        "tokens_per_call": period(10, calls(20, input=(4000, "4.00"))),
        "price": period(10, calls(20, input=(2000, "4.00"))),
        # half of the input comes from the cache at a tenth of its price
        "cache": period(10, calls(20, input=(2000, "1.10", "0.90"))),
        "retry": period(
            10,
            calls(20, input=(2000, "2.00")),
            calls(20, superseded=True, input=(2000, "2.00")),
        ),
    }
    for factor, after in cases.items():
        change = after.cost_usd - before.cost_usd
        assert parts_of(drivers(before, after)) == {factor: change}, factor


def test_hits_of_the_own_cache_are_a_saving_of_the_cache() -> None:
    before = period(10, calls(20, input=(2000, "2.00")))
    after = period(10, calls(20, hits=5, input=(1500, "1.50")))
    assert parts_of(drivers(before, after)) == {"cache": Decimal("-0.50")}


def test_a_move_to_a_cheaper_model_is_mix_even_where_it_is_new() -> None:
    before = period(10, calls(20, "big", input=(2000, "2.00")))
    after = period(
        10, calls(5, "big", input=(500, "0.50")), calls(15, "small", input=(1500, "0.15"))
    )
    found = drivers(before, after, lambda cell: cell.model)
    assert parts_of(found) == {"model_mix": Decimal("-1.35")}
    assert {name: row.change_usd for name, row in found.rows.items()} == {
        "big": Decimal("-1.50"),
        "small": Decimal("0.15"),
    }


def test_more_output_for_each_call_is_no_change_of_price() -> None:
    # output costs ten times what input costs, so the average token became dearer and no rate did
    before = period(10, calls(10, input=(1000, "1.00"), output=(100, "1.00")))
    after = period(10, calls(10, input=(1000, "1.00"), output=(300, "3.00")))
    assert parts_of(drivers(before, after)) == {"tokens_per_call": Decimal("2.00")}


def test_two_factors_by_hand() -> None:
    # 10 actions x $1 become 15 x $2: volume 5 x (1 + 2) / 2, price 1 x (10 + 15) / 2
    before = period(10, calls(10, input=(1000, "10")))
    after = period(15, calls(15, input=(1500, "30")))
    assert parts_of(drivers(before, after)) == {"volume": Decimal("7.5"), "price": Decimal("12.5")}


def test_three_factors_by_hand() -> None:
    # actions 2 -> 3, tokens 10 -> 20, price 1 -> 4: $20 -> $240
    # volume: 1 x (10*1/3 + (20*1 + 10*4)/6 + 20*4/3) = 40
    # tokens: 10 x (2*1/3 + (3*1 + 2*4)/6 + 3*4/3) = 65
    # price: 3 x (2*10/3 + (3*10 + 2*20)/6 + 3*20/3) = 115
    before = period(2, calls(2, input=(20, "20")))
    after = period(3, calls(3, input=(60, "240")))
    assert parts_of(drivers(before, after)) == {
        "volume": Decimal(40), "tokens_per_call": Decimal(65), "price": Decimal(115),
    }  # fmt: skip


def test_out_of_nothing_all_is_volume() -> None:
    some = period(10, calls(20, input=(2000, "2.00")), calls(3, superseded=True, input=(9, "0.01")))
    assert parts_of(drivers(NOTHING, some)) == {"volume": Decimal("2.01")}
    assert parts_of(drivers(some, NOTHING)) == {"volume": Decimal("-2.01")}
    assert parts_of(drivers(NOTHING, NOTHING)) == {}


def test_segments_that_offset_each_other_are_seen() -> None:
    before = period(
        1, calls(10, segment="a", fees=(10, "1")), calls(30, segment="b", fees=(30, "3"))
    )
    after = period(
        1, calls(30, segment="a", fees=(30, "3")), calls(10, segment="b", fees=(10, "1"))
    )
    found = drivers(before, after)
    assert found.total.change_usd == 0
    assert {name: row.change_usd for name, row in found.rows.items()} == {"a": 2, "b": -2}


def test_free_attempts_that_were_retried_explain_nothing() -> None:
    before = period(10, calls(20, input=(2000, "2.00")))
    after = period(10, calls(20, input=(2000, "2.00")), calls(5, superseded=True))
    assert parts_of(drivers(before, after)) == {}


COUNT = st.integers(0, 10**7)
USD = st.decimals(0, 10**6, places=12)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    n = draw(st.integers(1, 10**6))
    superseded = draw(st.booleans())
    hits = 0 if superseded else draw(st.integers(0, n))
    kinds = draw(st.sets(st.sampled_from(["input", "output", "fees"])))
    billed = {
        kind: Billed(
            draw(COUNT),
            Decimal(0) if hits == n else draw(USD),
            draw(USD) - draw(USD) if kind == "input" else Decimal(0),
        )
        for kind in kinds
    }
    return Cell(
        draw(st.sampled_from(["a", "b"])), "p", draw(st.sampled_from(["m", "n"])), superseded, n,
        hits, billed,
    )  # fmt: skip


@st.composite
def periods(draw: st.DrawFn) -> Period:
    found = {(c.segment, c.model, c.superseded): c for c in draw(st.lists(cells(), max_size=6))}
    actions = {segment: draw(st.integers(0, 10**6)) for segment in ("a", "b")}
    return Period(actions, tuple(found.values()))


@given(periods(), periods())
@settings(max_examples=60, deadline=None)
def test_parts_sum_to_the_change_to_the_last_digit(before: Period, after: Period) -> None:
    change = after.cost_usd - before.cost_usd
    for row_of in (None, lambda cell: cell.model):
        found = drivers(before, after, row_of)
        assert sum(found.total.parts.values()) == found.total.change_usd == change
        for row in found.rows.values():
            assert sum(row.parts.values()) == row.change_usd
        for factor in FACTORS:
            assert found.total.parts[factor] == sum(r.parts[factor] for r in found.rows.values())


@given(periods(), periods())
@settings(max_examples=30, deadline=None)
def test_the_other_way_round_all_signs_turn(before: Period, after: Period) -> None:
    there, back = drivers(before, after), drivers(after, before)
    assert there.total.parts == {factor: -part for factor, part in back.total.parts.items()}


def times(period_: Period, k: int) -> Period:
    return Period(
        period_.actions,
        tuple(
            Cell(c.segment, c.provider, c.model, c.superseded, c.calls, c.hits, {
                kind: Billed(b.units, b.cost_usd * k, b.saving_usd * k)
                for kind, b in c.billed.items()
            })
            for c in period_.cells
        ),
    )  # fmt: skip


@given(periods(), periods(), st.integers(2, 1000))
@settings(max_examples=30, deadline=None)
def test_money_of_another_size_has_parts_of_that_size(
    before: Period, after: Period, k: int
) -> None:
    one, many = drivers(before, after), drivers(times(before, k), times(after, k))
    for factor in FACTORS:
        assert abs(one.total.parts[factor] * k - many.total.parts[factor]) <= k * HALF_UNIT


@given(periods())
@settings(max_examples=30, deadline=None)
def test_nothing_changed_nothing_explained(same: Period) -> None:
    assert parts_of(drivers(same, same)) == {}
