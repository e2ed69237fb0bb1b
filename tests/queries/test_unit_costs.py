"""Golden numbers worked by hand from the definitions in the module's docstring."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.clickhouse.client import Warehouse
from finops.queries import (
    NO_FILTERS,
    Filters,
    Range,
    UnknownDimension,
    stream_unit_costs,
    totals,
    unit_costs,
)
from tests.queries.rows import WORKSPACE, Charge, add_charges, at, ledger_of

DAY = Range(at("00:00"), at("23:00"))


def test_clean_cost_is_divided_by_successful_requests_and_waste_stands_beside_it(
    ch: Warehouse,
) -> None:
    # Request 1: a failed attempt ($0.10, retry waste), then success ($0.20).
    # Request 2: success ($0.30). Request 3: success ($0.50). Request 4 never succeeds ($0.07).
    ledger_of(
        ch,
        Charge(at("10:01"), Decimal("0.10"), last_attempt=0, waste_class="retry"),
        Charge(at("10:02"), Decimal("0.20")),
        Charge(at("10:03"), Decimal("0.30")),
        Charge(at("10:04"), Decimal("0.50")),
        Charge(at("10:05"), Decimal("0.07"), request_succeeded=0, waste_class="failed"),
    )

    row = totals(ch, WORKSPACE, DAY)

    assert (row.calls, row.requests, row.successful_requests) == (5, 4, 3)
    assert row.cost_usd == Decimal("1.17")
    assert row.clean_cost_usd == Decimal("1.00")
    assert row.waste_cost_usd == Decimal("0.17")
    assert row.waste_by_class == {
        "retry": Decimal("0.10"),
        "failed": Decimal("0.07"),
        "fallback": 0,
        "aborted": 0,
        "duplicate": 0,
    }
    # 1.00 / 3, 0.17 / 3 and 1.17 / 3, at 12 places
    assert str(row.cost_per_successful_request_usd) == "0.333333333333"
    assert str(row.waste_cost_per_successful_request_usd) == "0.056666666667"
    assert str(row.loaded_cost_per_successful_request_usd) == "0.390000000000"


def test_a_quotient_that_lies_in_the_middle_rounds_to_the_even_digit(ch: Warehouse) -> None:
    # 0.000000000005 / 2 = 0.0000000000025, between ...002 and ...003
    ledger_of(ch, Charge(at("10:00"), Decimal("0.000000000005")), Charge(at("10:01"), Decimal(0)))

    row = totals(ch, WORKSPACE, DAY)

    assert row.cost_per_successful_request_usd == Decimal("0.000000000002")


def test_a_sum_keeps_its_last_digit_where_a_float_would_lose_it(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), Decimal("123456789012.000000000001")),
        Charge(at("10:01"), Decimal("0.000000000001")),
    )
    assert totals(ch, WORKSPACE, DAY).cost_usd == Decimal("123456789012.000000000002")


def test_edges_of_the_range_are_exact_to_the_microsecond(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("09:29:59.999999"), Decimal(1)),
        Charge(at("09:30"), Decimal(2)),
        Charge(at("10:30"), Decimal(4)),
        Charge(at("11:59:59.999999"), Decimal(8)),
        Charge(at("12:14:59.999999"), Decimal(16)),
        Charge(at("12:15"), Decimal(32)),
    )
    assert totals(ch, WORKSPACE, Range(at("09:30"), at("12:15"))).cost_usd == 2 + 4 + 8 + 16
    assert totals(ch, WORKSPACE, Range(at("09:30"), at("09:30:00.000001"))).cost_usd == 2
    assert totals(ch, WORKSPACE, Range(at("12:00"), at("13:00"))).cost_usd == 16 + 32


def test_whole_hours_come_from_the_rollup_and_edges_from_the_charges(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("10:10"), Decimal(1)), Charge(at("11:10"), Decimal(2)))
    # these reach the charges alone, so they show where an answer was read
    add_charges(ch, [Charge(at("10:20"), Decimal(10)), Charge(at("11:20"), Decimal(20))])

    assert totals(ch, WORKSPACE, Range(at("10:00"), at("11:30"))).cost_usd == 1 + 2 + 20


def test_tokens_are_totals_of_their_buckets(ch: Warehouse) -> None:
    charge = Charge(
        at("10:00"),
        input_tokens=1,
        cache_read_tokens=20,
        cache_write_5m_tokens=300,
        cache_write_1h_tokens=4000,
        audio_in_tokens=50_000,
        image_in_tokens=600_000,
        output_tokens=7,
        reasoning_tokens=80,
        audio_out_tokens=900,
    )
    unknown = Charge(at("10:01"), input_tokens=None, output_tokens=None)
    ledger_of(ch, charge, unknown)

    for span in (DAY, Range(at("09:59"), at("10:02"))):
        row = totals(ch, WORKSPACE, span)
        assert (row.input_tokens, row.output_tokens) == (654_321, 987)


def test_a_group_whose_calls_are_all_unpriced_has_no_cost_rather_than_zero(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), None, model="mystery", unpriced_reason="no_rate"),
        Charge(at("10:01"), Decimal("0.40"), model="gpt-4o"),
        Charge(at("10:02"), None, model="gpt-4o", unpriced_reason="no_usage"),
    )

    priced, unpriced = unit_costs(ch, WORKSPACE, DAY, ["model"]).rows

    assert (priced.group["model"], priced.cost_usd, priced.unpriced_calls) == (
        "gpt-4o",
        Decimal("0.40"),
        1,
    )
    assert priced.cost_per_successful_request_usd == Decimal("0.20")
    assert unpriced.group["model"] == "mystery"
    assert unpriced.cost_usd is None
    assert unpriced.waste_cost_usd is None
    assert unpriced.retry_cost_usd is None
    assert unpriced.cost_per_successful_request_usd is None
    assert unpriced.loaded_cost_per_successful_request_usd is None


def test_calls_that_cost_nothing_do_not_make_unpriced_ones_free(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), None, model="mystery", unpriced_reason="no_rate"),
        Charge(at("10:01"), Decimal(0), model="mystery", request_succeeded=0),
        Charge(at("10:02"), Decimal(0), model="cached"),
        Charge(at("10:03"), None, model="mixed", unpriced_reason="no_rate"),
        Charge(at("10:04"), Decimal("0.000000000001"), model="mixed"),
    )

    for order in ("-cost_usd", "cost_usd"):
        rows = unit_costs(ch, WORKSPACE, DAY, ["model"], order=order).rows
        assert {row.group["model"]: row.cost_usd for row in rows} == {
            "mixed": Decimal("0.000000000001"),
            "cached": Decimal(0),
            "mystery": None,
        }
        assert rows[-1].group["model"] == "mystery"
        assert rows[-1].loaded_cost_per_successful_request_usd is None
    assert totals(ch, WORKSPACE, DAY).cost_usd == Decimal("0.000000000001")
    assert totals(ch, WORKSPACE, Range(at("10:00"), at("10:03"))).cost_usd is None


def test_without_a_successful_request_there_is_no_cost_per_request(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("10:00"), Decimal(3), request_succeeded=0, waste_class="failed"))

    row = totals(ch, WORKSPACE, DAY)

    assert row.waste_cost_usd == 3
    assert row.cost_per_successful_request_usd is None
    assert row.waste_cost_per_successful_request_usd is None
    assert row.loaded_cost_per_successful_request_usd is None


def test_calls_that_repeat_another_add_nothing(ch: Warehouse) -> None:
    ledger_of(
        ch, Charge(at("10:00"), Decimal(1)), Charge(at("10:01"), Decimal(1), counted=0, tenant="x")
    )
    for span in (DAY, Range(at("09:30"), at("10:30"))):
        assert totals(ch, WORKSPACE, span).calls == 1
        assert [
            row.group["tenant"] for row in unit_costs(ch, WORKSPACE, span, ["tenant"]).rows
        ] == ["acme"]


def test_a_newer_version_of_a_row_replaces_the_older(ch: Warehouse) -> None:
    key: dict[str, Sequence[Any]] = {
        "workspace_id": [WORKSPACE],
        "hour": [at("10:00")],
        "tenant": ["acme"],
        "model": ["gpt-4o"],
    }
    row: dict[str, Sequence[Any]] = {**key, "calls": [1], "cost_usd": [Decimal(5)], "version": [1]}
    ch.insert("usage_hourly", row)
    ch.insert("usage_hourly", {**row, "cost_usd": [Decimal(6)], "version": [2]})
    assert totals(ch, WORKSPACE, DAY).cost_usd == 6

    ch.insert("usage_hourly", {**row, "is_deleted": [1], "version": [3]})
    assert totals(ch, WORKSPACE, DAY).calls == 0


def test_nothing_in_the_range_is_zero_and_no_rows(ch: Warehouse) -> None:
    empty = totals(ch, WORKSPACE, DAY)
    assert (empty.calls, empty.cost_usd) == (0, Decimal(0))
    assert empty.cost_per_successful_request_usd is None
    assert unit_costs(ch, WORKSPACE, DAY, ["tenant"]).rows == []


def test_rows_are_grouped_by_every_dimension_asked_for(ch: Warehouse) -> None:
    charge = Charge(
        at("10:00"), tenant="t", model="m", provider="p", feature="f", team="x",
        environment="e", operation="o",
    )  # fmt: skip
    ledger_of(ch, charge)
    names = ["operation", "tenant", "model", "provider", "feature", "team", "environment"]

    for span in (DAY, Range(at("09:59"), at("10:01"))):
        (row,) = unit_costs(ch, WORKSPACE, span, names).rows
        assert list(row.group.items()) == [
            ("operation", "o"),
            ("tenant", "t"),
            ("model", "m"),
            ("provider", "p"),
            ("feature", "f"),
            ("team", "x"),
            ("environment", "e"),
        ]


def test_filters_keep_only_the_values_named_whatever_is_in_them(ch: Warehouse) -> None:
    odd = "o'Neil\\ \t{x:String} ü"
    ledger_of(
        ch,
        Charge(at("10:00"), Decimal(1), tenant=odd),
        Charge(at("10:00"), Decimal(2), tenant=""),
        Charge(at("10:00"), Decimal(4), tenant="acme", model="other"),
    )
    for span in (DAY, Range(at("09:59"), at("10:01"))):
        assert totals(ch, WORKSPACE, span, Filters({"tenant": (odd,)})).cost_usd == 1
        assert totals(ch, WORKSPACE, span, Filters({"tenant": ("", odd)})).cost_usd == 3
        both = Filters({"tenant": ("acme", odd), "model": ("other",)})
        assert totals(ch, WORKSPACE, span, both).cost_usd == 4


def test_another_workspace_is_never_seen(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("10:00"), workspace_id=8), Charge(at("11:10"), workspace_id=8))
    for span in (DAY, Range(at("09:59"), at("11:30"))):
        assert totals(ch, WORKSPACE, span).calls == 0
        assert unit_costs(ch, WORKSPACE, span, ["tenant"]).rows == []


def test_rows_are_sorted_by_any_measure_unknown_values_last_and_ties_by_name(
    ch: Warehouse,
) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), Decimal(5), tenant="b"),
        Charge(at("10:00"), Decimal(5), tenant="a"),
        Charge(at("10:00"), Decimal(1), tenant="c"),
        Charge(at("10:01"), Decimal(9), tenant="c"),
        Charge(at("10:00"), None, tenant="unpriced"),
        Charge(at("10:00"), Decimal(2), tenant="hopeless", request_succeeded=0),
    )

    def tenants(order: str) -> list[str]:
        found = unit_costs(ch, WORKSPACE, DAY, ["tenant"], order=order)
        return [row.group["tenant"] for row in found.rows]

    assert tenants("-cost_usd") == ["c", "a", "b", "hopeless", "unpriced"]
    assert tenants("cost_usd") == ["hopeless", "a", "b", "c", "unpriced"]
    assert tenants("-cost_per_successful_request_usd") == ["a", "b", "c", "hopeless", "unpriced"]
    assert tenants("-calls") == ["c", "a", "b", "hopeless", "unpriced"]


def test_a_limit_says_how_many_groups_there_are(ch: Warehouse) -> None:
    ledger_of(ch, *(Charge(at("10:00"), tenant=f"t{i}") for i in range(5)))

    found = unit_costs(ch, WORKSPACE, DAY, ["tenant"], limit=2)

    assert (len(found.rows), found.groups) == (2, 5)


def test_a_stream_yields_the_same_rows(ch: Warehouse) -> None:
    ledger_of(ch, *(Charge(at("10:00"), Decimal(i), tenant=f"t{i}") for i in range(5)))
    rows = unit_costs(ch, WORKSPACE, DAY, ["tenant", "model"]).rows
    assert list(stream_unit_costs(ch, WORKSPACE, DAY, ["tenant", "model"], NO_FILTERS)) == rows


@pytest.mark.parametrize("name", ["user_id", "tenant; DROP TABLE calls", "", "TENANT"])
def test_a_name_that_is_no_dimension_is_refused(ch: Warehouse, name: str) -> None:
    with pytest.raises(UnknownDimension):
        unit_costs(ch, WORKSPACE, DAY, [name])
    with pytest.raises(UnknownDimension):
        unit_costs(ch, WORKSPACE, DAY, ["tenant"], order=f"-{name}")


def test_two_parts_of_a_range_add_up_to_the_whole_wherever_it_is_cut(ch: Warehouse) -> None:
    rng = random.Random(5)
    classes = ["clean", "clean", "retry", "failed", "duplicate"]
    ledger_of(
        ch,
        *(
            Charge(
                at("08:00") + timedelta(seconds=rng.uniform(0, 4 * 3600)),
                rng.choice([None, Decimal(rng.randrange(10**9)).scaleb(-12)]),
                counted=rng.choice([0, 1, 1]),
                last_attempt=rng.choice([0, 1]),
                request_succeeded=rng.choice([0, 1]),
                waste_class=rng.choice(classes),
                reasoning_tokens=rng.choice([None, 3]),
            )
            for _ in range(400)
        ),
    )

    @given(st.tuples(*[st.integers(0, 4 * 3600 * 10)] * 3).filter(lambda t: len(set(t)) == 3))
    @settings(max_examples=25, deadline=None, derandomize=True)
    def adds_up(tenths: tuple[int, ...]) -> None:
        start, cut, end = (at("08:00") + timedelta(seconds=t / 10) for t in sorted(tenths))
        left = totals(ch, WORKSPACE, Range(start, cut))
        right = totals(ch, WORKSPACE, Range(cut, end))
        whole = totals(ch, WORKSPACE, Range(start, end))
        for name in ("calls", "requests", "successful_requests", "input_tokens", "output_tokens"):
            assert getattr(left, name) + getattr(right, name) == getattr(whole, name)
        for name in ("cost_usd", "clean_cost_usd", "retry_cost_usd", "duplicate_cost_usd"):
            parts = (getattr(left, name) or 0) + (getattr(right, name) or 0)
            assert parts == (getattr(whole, name) or 0)

    adds_up()
