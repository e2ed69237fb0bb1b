"""What all rows of one export or of one hour share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from finops.focus.versions import VERSIONS

Cell = str | int | Decimal | datetime | None
Row = dict[str, Cell]

HOUR = timedelta(hours=1)
CURRENCY = "USD"


NULLS: Row = {column.cell: None for version in VERSIONS for column in version.columns}


@dataclass(frozen=True, slots=True)
class Account:
    """The workspace as FOCUS's billing account."""

    id: str
    name: str


def account_cells(account: Account) -> Row:
    """Cells that are the same in every row of an export; the others are there, and null."""
    return {
        **NULLS,
        "BillingAccountId": account.id,
        "BillingAccountName": account.name,
        "BillingAccountType": "Workspace",
        "BillingCurrency": CURRENCY,
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeFrequency": "Usage-Based",
        "InvoiceId": None,
        "PricingCategory": "Standard",
    }


def hour_cells(hour: datetime) -> Row:
    """The hour and its month, both in UTC and with the end exclusive."""
    first = month_start(hour)
    return {
        "BillingPeriodStart": first,
        "BillingPeriodEnd": next_month(first),
        "ChargePeriodStart": hour,
        "ChargePeriodEnd": hour + HOUR,
    }


def month_start(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def next_month(first: datetime) -> datetime:
    return (
        first.replace(year=first.year + 1, month=1)
        if first.month == 12
        else first.replace(month=first.month + 1)
    )


def tenant_cells(tenant: str) -> Row:
    """The tenant as FOCUS's sub account; null where a call names none."""
    return {
        "SubAccountId": tenant or None,
        "SubAccountName": tenant or None,
        "SubAccountType": "Tenant" if tenant else None,
        "x_Tenant": tenant or None,
    }


def named(**values: str) -> dict[str, Any]:
    """Keep what has a value."""
    return {key: value for key, value in values.items() if value}
