"""The address of a page: what is read from it and what links write into it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from dashboards.page_state import PageState, read_state, usual_preset
from finops.queries import Coverage, Range
from tests.queries.rows import at

ZULU = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = at("14:35:20")


def state(query: str = "", zone: ZoneInfo = ZULU, known: Coverage | None = None) -> PageState:
    return read_state(QueryDict(query), now=NOW, zone=zone, known=known)


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


@pytest.mark.parametrize(
    ("first", "last", "preset"),
    [
        (ago(days=40), ago(minutes=1), "24h"),
        (ago(days=40), ago(hours=23), "24h"),
        (ago(hours=1, minutes=2), ago(minutes=2), "all"),
        (ago(hours=20), ago(hours=19), "all"),
        (ago(days=5), ago(days=4), "7d"),
        (ago(days=60), ago(days=29), "30d"),
        (ago(days=900), ago(days=800), "all"),
    ],
)
def test_the_usual_range_shows_what_there_is(first: datetime, last: datetime, preset: str) -> None:
    assert usual_preset(Coverage(first, last), NOW) == preset


def test_a_preset_starts_with_a_whole_bar_and_ends_now() -> None:
    assert state("range=1h").span == Range(at("13:35"), NOW)
    assert state("range=6h").span == Range(at("08:35"), NOW)
    assert state("range=24h").span == Range(at("14:00") - timedelta(days=1), NOW)


def test_all_starts_with_the_first_call() -> None:
    known = Coverage(at("13:20:40"), at("14:20"))
    assert state("range=all", known=known).span == Range(at("13:20"), NOW)


def test_all_goes_back_no_further_than_charges_are_kept() -> None:
    known = Coverage(ago(days=820), ago(days=1))
    assert state("range=all", known=known).span == Range(ago(days=800), NOW)


def test_times_of_the_address_are_those_of_the_workspace() -> None:
    span = state("from=2026-11-21T10:00&to=2026-11-21T12:00", zone=BERLIN).span
    assert span == Range(at("09:00"), at("11:00"))
    assert state("from=2026-11-21T10:00Z&to=2026-11-21T12:00%2B01:00", zone=BERLIN).span == Range(
        at("10:00"), at("11:00")
    )


def test_a_day_as_the_end_is_part_of_the_range() -> None:
    span = state("from=2026-11-01&to=2026-11-30", zone=BERLIN).span
    assert span.start.astimezone(BERLIN) == datetime(2026, 11, 1, tzinfo=BERLIN)
    assert span.end.astimezone(BERLIN) == datetime(2026, 12, 1, tzinfo=BERLIN)


@pytest.mark.parametrize(
    "query",
    [
        "range=2h",
        "from=x&to=y",
        "from=2026-11-21T10:00&to=2026-11-21T09:00",
        "to=2026-11-21",
        "from=9999-12-31&to=9999-12-31",
        "group=user",
        "sort=-price",
    ],
)
def test_what_cannot_be_read_is_said_and_the_usual_is_shown(query: str) -> None:
    found = state(query)
    assert len(found.notes) == 1
    assert (found.preset, found.group, found.sort) == ("24h", "tenant,model", "-cost_usd")


def test_filters_name_values_and_the_empty_one_is_the_unattributed() -> None:
    found = state("tenant=acme&tenant=&tenant=(none)&team=red")
    assert found.filters.values == {"tenant": ("acme", "", "(none)"), "team": ("red",)}


def test_a_field_of_the_form_that_is_left_empty_filters_nothing() -> None:
    found = state("typed_tenant=acme&typed_model=")
    assert found.filters.values == {"tenant": ("acme",)}
    assert found.with_preset("1h") == "?tenant=acme&range=1h"


def test_links_change_one_thing_and_keep_the_rest() -> None:
    found = state("range=7d&tenant=a%26b&tenant=&group=model&workspace=acme")
    assert found.with_preset("1h") == "?range=1h&group=model&tenant=a%26b&tenant="
    assert found.without_value("tenant", "") == "?range=7d&group=model&tenant=a%26b"
    assert found.with_value("model", "") == ("?range=7d&group=model&tenant=a%26b&tenant=&model=")
    assert found.without_filters() == "?range=7d&group=model"
    assert state("from=2026-11-21&to=2026-11-21").with_preset("7d") == "?range=7d"


def test_the_chart_is_stacked_by_the_last_of_the_groups() -> None:
    assert [state(f"group={group}").stacked_by for group in ("tenant,model", "tenant")] == [
        "model",
        "tenant",
    ]
