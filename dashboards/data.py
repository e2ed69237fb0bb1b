"""The Data page: what arrives, from whom, what becomes of it, and what was not taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboards.amounts import share
from dashboards.asking import Answer, Asker
from dashboards.words import IGNORED, REFUSED, name_of_dialect
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role, Workspace
from finops.config import load_config
from finops.health.collector import ask_collector
from finops.models import Refusal
from finops.queries import Arrival, LastCall, Range, Shares, arrivals, freshness, last_call, shares

PERIODS = {
    "1h": ("1 hour", timedelta(hours=1)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}
PERIOD = "24h"
LOOK_BACK = timedelta(days=30)
LIVE = timedelta(minutes=5)
REFUSALS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class State:
    """What the page says first: does anything come, and is it understood?"""

    kind: Literal["waiting", "not_understood", "live", "quiet", "unknown"]
    last: LastCall | None = None


@require_safe
@never_cache
@require_role(Role.VIEWER)
def data(request: WorkspaceRequest) -> HttpResponse:
    """Show a workspace what the collector took from it; asks itself again every few seconds."""
    workspace, now = request.workspace, timezone.now()
    period = request.GET.get("range", PERIOD)
    period = period if period in PERIODS else PERIOD
    span = Range(now - PERIODS[period][1], now)
    asker = Asker()
    arrived = asker.ask(lambda ch: arrivals(ch, workspace.pk, span))
    known = asker.ask(lambda ch: shares(ch, workspace.pk, span))
    context = {
        "state": state_of(asker, workspace, arrived, now),
        "arrived": arrived,
        "lines": [line(one) for one in arrived.value or []],
        "shares": known,
        "cards": cards(arrived.value or [], known.value) if known.value else [],
        "refused": refusals(workspace, span.start),
        "collector": ask_collector(),
        "freshness": asker.ask(lambda ch: freshness(ch, workspace.pk)),
        "periods": [(key, text, key == period) for key, (text, _) in PERIODS.items()],
        "period": period,
        "period_text": PERIODS[period][0],
        "today": now.astimezone(ZoneInfo(workspace.timezone)).date(),
        "zone": ZoneInfo(workspace.timezone),
        "otlp_url": load_config().otlp_endpoint,
    }
    return render(request, "dashboards/data.html", context)


def state_of(
    asker: Asker, workspace: Workspace, arrived: Answer[list[Arrival]], now: datetime
) -> State:
    """Say whether calls come in now, came once, or never did."""
    if arrived.problem:
        return State("unknown")
    newest = asker.ask(lambda ch: last_call(ch, workspace.pk, now - LOOK_BACK))
    if newest.problem:
        return State("unknown")
    if newest.value:
        live = now - newest.value.received_at <= LIVE
        return State("live" if live else "quiet", newest.value)
    before = asker.ask(lambda ch: arrivals(ch, workspace.pk, Range(now - LOOK_BACK, now)))
    spans = any(one.signal == "traces" for one in before.value or [])
    return State("not_understood" if spans else "waiting")


def line(arrival: Arrival) -> dict[str, Any]:
    """One emitter's row, with the reason in words where not every span is a call."""
    understood = arrival.dialect != ""
    return {
        "arrival": arrival,
        "dialect": name_of_dialect(arrival.dialect),
        "understood": understood,
        "why": IGNORED["not_a_call" if understood else "no_dialect"] if arrival.ignored else "",
    }


def cards(arrived: list[Arrival], known: Shares) -> list[dict[str, str]]:
    """The four figures on top."""
    spans = sum(one.received for one in arrived if one.signal == "traces")
    calls = sum(one.calls for one in arrived)
    unknown = sum(one.received for one in arrived if one.signal == "traces" and not one.dialect)
    return [
        {
            "label": "Spans received",
            "value": f"{spans:,}",
            "aside": f"{unknown:,} that no dialect reads",
        },
        {
            "label": "Spans of calls",
            "value": f"{calls:,}",
            "aside": f"{known.repeated:,} of those charged repeat another one",
        },
        {
            "label": "Without a tenant",
            "value": share(known.unattributed_share),
            "aside": f"{known.unattributed:,} of {known.counted:,} calls",
        },
        {
            "label": "Without a price",
            "value": share(known.unpriced_share),
            "aside": f"{known.unpriced:,} of {known.counted:,} calls",
        },
    ]


def refusals(workspace: Workspace, since: datetime) -> list[dict[str, Any]]:
    """What wasn't taken, the latest first, with what the sender was told."""
    rows = Refusal.objects.filter(workspace=workspace, last_at__gte=since)
    return [
        {"row": row, "why": REFUSED.get(row.reason, row.reason.replace("_", " "))}
        for row in rows.order_by("-last_at")[:REFUSALS_SHOWN]
    ]
