"""/rates: what each model costs now; /rates/<provider>/<model>: all of it, and its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboards.amounts import Figure, count, usd
from dashboards.asking import Asker
from dashboards.price_chart import PRICES_SHOWN, price_chart
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role, Workspace
from finops.pricing.catalogue import PACKAGE
from finops.pricing.errors import NothingPublished
from finops.pricing.history import in_order, meters_of
from finops.pricing.meters import METERS, quoted_price
from finops.pricing.publish import current_rate_version
from finops.pricing.rate import BEGINNING, FOREVER, Rate
from finops.pricing.terms import TIERS
from finops.pricing.wording import daily_text, day_text, price_text, size_text
from finops.queries.rates import RateNow, RateSearch, rate_providers, rates_now, rates_of_model

PAGE = 50
MOST_PAGES = 2_000
COLUMNS = ("input", "cache_read", "output")
SEARCHED = ("q", "provider", "tier", "meter", "own")


@dataclass(frozen=True, slots=True)
class RateLine:
    """A row of the search: what it costs now, since when, and how much it was used."""

    rate: Rate
    prices: list[str]
    other: str
    tier: str
    since: str
    own: bool
    more: int
    calls: Figure
    cost: Figure


@dataclass(frozen=True, slots=True)
class CellLine:
    """A row of a model's page: one rate with its conditions and all its prices."""

    rate: Rate
    tier: str
    conditions: str
    since: str
    until: str
    prices: list[str]
    own: bool
    holds: bool


@require_safe
@require_role(Role.VIEWER)
def rates_page(request: WorkspaceRequest) -> HttpResponse:
    """Search the rates that hold now, those that the workspace used lately first."""
    workspace, now, asker = request.workspace, timezone.now(), Asker()
    search, page = read_search(request), read_page(request)
    number = published_number()
    found = asker.ask(
        lambda ch: rates_now(
            ch, workspace.pk, number, search, now=now, limit=PAGE, offset=(page - 1) * PAGE
        )
    )
    providers = asker.ask(lambda ch: rate_providers(ch, workspace.pk, number))
    kept = {name: request.GET[name] for name in SEARCHED if request.GET.get(name)}
    context: dict[str, Any] = {
        "found": found,
        "lines": [line_of(one, search.meter) for one in found.value.rates] if found.value else [],
        "columns": [METERS[name] for name in COLUMNS],
        "search": search,
        "number": number,
        "providers": providers.value or [],
        "tiers": [tier for tier in TIERS if tier != "any"],
        "meters": list(METERS.values()),
        "searched": bool(kept),
        "page": page,
        "previous": address(kept, page - 1) if page > 1 else "",
        "next": address(kept, page + 1) if found.value and found.value.found > page * PAGE else "",
        "first": (page - 1) * PAGE + 1,
        "last": (page - 1) * PAGE + (len(found.value.rates) if found.value else 0),
    }
    return render(request, "dashboards/rates.html", context)


@require_safe
@require_role(Role.VIEWER)
def rate_model_page(request: WorkspaceRequest, provider: str, model: str) -> HttpResponse:
    """Show every rate of one model, and how its price went."""
    workspace, now, asker = request.workspace, timezone.now(), Asker()
    if "\x00" in provider + model:
        raise Http404("no such model")
    number = published_number()
    found = asker.ask(lambda ch: rates_of_model(ch, workspace.pk, number, provider, model))
    if found.value is not None and not found.value:
        raise Http404("no such model")
    rates = found.value or []
    meters = meters_of(rates)
    overrides = overrides_of(workspace, provider, model)
    context = {
        "found": found,
        "provider": provider,
        "model": model,
        "number": number,
        "meters": [METERS[name] for name in meters],
        "lines": [cell_of(rate, meters, now) for rate in told(rates)],
        "chart": price_chart(rates, [m for m in meters if m in PRICES_SHOWN], now),
        "overrides": overrides,
    }
    return render(request, "dashboards/rate_model.html", context)


def told(rates: list[Rate]) -> list[Rate]:
    """Leave out list rates that a workspace's timeline repeats, the workspace's first."""
    own = [rate for rate in rates if rate.workspace_id and rate.source != PACKAGE]
    return [*in_order(own), *in_order(rate for rate in rates if not rate.workspace_id)]


def overrides_of(workspace: Workspace, provider: str, model: str) -> list[Any]:
    found = workspace.overrides.filter(provider__in=(provider, ""), model=model)
    return list(found.select_related("who").order_by("-valid_from"))


def published_number() -> int:
    """Return the version that charges use; 0, which has no rates, before the first."""
    try:
        return current_rate_version().number
    except NothingPublished:
        return 0


def read_search(request: WorkspaceRequest) -> RateSearch:
    """Read the address; what is unknown there finds nothing rather than everything."""
    given = {name: request.GET.get(name, "").replace("\x00", "")[:200] for name in SEARCHED}
    return RateSearch(
        text=given["q"],
        provider=given["provider"],
        tier=given["tier"],
        meter=given["meter"],
        own=given["own"] == "1",
    )


def read_page(request: WorkspaceRequest) -> int:
    text = request.GET.get("page", "1")
    fits = text.isascii() and text.isdigit() and len(text) <= 4
    return min(max(int(text), 1), MOST_PAGES) if fits else 1


def address(kept: dict[str, str], page: int) -> str:
    return f"?{urlencode({**kept, 'page': str(page)})}"


def line_of(found: RateNow, meter: str) -> RateLine:
    rate = found.rate
    return RateLine(
        rate=rate,
        prices=[price_cell(rate, name) for name in COLUMNS],
        other=other_price(rate, meter),
        tier=rate.service_tier or "standard",
        since=since_text(rate.valid_from),
        own=bool(rate.workspace_id) and rate.source != PACKAGE,
        more=found.cells - 1,
        calls=count(found.used_calls),
        cost=usd(found.used_usd),
    )


def price_cell(rate: Rate, meter: str) -> str:
    price = quoted_price(rate, meter)
    return "–" if price is None else price_text(price)


def other_price(rate: Rate, meter: str) -> str:
    """The searched meter's price, or the first of those that no column shows, with its unit."""
    for name in (meter, *METERS) if meter else METERS:
        price = quoted_price(rate, name) if name in METERS else None
        shown = name in COLUMNS or (name in PRICES_SHOWN and not meter)
        if price is not None and not shown and (meter or rate.prices.input is None):
            return f"{price_text(price)} a {METERS[name].unit} ({METERS[name].label})"
    return ""


def since_text(moment: datetime) -> str:
    return day_text(moment) if moment > BEGINNING else "as long as listed"


def cell_of(rate: Rate, meters: list[str], now: datetime) -> CellLine:
    conditions = [
        rate.region,
        size_text(rate.context_above, rate.context_upto),
        daily_text(rate.daily_from_s, rate.daily_to_s),
    ]
    return CellLine(
        rate=rate,
        tier=rate.service_tier or "standard",
        conditions=", ".join(part for part in conditions if part),
        since=since_text(rate.valid_from),
        until=day_text(rate.valid_to) if rate.valid_to < FOREVER else "",
        prices=[price_cell(rate, name) for name in meters],
        own=bool(rate.workspace_id),
        holds=rate.valid_from <= now < rate.valid_to,
    )
