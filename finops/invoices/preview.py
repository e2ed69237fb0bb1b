"""What an import would do, before it does: sums, models that nobody knows, what it replaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.invoices.billed_model import is_known, meeting_name
from finops.invoices.line import InvoiceLine
from finops.invoices.read import Reading
from finops.invoices.units import Unit, unit_of, units
from finops.queries.invoiced import Days, units_of

ZERO = Decimal(0)
ALIKE = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one model, or of one category without a model."""

    provider: str
    model: str
    known_as: str
    category: str
    lines: int
    tokens: Decimal
    totals: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Replaced:
    """Lines of an earlier invoice on days that the new one covers."""

    invoice_id: int
    days: int
    lines: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Preview:
    """All that a person needs to say yes or no."""

    groups: list[Group]
    totals: dict[str, Decimal]
    replaced: list[Replaced]
    warnings: list[str]


def preview(ch: Warehouse, workspace_id: int, reading: Reading) -> Preview:
    """Say what the lines come to and which ones they replace; changes nothing."""
    groups = group(reading.lines)
    standing = (
        units_of(ch, workspace_id, Days(reading.first_day, reading.last_day))
        if reading.first_day and reading.last_day
        else {}
    )
    filled, empty = units(reading.lines, reading.covered)
    unknown = sorted({one.model for one in groups if one.model and not one.known_as})
    warnings = list(reading.notes)
    if unknown:
        names = ", ".join(unknown[:10]) + (" ..." if len(unknown) > 10 else "")
        warnings.append(f"The price list doesn't know: {names}. They are compared by these names.")
    warnings += lookalikes(reading.lines, standing, filled)
    return Preview(
        groups=groups,
        totals=sums(reading.lines),
        replaced=replaced(standing, filled | empty),
        warnings=warnings,
    )


def sums(lines: Iterable[InvoiceLine]) -> dict[str, Decimal]:
    """Return the sum of the amounts by currency."""
    totals: dict[str, Decimal] = {}
    for line in lines:
        if line.billed is not None:
            totals[line.currency] = totals.get(line.currency, ZERO) + line.billed
    return totals


def group(lines: Iterable[InvoiceLine]) -> list[Group]:
    by_model: dict[tuple[str, str, str], list[InvoiceLine]] = defaultdict(list)
    for line in lines:
        by_model[line.provider, line.model, line.category].append(line)
    found = [
        Group(
            provider=provider,
            model=model,
            known_as=meeting_name(provider, model)[1] if is_known(provider, model) else "",
            category=category,
            lines=len(own),
            tokens=sum((line.tokens or ZERO for line in own), ZERO),
            totals=sums(own),
        )
        for (provider, model, category), own in by_model.items()
    ]
    return sorted(found, key=lambda one: (-sum(one.totals.values(), ZERO), one.provider, one.model))


def replaced(standing: dict[Unit, dict[str, object]], covered: set[Unit]) -> list[Replaced]:
    by_invoice: dict[int, list[Unit]] = defaultdict(list)
    for unit, row in standing.items():
        if unit in covered:
            by_invoice[int(str(row["invoice"]))].append(unit)
    return [
        Replaced(
            invoice_id=number,
            days=len({unit[2] for unit in own}),
            lines=sum(int(str(standing[unit]["lines"])) for unit in own),
            usd=sum((Decimal(str(standing[unit]["usd"])) for unit in own), ZERO),
        )
        for number, own in sorted(by_invoice.items())
    ]


def lookalikes(
    lines: Iterable[InvoiceLine], standing: dict[Unit, dict[str, object]], filled: set[Unit]
) -> list[str]:
    """Warn of days that another account or book already bills with the same amount."""
    providers: dict[tuple[str, date], Decimal] = {}
    for line in lines:
        bill, _, day, _ = unit_of(line)
        key = (bill.partition(".")[0], day)
        providers[key] = providers.get(key, ZERO) + (line.cost_usd or ZERO)
    alike = [
        unit
        for unit, row in standing.items()
        if unit not in filled
        and (new := providers.get((unit[0].partition(".")[0], unit[2]), ZERO)) > 0
        and abs(new - Decimal(str(row["usd"]))) <= new * ALIKE
    ]
    if not alike:
        return []
    accounts = ", ".join(sorted({unit[1] or "no account" for unit in alike})[:3])
    days = "1 day is" if len(alike) == 1 else f"{len(alike)} days are"
    return [
        f"{days} already billed with the same amount under {accounts}: this looks "
        "like the same bill. Give the same account, or delete the other invoice."
    ]
