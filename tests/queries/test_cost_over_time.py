from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from finops.clickhouse.client import Warehouse
from finops.queries import Range, cost_over_time
from finops.queries.buckets import BUCKETS, bucket_for, bucket_starts
from tests.queries.rows import WORKSPACE, Charge, add_charges, at, ledger_of

ZULU = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
MINUTE, FIVE_MINUTES, HOUR, DAY, WEEK = BUCKETS


def test_the_bucket_follows_the_length_of_the_range() -> None:
    hours = {1: MINUTE, 2: MINUTE, 3: FIVE_MINUTES, 12: FIVE_MINUTES, 24: HOUR, 24 * 8: HOUR}
    for length, bucket in hours.items():
        assert bucket_for(timedelta(hours=length)) is bucket
    assert bucket_for(timedelta(days=9)) is DAY
    assert bucket_for(timedelta(days=200)) is DAY
    assert bucket_for(timedelta(days=4000)) is WEEK


def test_every_bucket_is_there_even_when_nothing_happened(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("10:01:30"), Decimal(3)))

    found = cost_over_time(ch, WORKSPACE, Range(at("10:00"), at("10:04")), zone=ZULU)

    assert found.starts == [at("10:00"), at("10:01"), at("10:02"), at("10:03")]
    (series,) = found.series
    assert (series.name, series.costs_usd) == ("gpt-4o", [Decimal(i) for i in (0, 3, 0, 0)])


def test_a_partial_hour_at_the_end_is_exact(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("02:30"), Decimal(1)), Charge(at("14:20"), Decimal(2)))
    add_charges(ch, [Charge(at("14:40"), Decimal(4))])

    found = cost_over_time(ch, WORKSPACE, Range(at("01:00"), at("14:30")), zone=ZULU)

    assert found.bucket is HOUR
    assert found.series[0].costs_usd == [0, 1, *[0] * 11, 2]


def test_the_largest_groups_stand_alone_and_the_rest_is_one_series(ch: Warehouse) -> None:
    ledger_of(ch, *(Charge(at("10:00"), Decimal(i), model=f"m{i}") for i in range(1, 12)))

    found = cost_over_time(ch, WORKSPACE, Range(at("10:00"), at("11:00")), zone=ZULU, top=8)

    assert [one.name for one in found.series] == [f"m{i}" for i in range(11, 3, -1)] + [""]
    assert [one.rest for one in found.series] == [False] * 8 + [True]
    assert found.series[-1].total_usd == 1 + 2 + 3
    assert sum(one.total_usd or 0 for one in found.series) == 66


def test_a_model_named_like_nothing_is_not_mixed_with_the_rest(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), Decimal(9), model=""),
        Charge(at("10:00"), Decimal(1), model="small"),
    )
    found = cost_over_time(ch, WORKSPACE, Range(at("10:00"), at("11:00")), zone=ZULU, top=1)
    assert [(one.name, one.rest, one.total_usd) for one in found.series] == [
        ("", False, Decimal(9)),
        ("", True, Decimal(1)),
    ]


def test_a_bucket_of_unpriced_calls_is_unknown_rather_than_zero(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("10:00:10"), None), Charge(at("10:01:10"), Decimal(1)))
    found = cost_over_time(ch, WORKSPACE, Range(at("10:00"), at("10:03")), zone=ZULU)
    assert found.series[0].costs_usd == [None, 1, 0]


def test_a_series_that_is_unknown_or_free_where_it_is_priced_has_no_total(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00:10"), None, model="mystery"),
        Charge(at("10:00:20"), Decimal(0), model="mystery"),
        Charge(at("10:01:10"), Decimal(0), model="mystery"),
        Charge(at("10:01:20"), Decimal(0), model="cached"),
    )
    found = cost_over_time(ch, WORKSPACE, Range(at("10:00"), at("10:03")), zone=ZULU)
    assert {one.name: (one.costs_usd, one.total_usd) for one in found.series} == {
        "mystery": ([None, 0, 0], None),
        "cached": ([0, 0, 0], 0),
    }


def test_days_are_those_of_the_zone_also_when_the_clocks_change(ch: Warehouse) -> None:
    # Berlin's 25 October 2026 has 25 hours: 24th 22:00 UTC to 25th 23:00 UTC.
    start, end = datetime(2026, 10, 20, 22, tzinfo=UTC), datetime(2026, 10, 30, 23, tzinfo=UTC)
    ledger_of(
        ch,
        Charge(datetime(2026, 10, 24, 21, 59, tzinfo=UTC), Decimal(1)),
        Charge(datetime(2026, 10, 24, 22, 0, tzinfo=UTC), Decimal(2)),
        Charge(datetime(2026, 10, 25, 22, 59, tzinfo=UTC), Decimal(4)),
        Charge(datetime(2026, 10, 25, 23, 0, tzinfo=UTC), Decimal(8)),
    )

    found = cost_over_time(ch, WORKSPACE, Range(start, end), zone=BERLIN)

    days = [moment.astimezone(BERLIN).strftime("%d %H:%M") for moment in found.starts]
    assert days == [f"{day} 00:00" for day in range(21, 31)]
    assert found.series[0].costs_usd == [0, 0, 0, 1, 6, 8, 0, 0, 0, 0]


def test_weeks_start_on_monday_in_the_zone(ch: Warehouse) -> None:
    # 26 October 2026 is a Monday; in Berlin it starts on the 25th at 23:00 UTC.
    start, end = datetime(2026, 1, 4, 23, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    ledger_of(
        ch,
        Charge(datetime(2026, 10, 25, 22, 59, tzinfo=UTC), Decimal(1)),
        Charge(datetime(2026, 10, 25, 23, 0, tzinfo=UTC), Decimal(2)),
    )

    found = cost_over_time(ch, WORKSPACE, Range(start, end), zone=BERLIN)

    assert {moment.astimezone(BERLIN).strftime("%a %H:%M") for moment in found.starts} == {
        "Mon 00:00"
    }
    by_week = {
        moment.astimezone(BERLIN).strftime("%d %b"): cost
        for moment, cost in zip(found.starts, found.series[0].costs_usd, strict=True)
        if cost
    }
    assert by_week == {"19 Oct": 1, "26 Oct": 2}


def test_hours_of_a_zone_that_is_off_by_half_an_hour_are_exact(ch: Warehouse) -> None:
    # 10:29 UTC is 15:59 in Kolkata, 10:30 UTC is 16:00.
    ledger_of(ch, Charge(at("10:29"), Decimal(1)), Charge(at("10:30"), Decimal(2)))

    found = cost_over_time(ch, WORKSPACE, Range(at("00:30"), at("20:30")), zone=KOLKATA)

    by_hour = {
        start.astimezone(KOLKATA).hour: cost
        for start, cost in zip(found.starts, found.series[0].costs_usd, strict=True)
        if cost
    }
    assert by_hour == {15: 1, 16: 2}


def test_bucket_starts_cover_the_range_for_each_bucket_and_zone() -> None:
    span = Range(datetime(2026, 3, 27, 10, 17, 3, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    for zone in (ZULU, BERLIN, KOLKATA):
        for bucket in BUCKETS:
            starts = bucket_starts(span, bucket, zone)
            assert starts[0] <= span.start < starts[1]
            assert starts[-1] < span.end
            assert starts == sorted(set(starts))
