"""The page of GPUs: what they cost, what of it was idle, and what a token came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboards.asking import Answer, Asker
from dashboards.cost_chart import Chart
from dashboards.gpu_chart import gpu_chart
from dashboards.gpu_lines import cards, cost_lines, host_lines, pool_lines
from dashboards.money import Money, read_money
from dashboards.page_state import PageState, read_state
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role, Workspace
from finops.config import load_config
from finops.costing.allocation.said import pools_of
from finops.costing.allocation.standing import HostStanding, standing_of
from finops.queries import Coverage
from finops.queries.gpu_costs import billed_hours, gpu_cost_over_time, gpu_costs, gpu_pool_costs
from finops.queries.gpu_hosts import gpu_hosts
from finops.queries.gpu_pool_cost import PoolCost, all_pools
from finops.queries.range import HOUR

PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days", "all": "all"}
SEEN_FOR = timedelta(days=7)
ROWS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Start:
    """What is missing before there is anything to show: samples, a pool, a price, or time."""

    step: str
    hosts: int = 0


@require_safe
@require_role(Role.VIEWER)
def gpus_page(request: WorkspaceRequest) -> HttpResponse:
    """Show a workspace's GPU pools for the range and the pool in the address."""
    workspace, now, asker = request.workspace, timezone.now(), Asker()
    zone = ZoneInfo(workspace.timezone)
    billed = asker.ask(lambda ch: billed_hours(ch, workspace.pk))
    known = Coverage(billed.value[0], billed.value[1] + HOUR) if billed.value else None
    state = read_state(request.GET, now=now, zone=zone, known=known)
    hosts = ask_hosts(asker, workspace, now)
    pools = list(workspace.gpu_pools.order_by("name"))
    pool = request.GET.get("pool", "")
    pool = pool if pool in {one.name for one in pools} else ""
    context = {
        "state": state,
        "zone": zone,
        "periods": links(state, pool),
        "pool": pool,
        "pools": [("", url(state, ""), not pool)]
        + [(one.name, url(state, one.name), one.name == pool) for one in pools],
        "start": start_of(billed, hosts, bool(pools)),
        "hosts": hosts,
        "host_lines": host_lines(hosts.value or [], now),
        "may_write": has_role(request.membership, Role.ANALYST),
        "otlp_url": load_config().otlp_endpoint,
        **widgets(asker, workspace, state, pool, now),
    }
    return render(request, "dashboards/gpus.html", context)


def widgets(
    asker: Asker, workspace: Workspace, state: PageState, pool: str, now: datetime
) -> dict[str, Any]:
    """Ask for each part of the page by itself."""
    money, zone = read_money(workspace, state.span.end), ZoneInfo(workspace.timezone)
    found = asker.ask(lambda ch: gpu_pool_costs(ch, workspace.pk, state.span))
    shown = [one for one in found.value or [] if not pool or one.pool == pool]
    rows = asker.ask(
        lambda ch: gpu_costs(ch, workspace.pk, state.span, ["kind", "tenant", "model"], pool=pool)
    )
    total = all_pools(shown)
    lines = cost_lines(rows.value or [], money)
    return {
        "costs": found,
        "total": total,
        "adds_up": all(one.adds_up for one in shown),
        "cards": cards(total, money) if shown else [],
        "pool_lines": pool_lines(shown, money),
        "chart": ask_chart(asker, workspace, state, pool, now, money, zone),
        "rows": rows,
        "lines": lines[:ROWS_SHOWN],
        "more": max(0, len(lines) - ROWS_SHOWN),
        "csv_query": csv_query(state, pool),
        "currency_note": money.note,
        "unpriced_hours": total.unpriced_ms / 3_600_000,
        "seen_more": sum_of_seen(shown),
    }


def sum_of_seen(shown: list[PoolCost]) -> list[str]:
    """Pools in which more GPUs reported than are paid for."""
    return [one.pool for one in shown if one.seen_over]


def ask_chart(
    asker: Asker,
    workspace: Workspace,
    state: PageState,
    pool: str,
    now: datetime,
    money: Money,
    zone: ZoneInfo,
) -> Answer[Chart]:
    found = asker.ask(
        lambda ch: gpu_cost_over_time(ch, workspace.pk, state.span, zone=zone, pool=pool)
    )
    if found.value is None:
        return Answer(None, found.problem)
    return Answer(gpu_chart(found.value, pool=pool, now=now, zone=zone, money=money))


def ask_hosts(asker: Asker, workspace: Workspace, now: datetime) -> Answer[list[HostStanding]]:
    found = asker.ask(lambda ch: gpu_hosts(ch, workspace.pk, now - SEEN_FOR))
    if found.value is None:
        return Answer(None, found.problem)
    return Answer(standing_of(found.value, pools_of(workspace), now))


def start_of(
    billed: Answer[tuple[datetime, datetime] | None],
    hosts: Answer[list[HostStanding]],
    has_pools: bool,
) -> Start | None:
    """Say what is missing; None when something was billed, or when it isn't known."""
    if billed.problem or hosts.problem or billed.value:
        return None
    seen = len({one.host.host for one in hosts.value or []})
    if not has_pools:
        return Start("pool", seen) if seen else Start("samples")
    return Start("price", seen)


def url(state: PageState, pool: str, **changes: str) -> str:
    """This page with another pool or range."""
    kept = {
        name: state.explicit[name] for name in ("range", "from", "to") if name in state.explicit
    }
    pairs = {**kept, "pool": pool, **changes}
    if "range" in changes:
        pairs = {name: value for name, value in pairs.items() if name not in ("from", "to")}
    return "?" + urlencode({name: value for name, value in pairs.items() if value}, doseq=True)


def links(state: PageState, pool: str) -> list[tuple[str, str, bool]]:
    return [
        (text.capitalize(), url(state, pool, range=name), state.preset == name)
        for name, text in PERIODS.items()
    ]


def csv_query(state: PageState, pool: str) -> str:
    """The API's answer to the same question, as a file."""
    pairs = {
        "from": state.span.start.isoformat(),
        "to": state.span.end.isoformat(),
        "group_by": "pool,kind,tenant,model",
        "format": "csv",
        **({"pool": pool} if pool else {}),
    }
    return urlencode(pairs)
