"""Fetch both sides, bring them under one name and one currency, and reconcile them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.invoices.amount import DIGITS
from finops.invoices.billed_model import meeting_name
from finops.invoices.meter import TOKEN_METERS, named_tier
from finops.invoices.reconcile import Reconciliation, reconcile
from finops.invoices.rows import BilledLine, CapturedHour, Terms, Tokens
from finops.pricing.currency import DayRate, rate_at
from finops.pricing.exchange import day_rates
from finops.pricing.models import Deployment
from finops.pricing.resolve import catalogue_provider
from finops.queries.invoiced import BilledRow, CapturedRow, Days, billed, captured

USD = "USD"
USD_PLACES = Decimal("1e-12")
CACHE_WRITES = ("cache_write_5m", "cache_write_1h")
# Tiers are read from every charge, so not for a year of them.
MOST_DAYS_BY_TIER = 31


def compare(
    ch: Warehouse,
    workspace: Workspace,
    days: Days,
    *,
    by_tier: bool = False,
    provider: str = "",
    terms: Terms | None = None,
) -> Reconciliation:
    """Reconcile a workspace's days; `by_tier` splits models, for MOST_DAYS_BY_TIER days at most."""
    rows = billed(ch, workspace.pk, days)
    rates = {
        code: day_rates(workspace, code) for code in sorted({row.currency for row in rows} - {USD})
    }
    lines = [billed_line(row, rates.get(row.currency, []), by_tier) for row in rows]
    deployments = list(Deployment.objects.filter(workspace=workspace))
    hours = [
        captured_hour(row, deployments) for row in captured(ch, workspace.pk, days, by_tier=by_tier)
    ]
    return reconcile(
        [line for line in lines if provider in ("", line.provider)],
        [hour for hour in hours if provider in ("", hour.provider)],
        days.all,
        terms or Terms(),
    )


def billed_line(row: BilledRow, rates: Iterable[DayRate], by_tier: bool) -> BilledLine:
    provider, model = meeting_name(row.provider, row.model)
    return BilledLine(
        day=row.day,
        provider=provider,
        model=model,
        service_tier=named_tier(row.service_tier) if by_tier else "",
        category=row.category,
        meter=row.meter,
        source=f"{row.bill}/{row.account}" if row.account else row.bill,
        usd=in_usd(row, rates),
        priced=row.billed is not None,
        tokens=tokens_of(row),
        currency=row.currency,
        billed=row.billed or Decimal(0),
        lines=row.lines,
    )


def in_usd(row: BilledRow, rates: Iterable[DayRate]) -> Decimal | None:
    """The amount in USD, by the rate of its day; None without a rate or an amount."""
    if row.billed is None:
        return None
    with localcontext() as context:
        context.prec = DIGITS
        if row.currency == USD:
            return row.billed.quantize(USD_PLACES, ROUND_HALF_EVEN)
        rate = rate_at(row.currency, datetime.combine(row.day, time(), UTC), rates)
        if rate is None:
            return None
        return (row.billed / rate.per_usd).quantize(USD_PLACES, ROUND_HALF_EVEN)


def tokens_of(row: BilledRow) -> Tokens | None:
    if row.tokens is None:
        return None
    if row.meter == "cache_read":
        return Tokens(cache_read=row.tokens)
    if row.meter in CACHE_WRITES:
        return Tokens(cache_write=row.tokens)
    if row.meter in ("output", "reasoning", "audio_out", "image_out"):
        return Tokens(output=row.tokens)
    # A plain CSV that says only "tokens" counts with the input.
    return Tokens(input=row.tokens) if row.meter in (*TOKEN_METERS, "other") else None


def captured_hour(row: CapturedRow, deployments: Sequence[Deployment]) -> CapturedHour:
    provider, model = meeting_name(*behind(row, deployments))
    return CapturedHour(
        hour=row.hour,
        provider=provider,
        model=model,
        service_tier=named_tier(row.service_tier),
        usd=row.cost_usd,
        calls=row.calls,
        unpriced_calls=row.unpriced_calls,
        tokens=Tokens(
            input=Decimal(row.input_tokens),
            cache_read=Decimal(row.cache_read_tokens),
            cache_write=Decimal(row.cache_write_tokens),
            output=Decimal(row.output_tokens),
        ),
    )


def behind(row: CapturedRow, deployments: Sequence[Deployment]) -> tuple[str, str]:
    """Return provider and model of a call; the bill names the model, not the deployment of it."""
    if deployments:
        provider = catalogue_provider(row.provider) if row.provider.strip() else ""
        name = row.model.strip().lower()
        for one in deployments:
            if (
                (one.provider, one.name) == (provider, name)
                and one.valid_from <= row.hour
                and (one.valid_to is None or row.hour < one.valid_to)
            ):
                # Whose bill it is on stays, whoever lists the model.
                return row.provider, one.model
    return row.provider, row.model
