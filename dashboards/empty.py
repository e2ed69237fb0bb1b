"""Why a page has nothing to show, and the way out: three different emptinesses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dashboards.asking import Answer
from dashboards.page_state import ALL, PRESETS, PageState
from finops.queries import Coverage, UnitCost


@dataclass(frozen=True, slots=True)
class Empty:
    """What is missing: any call at all, calls in the range, or calls that match the filters."""

    kind: Literal["no_data", "out_of_range", "no_match"]
    url: str = ""
    button: str = ""


def empty_state(
    state: PageState, known: Answer[Coverage | None], totals: Answer[UnitCost], *, now: datetime
) -> Empty | None:
    """Say why there is nothing; None when there is something, or when it isn't known."""
    if known.problem or totals.value is None or totals.value.calls:
        return None
    if known.value is None:
        return Empty("no_data")
    if state.filters:
        return Empty("no_match", state.without_filters(), "Clear the filters")
    for name, (text, length) in PRESETS.items():
        if now - length < known.value.last and now - length < state.span.start:
            return Empty("out_of_range", state.with_preset(name), f"Show the last {text}")
    return Empty("out_of_range", state.with_preset(ALL), "Show all calls")
