"""Write an import's lines to ClickHouse: all of them in one insert."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.invoices.amount import DIGITS, TOKEN_PLACES
from finops.invoices.line import VOID, InvoiceLine
from finops.invoices.units import Unit, line_ids, unit_of

USD_PLACES = Decimal("1e-12")


def write_lines(
    ch: Warehouse,
    workspace_id: int,
    invoice_id: int,
    lines: Sequence[InvoiceLine],
    empty: Iterable[Unit],
    *,
    version: int,
    now: datetime,
) -> None:
    """Write lines, and a void row for each unit that has none, as one version."""
    rows = [
        row_of(line, line_id, invoice_id)
        for line, line_id in zip(lines, line_ids(lines), strict=True)
    ]
    rows += [void_row(unit, invoice_id) for unit in sorted(empty)]
    if not rows:
        return
    count = len(rows)
    ch.insert(
        "invoice_lines",
        {
            "workspace_id": [workspace_id] * count,
            "imported_at": [now] * count,
            "version": [version] * count,
            **{name: [row[name] for row in rows] for name in rows[0]},
        },
    )


def row_of(line: InvoiceLine, line_id: str, invoice_id: int) -> dict[str, Any]:
    bill, account, day, spread = unit_of(line)
    cost = line.cost_usd
    return {
        "bill": bill,
        "account": account,
        "day": day,
        "spread": spread,
        "line_id": line_id,
        "invoice_id": invoice_id,
        "line": line.line,
        "provider": line.provider,
        "model": line.model,
        "service_tier": line.service_tier,
        "meter": line.meter,
        "category": line.category,
        "project": line.project,
        "description": line.description,
        "quantity": places(line.quantity, USD_PLACES),
        "unit": line.unit,
        "tokens": places(line.tokens, TOKEN_PLACES),
        "billed": line.billed,
        "currency": line.currency,
        "cost_usd": places(cost, USD_PLACES),
        "raw": json.dumps(dict(line.raw), ensure_ascii=False, separators=(",", ":")),
    }


def void_row(unit: Unit, invoice_id: int) -> dict[str, Any]:
    bill, account, day, spread = unit
    return {
        "bill": bill, "account": account, "day": day, "spread": spread, "line_id": "0" * 16,
        "invoice_id": invoice_id, "line": 0, "provider": "", "model": "", "service_tier": "",
        "meter": "", "category": VOID, "project": "", "description": "", "quantity": None,
        "unit": "", "tokens": None, "billed": None, "currency": "USD", "cost_usd": None, "raw": "",
    }  # fmt: skip


def places(number: Decimal | None, step: Decimal) -> Decimal | None:
    """Round to what the column holds, with digits enough for its largest numbers."""
    if number is None:
        return None
    with localcontext() as context:
        context.prec = DIGITS
        return number.quantize(step, ROUND_HALF_EVEN)
