"""The page of changes: why cost is not what it was, and where; and its line for the Overview."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.amounts import length_text
from dashboards.asking import Answer, Asker
from dashboards.change_table import changes
from dashboards.change_words import sentence
from dashboards.money import read_money
from dashboards.overview import MOMENT, filter_choices, period_before, suggestions
from dashboards.page_bar import Choice, bar, kept
from dashboards.page_state import PageState, read_choice, read_state, read_time
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role, Workspace
from finops.insights.explain import Explanation, explain_change
from finops.queries import InvalidRange, Range, coverage, freshness
from finops.queries.dimensions import as_dimension

BY = {
    "tenant": "Tenant",
    "feature": "Feature",
    "team": "Team",
    "environment": "Environment",
    "model": "Model",
}
VERSUS = {
    "previous": ("Before", "As long a time, right before", None),
    "day": ("Day before", "The same hours of the day before", timedelta(days=1)),
    "week": ("Week before", "The same days of the week before", timedelta(days=7)),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """The range that is explained (what has passed of it), the baseline, and how it was chosen."""

    span: Range
    baseline: Range | None
    versus: str


@require_safe
@require_role(Role.VIEWER)
def changes_page(request: WorkspaceRequest) -> HttpResponse:
    """Explain the change to the range in the address, against the one before or another one."""
    workspace, now = request.workspace, timezone.now()
    zone, asker = ZoneInfo(workspace.timezone), Asker()
    known = asker.ask(lambda ch: coverage(ch, workspace.pk))
    state = read_state(request.GET, now=now, zone=zone, known=known.value)
    by = read_choice(request.GET, "by", BY, "tenant", state.notes)
    compared = compare(request.GET, state, zone, now)
    money = read_money(workspace, min(state.span.end - MOMENT, now))
    explained = ask_why(asker, workspace, state, compared, by)
    context: dict[str, Any] = {
        "state": state,
        "bar": changes_bar(state, zone, by),
        "versus": versus_choices(state, compared.versus),
        "compared": compared,
        "kept_by_baseline": kept(state, ("vs", "base_from", "base_to")),
        "periods": period_texts(compared, zone),
        "explained": explained,
        "money": money,
        "freshness": asker.ask(lambda ch: freshness(ch, workspace.pk)),
        "today": now.astimezone(zone).date(),
        "zone": zone,
        "choices": suggestions(filter_choices(asker, workspace, state.span)),
        "no_data": not known.problem and known.value is None,
    }
    if explained.value is not None:
        context["found"] = changes(
            explained.value, link=state.with_value, names=("before", "now"), money=money
        )
        context["same_length"] = same_length(compared)
    return render(request, "dashboards/changes.html", context)


@require_safe
@require_role(Role.VIEWER)
def change_line(request: WorkspaceRequest) -> HttpResponse:
    """The line that the Overview fetches after it is shown: why its spend changed."""
    workspace, now = request.workspace, timezone.now()
    zone, asker = ZoneInfo(workspace.timezone), Asker()
    known = asker.ask(lambda ch: coverage(ch, workspace.pk))
    state = read_state(request.GET, now=now, zone=zone, known=known.value)
    compared = compare(request.GET, state, zone, now)
    explained = ask_why(asker, workspace, state, compared, state.group_by[0])
    total = explained.value.found.total if explained.value else None
    money = read_money(workspace, min(state.span.end - MOMENT, now))
    context = {
        "why": sentence(total, 5, money) if total and total.before_usd else "",
        "url": state.url(by=state.group_by[0], rows=None, sort=None, group=None),
        "before": length_text(compared.baseline.length) if compared.baseline else "",
    }
    return render(request, "dashboards/change_line.html", context)


def ask_why(
    asker: Asker, workspace: Workspace, state: PageState, compared: Compared, by: str
) -> Answer[Explanation]:
    baseline = compared.baseline
    if baseline is None:
        return Answer(None, "There is no time before this range to compare it with.")
    return asker.ask(
        lambda ch: explain_change(
            ch, workspace.pk, compared.span, baseline, as_dimension(by), state.filters
        )
    )


def compare(query: QueryDict, state: PageState, zone: ZoneInfo, now: datetime) -> Compared:
    """Say what is compared with what; of a range that still runs, what has passed of it."""
    span = state.span
    if span.start < now < span.end:
        span = Range(span.start, now)
    if "base_from" in query or "base_to" in query:
        try:
            start = read_time(query.get("base_from", ""), zone)
            end = read_time(query.get("base_to", ""), zone, day_is_part=True)
            return Compared(span, Range(start, end), "")
        except InvalidRange as error:
            state.notes.append(str(error))
        except (ValueError, OverflowError):
            state.notes.append("The range to compare with takes two times, as 2026-11-21T14:00.")
    versus = read_choice(query, "vs", VERSUS, "previous", state.notes)
    back = VERSUS[versus][2]
    if back is None:
        return Compared(span, period_before(span, now), versus)
    return Compared(span, moved_back(span, back, zone), versus)


def moved_back(span: Range, back: timedelta, zone: ZoneInfo) -> Range | None:
    """The same times on the clocks of `zone`, some days earlier: a day may be of 23 or 25 hours."""
    try:
        return Range(*(moment.astimezone(zone) - back for moment in (span.start, span.end)))
    except (InvalidRange, OverflowError):
        return None


def same_length(compared: Compared) -> bool:
    return compared.baseline is None or compared.baseline.length == compared.span.length


def changes_bar(state: PageState, zone: ZoneInfo, by: str) -> Any:
    """The bar of all pages, with what rows stand for as its groups."""
    groups = [
        Choice(text, f"Rows by {name}", state.url(by=name), name == by) for name, text in BY.items()
    ]
    return replace(bar(state, zone), groups=groups)


def versus_choices(state: PageState, versus: str) -> list[Choice]:
    return [
        Choice(text, title, state.url(vs=name, base_from=None, base_to=None), name == versus)
        for name, (text, title, _) in VERSUS.items()
    ]


def period_texts(compared: Compared, zone: ZoneInfo) -> dict[str, str]:
    """Both periods on the clocks of the workspace, and the baseline as a form wants it."""
    texts = {"after": span_text(compared.span, zone)}
    if compared.baseline is not None:
        base = compared.baseline
        texts["before"] = span_text(base, zone)
        texts["base_from"] = base.start.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
        texts["base_to"] = base.end.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    return texts


def span_text(span: Range, zone: ZoneInfo) -> str:
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    return f"{start:%d %b %H:%M} – {end:%d %b %H:%M}"
