"""The one bar of a page: ranges, grouping and filters, each a link that changes the address."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dashboards.page_state import ALL, GROUPS, PRESETS, PageState
from dashboards.words import name_of
from finops.queries import DIMENSIONS, Dimension


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of the bar, and whether it is what the page shows."""

    label: str
    title: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Pill:
    """A filter that is set, and the page without it."""

    dimension: Dimension
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What the bar shows; `kept` are the hidden fields of its forms."""

    presets: list[Choice]
    groups: list[Choice]
    pills: list[Pill]
    clear_url: str
    custom: bool
    start: str
    end: str
    span_text: str
    kept_by_range: list[tuple[str, str]]
    kept_by_filter: list[tuple[str, str]]


def bar(state: PageState, zone: ZoneInfo) -> Bar:
    start, end = state.span.start.astimezone(zone), state.span.end.astimezone(zone)
    return Bar(
        presets=[
            Choice(name, f"The last {text}", state.with_preset(name), name == state.preset)
            for name, (text, _) in PRESETS.items()
        ]
        + [Choice("All", "All calls", state.with_preset(ALL), state.preset == ALL)],
        groups=[
            Choice(text, f"Rows by {name}", state.url(group=name), name == state.group)
            for name, (text, _) in GROUPS.items()
        ],
        pills=[
            Pill(dimension, name_of(dimension, value), state.without_value(dimension, value))
            for dimension in DIMENSIONS
            for value in state.filters.values.get(dimension, ())
        ],
        clear_url=state.without_filters(),
        custom=not state.preset,
        start=start.strftime("%Y-%m-%dT%H:%M"),
        end=end.strftime("%Y-%m-%dT%H:%M"),
        span_text=f"{start:%d %b %H:%M} – {end:%d %b %H:%M}",
        kept_by_range=kept(state, ("range", "from", "to")),
        kept_by_filter=kept(state, ("tenant", "model")),
    )


def kept(state: PageState, replaced: tuple[str, ...]) -> list[tuple[str, str]]:
    """The parameters that a form hands on, without those that it sets itself."""
    return [
        (name, value)
        for name, values in state.explicit.items()
        if name not in replaced
        for value in values
    ]
