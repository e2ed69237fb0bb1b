"""The Overview page: what did it cost, who for, is it getting better."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboards.amounts import length_text
from dashboards.asking import Answer, Asked, Asker
from dashboards.cards import Comparison, OwnGpus, cards
from dashboards.cost_chart import Chart, cost_chart
from dashboards.empty import empty_state
from dashboards.money import Money, read_money
from dashboards.page_bar import bar
from dashboards.page_state import PageState, read_state
from dashboards.unit_cost_table import ROWS_AT_MOST, ROWS_SHOWN, Table, unit_cost_table
from dashboards.words import REASONS
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role, Workspace
from finops.config import load_config
from finops.costing.doubt import doubt_of
from finops.demo.notice import NOTICE
from finops.queries import (
    CostOverTime,
    Range,
    UnitCost,
    UnitCosts,
    Unpriced,
    cost_over_time,
    coverage,
    freshness,
    names,
    priced_by_gpus,
    totals,
    unit_costs,
    unpriced,
)
from finops.queries.gpu_costs import gpu_bill_usd

DEMO_SLUG = "demo"
ZERO = Decimal(0)
MOMENT = timedelta(microseconds=1)  # the end of a range is not part of it


@require_safe
@require_role(Role.VIEWER)
def overview(request: WorkspaceRequest) -> HttpResponse:
    """Show a workspace's costs for the range and filters in the address."""
    workspace, now = request.workspace, timezone.now()
    zone = ZoneInfo(workspace.timezone)
    asker = Asker()
    known = asker.ask(lambda ch: coverage(ch, workspace.pk))
    state = read_state(request.GET, now=now, zone=zone, known=known.value)
    money = read_money(workspace, min(state.span.end - MOMENT, now))
    rows = ROWS_AT_MOST if request.GET.get("rows") == "all" else ROWS_SHOWN
    choices = filter_choices(asker, workspace, state.span)
    parts = widgets(asker, workspace, state, now, zone, rows, money)
    context = {
        "state": state,
        "bar": bar(state, zone),
        "freshness": asker.ask(lambda ch: freshness(ch, workspace.pk)),
        "today": now.astimezone(zone).date(),
        "zone": zone,
        "doubt": doubt_of(workspace),
        "notice": NOTICE if workspace.slug == DEMO_SLUG else "",
        "csv_url": csv_url(state),
        "otlp_url": load_config().otlp_endpoint,
        "choices": suggestions(choices),
        "money": money,
        **parts,
    }
    context["empty"] = empty_state(state, known, context["totals"], now=now)
    return render(request, "dashboards/overview.html", context)


def widgets(
    asker: Asker,
    workspace: Workspace,
    state: PageState,
    now: datetime,
    zone: ZoneInfo,
    rows: int,
    money: Money,
) -> dict[str, Any]:
    """Ask for each part of the page by itself."""
    span, filters = state.span, state.filters
    asked = asker.meanwhile(lambda ch: totals(ch, workspace.pk, span, filters))
    table = asker.meanwhile(
        lambda ch: unit_costs(
            ch, workspace.pk, span, state.group_by, filters, order=state.sort, limit=rows
        )
    )
    chart = asker.meanwhile(
        lambda ch: cost_over_time(ch, workspace.pk, span, state.stacked_by, filters, zone=zone)
    )
    everything = asked.answer()
    missing = ask_unpriced(asker, workspace, state, everything.value)
    gpus = ask_gpus(asker, workspace, state, everything.value)
    comparison = compare(asker, workspace, state, now)
    spent = everything.value.cost_usd if everything.value else None
    return {
        "totals": everything,
        "cards": cards(everything.value, comparison, money, gpus) if everything.value else [],
        "chart": draw_chart(chart.answer(), state, now, zone, money),
        "table": lay_out_table(table.answer(), everything.value, state, money),
        "unpriced": with_reasons(missing.answer()) if missing else [],
        "priceless": everything.value.unpriced_calls - gpus.calls if everything.value else 0,
        "on_gpus": gpus.calls,
        "gpu_bill": money(gpus.bill_usd) if gpus.bill_usd else None,
        "with_gpus": money((spent or ZERO) + (gpus.bill_usd or ZERO)),
    }


def compare(asker: Asker, workspace: Workspace, state: PageState, now: datetime) -> Comparison:
    """What the period before came to; nothing where there is none."""
    earlier = period_before(state.span, now)
    if earlier is None:
        return Comparison(None, "")
    before = asker.ask(lambda ch: totals(ch, workspace.pk, earlier, state.filters))
    return Comparison(before.value, length_text(earlier.length))


def period_before(span: Range, now: datetime) -> Range | None:
    """As long as what has passed of the range: a month that still runs is compared with as much."""
    passed = min(span.end, now)
    return Range(span.start, passed).previous if passed > span.start else span.previous


def draw_chart(
    found: Answer[CostOverTime], state: PageState, now: datetime, zone: ZoneInfo, money: Money
) -> Answer[Chart]:
    if found.value is None:
        return Answer(None, found.problem)
    by, link = state.stacked_by, state.with_value
    return Answer(cost_chart(found.value, by, now=now, zone=zone, link=link, money=money))


def lay_out_table(
    found: Answer[UnitCosts], everything: UnitCost | None, state: PageState, money: Money
) -> Answer[Table]:
    if found.value is None or everything is None:
        return Answer(None, found.problem)
    return Answer(unit_cost_table(found.value, everything, state, money))


def ask_unpriced(
    asker: Asker, workspace: Workspace, state: PageState, everything: UnitCost | None
) -> Asked[list[Unpriced]] | None:
    """Ask what has no price, if there is any."""
    if everything is None or not everything.unpriced_calls:
        return None
    return asker.meanwhile(lambda ch: unpriced(ch, workspace.pk, state.span, state.filters))


def with_reasons(found: Answer[list[Unpriced]]) -> list[tuple[Unpriced, str]]:
    """The reasons in words."""
    return [(each, REASONS.get(each.reason, each.reason)) for each in found.value or []]


def ask_gpus(
    asker: Asker, workspace: Workspace, state: PageState, everything: UnitCost | None
) -> OwnGpus:
    """How many calls without a rate get their cost from GPU pools, and what these were billed."""
    calls, bill = 0, None
    if everything is not None and everything.unpriced_calls:
        found = asker.ask(lambda ch: priced_by_gpus(ch, workspace.pk, state.span, state.filters))
        calls = found.value or 0
    if not state.filters:
        bill = asker.ask(lambda ch: gpu_bill_usd(ch, workspace.pk, state.span)).value
    return OwnGpus(calls, bill)


def filter_choices(asker: Asker, workspace: Workspace, span: Range) -> dict[str, Asked[list[str]]]:
    """Ask for what the filter form suggests."""
    return {
        "tenant": asker.meanwhile(lambda ch: names(ch, workspace.pk, span, "tenant")),
        "model": asker.meanwhile(lambda ch: names(ch, workspace.pk, span, "model")),
    }


def suggestions(choices: Mapping[str, Asked[list[str]]]) -> dict[str, list[str]]:
    """Wait for what the filter form suggests."""
    return {name: asked.answer().value or [] for name, asked in choices.items()}


def csv_url(state: PageState) -> str:
    """The API's answer to the same question, as a file."""
    query: dict[str, str | list[str]] = {
        "from": state.span.start.isoformat(),
        "to": state.span.end.isoformat(),
        "group_by": state.group,
        "format": "csv",
        **{name: list(values) for name, values in state.filters.values.items()},
    }
    return f"{reverse('api-unit-costs')}?{urlencode(query, doseq=True)}"
