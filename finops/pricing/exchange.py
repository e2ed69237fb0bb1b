"""Enter what a dollar was worth, take it back, choose what pages show: checked and audited."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.pricing.currency import USD, DayRate
from finops.pricing.errors import TermsRefused
from finops.pricing.models import DisplayCurrency, ExchangeRate


def set_exchange_rate(
    workspace: Workspace,
    currency: str,
    day: date,
    per_usd: Decimal,
    why: str,
    *,
    actor: User | None,
    key: str = "",
) -> ExchangeRate:
    """Set the rate from a day on; an earlier one of the same day is corrected. Raises TermsRefused.

    `key` is the API key that asked.
    """
    code = code_of(currency)
    if code == USD:
        raise refused("currency", "1 USD is 1 USD: it needs no exchange rate.")
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        found = ExchangeRate.objects.filter(workspace=workspace, currency=code, day=day).first()
        before = "" if found is None else str(found.per_usd)
        rate = found or ExchangeRate(workspace=workspace, currency=code, day=day)
        rate.per_usd, rate.why, rate.who = per_usd, why, actor
        try:
            rate.full_clean()
        except ValidationError as error:
            raise TermsRefused(error) from None
        rate.save()
        record(
            workspace,
            actor,
            "exchange_rate.saved",
            f"{code} {day}",
            key=key,
            per_usd=str(per_usd),
            before=before,
            why=why,
        )
    return rate


def remove_exchange_rate(rate: ExchangeRate, *, actor: User | None, key: str = "") -> None:
    """Take a rate back: the one of the day before it holds on."""
    with transaction.atomic():
        record(
            rate.workspace,
            actor,
            "exchange_rate.removed",
            f"{rate.currency} {rate.day}",
            key=key,
            before=str(rate.per_usd),
        )
        rate.delete()


def choose_currency(
    workspace: Workspace, currency: str, *, actor: User | None, key: str = ""
) -> DisplayCurrency:
    """Set what the workspace's pages show money in; raises TermsRefused."""
    code = code_of(currency)
    with transaction.atomic():
        chosen = DisplayCurrency.objects.filter(workspace=workspace).first()
        before = USD if chosen is None else chosen.currency
        chosen = chosen or DisplayCurrency(workspace=workspace)
        chosen.currency = code
        try:
            chosen.full_clean()
        except ValidationError as error:
            raise TermsRefused(error) from None
        chosen.save()
        record(workspace, actor, "currency.chosen", code, key=key, before=before)
    return chosen


def currency_of(workspace: Workspace) -> str:
    """Return what the workspace's pages show money in; USD until somebody chose."""
    found = DisplayCurrency.objects.filter(workspace=workspace).values_list("currency", flat=True)
    return found.first() or USD


def day_rates(workspace: Workspace, currency: str) -> list[DayRate]:
    """Return the rates that a workspace has entered for a currency, the oldest first."""
    held = ExchangeRate.objects.filter(workspace=workspace, currency=currency).order_by("day")
    return [DayRate(rate.currency, rate.day, rate.per_usd) for rate in held]


def code_of(currency: str) -> str:
    return currency.strip().upper()


def refused(field: str, message: str) -> TermsRefused:
    return TermsRefused(ValidationError({field: message}))
