"""What the address of a page says: range, grouping, filters, order. Readable, and all there is.

    ?range=24h &group=tenant,model &tenant=acme &tenant= &model=gpt-4o &sort=-cost_usd
    ?from=2026-11-20T14:00 &to=2026-11-21T14:00

An empty value, as `tenant=`, stands for the calls that named none, as in the API. The fields of the
filter form are called typed_tenant, typed_model ...: what is left empty there filters nothing.

Times without an offset, and days, are those of the workspace's zone; a day as `to` is part of the
range. What can't be used is left out and said in `notes`, never half obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict

from finops.queries import DIMENSIONS, ORDERS, Coverage, Dimension, Filters, InvalidRange, Range
from finops.queries.buckets import bucket_for, bucket_start
from finops.queries.range import LONGEST

TYPED = "typed_"
LONGEST_VALUE = 1000
MOST_VALUES = 50

PRESETS: dict[str, tuple[str, timedelta]] = {
    "1h": ("1 hour", timedelta(hours=1)),
    "6h": ("6 hours", timedelta(hours=6)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "90d": ("90 days", timedelta(days=90)),
}
USUAL = "24h"
SHORTER = ("1h", "6h")
ALL = "all"
GROUPS: dict[str, tuple[str, tuple[Dimension, ...]]] = {
    "tenant,model": ("Tenant × model", ("tenant", "model")),
    "tenant": ("Tenant", ("tenant",)),
    "model": ("Model", ("model",)),
}
USUAL_GROUP = "tenant,model"
USUAL_SORT = "-cost_usd"


@dataclass(frozen=True, slots=True)
class PageState:
    """What to show. `preset` is '' for a range of its own; `explicit` are the pairs of its URL."""

    span: Range
    preset: str
    group: str
    filters: Filters
    sort: str
    explicit: Mapping[str, list[str]]
    notes: list[str] = field(default_factory=list)

    @property
    def group_by(self) -> tuple[Dimension, ...]:
        return GROUPS[self.group][1]

    @property
    def stacked_by(self) -> Dimension:
        """What the chart's colours stand for."""
        return self.group_by[-1]

    def url(self, **changes: Any) -> str:
        """This page with some parameters changed; None or an empty list removes one."""
        pairs: dict[str, Any] = {**self.explicit, **changes}
        return "?" + urlencode({name: value for name, value in pairs.items() if value}, doseq=True)

    def with_value(self, dimension: Dimension, value: str) -> str:
        """This page with only the calls of one tenant, model ..."""
        return self.url(**{dimension: [value]})

    def without_value(self, dimension: Dimension, value: str) -> str:
        kept = [name for name in self.filters.values[dimension] if name != value]
        return self.url(**{dimension: kept})

    def without_filters(self) -> str:
        return self.url(**dict.fromkeys(DIMENSIONS))

    def with_preset(self, preset: str) -> str:
        return self.url(range=preset, **{"from": None, "to": None})


def read_state(
    query: QueryDict, *, now: datetime, zone: ZoneInfo, known: Coverage | None
) -> PageState:
    """Read an address. Without a range, the one that `usual_preset` finds is shown."""
    notes: list[str] = []
    preset, span = read_span(query, now, zone, known, notes)
    return PageState(
        span=span,
        preset=preset,
        group=read_choice(query, "group", GROUPS, USUAL_GROUP, notes),
        filters=Filters(
            {name: values for name in DIMENSIONS if (values := read_values(query, name))}
        ),
        sort=read_sort(query, notes),
        explicit=explicit_pairs(query),
        notes=notes,
    )


def usual_preset(known: Coverage | None, now: datetime) -> str:
    """The last 24 hours; all calls while they are younger, more where the last one is older."""
    if known is None:
        return USUAL
    if known.first > now - PRESETS[USUAL][1]:
        return ALL
    reaching = (name for name, (_, length) in PRESETS.items() if known.last > now - length)
    found = next(reaching, ALL)
    return USUAL if found in SHORTER else found


def preset_span(preset: str, now: datetime, zone: ZoneInfo, known: Coverage | None) -> Range:
    """From the start of the bar in which the preset begins, so that no bar is cut on the left."""
    if preset == ALL and known is not None and known.first < now:
        start, length = known.first, now - known.first
    else:
        length = PRESETS.get(preset, PRESETS[USUAL])[1]
        start = now - length
    return Range(max(bucket_start(start, bucket_for(length), zone), now - LONGEST), now)


def read_span(
    query: QueryDict, now: datetime, zone: ZoneInfo, known: Coverage | None, notes: list[str]
) -> tuple[str, Range]:
    if "from" in query or "to" in query:
        try:
            start = read_time(query.get("from", ""), zone)
            end = read_time(query.get("to", ""), zone, day_is_part=True) if query.get("to") else now
            return "", Range(start, end)
        except InvalidRange as error:
            notes.append(str(error))
        except (ValueError, OverflowError):
            notes.append("That range can't be read; it takes two times, as 2026-11-21T14:00.")
    choices = {**PRESETS, ALL: None}
    preset = read_choice(query, "range", choices, usual_preset(known, now), notes)
    return preset, preset_span(preset, now, zone, known)


def read_time(text: str, zone: ZoneInfo, *, day_is_part: bool = False) -> datetime:
    """Read a day or a time; raises ValueError when it is neither."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        day = datetime.fromisoformat(text).date() + timedelta(days=1 if day_is_part else 0)
        return datetime.combine(day, time(), zone)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_choice(
    query: QueryDict, name: str, choices: Mapping[str, object], usual: str, notes: list[str]
) -> str:
    asked = query.get(name, usual)
    if asked in choices:
        return str(asked)
    notes.append(f"There is no {name} “{str(asked)[:40]}”; there is {', '.join(choices)}.")
    return usual


def read_sort(query: QueryDict, notes: list[str]) -> str:
    asked = query.get("sort", USUAL_SORT)
    if asked.removeprefix("-") in ORDERS:
        return asked
    notes.append(f"Rows can't be sorted by “{asked[:40]}”; the costliest come first.")
    return USUAL_SORT


def read_values(query: QueryDict, name: Dimension) -> tuple[str, ...]:
    """The values to keep: those of links, '' for the unattributed, and what the form was told."""
    asked = [*query.getlist(name), *filter(None, query.getlist(TYPED + name))]
    values = [value.replace("\x00", "") for value in asked if len(value) <= LONGEST_VALUE]
    return tuple(dict.fromkeys(values))[:MOST_VALUES]


def explicit_pairs(query: QueryDict) -> dict[str, list[str]]:
    """What the address says of this page; the workspace stays out, the session keeps it."""
    known = ("range", "from", "to", "group", "sort", "rows", "by", "vs", "base_from", "base_to")
    settings = {name: query.getlist(name) for name in known if query.get(name)}
    filters = {name: list(values) for name in DIMENSIONS if (values := read_values(query, name))}
    return settings | filters
