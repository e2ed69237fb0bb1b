"""What one import replaces whole, and what makes a line itself.

A unit is (bill, account, day, spread): everything that one of a provider's books says of one
account on one day, whichever format it came in. Charges over more than a day are a unit of their
own, so that a month's tax doesn't replace the usage of the first.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import date

from finops.invoices.line import Covered, InvoiceLine

Unit = tuple[str, str, date, int]


def unit_of(line: InvoiceLine) -> Unit:
    return line.bill, line.account, line.day, int(line.days > 1)


def units(lines: Iterable[InvoiceLine], covered: Iterable[Covered]) -> tuple[set[Unit], set[Unit]]:
    """Return the units with lines, and those that the file says are empty."""
    filled = {unit_of(line) for line in lines}
    empty = {(one.bill, one.account, one.day, 0) for one in covered}
    return filled, empty - filled


def line_ids(lines: Iterable[InvoiceLine]) -> list[str]:
    """Return 16 characters for each line: from its words, and which of the same words it is."""
    seen: Counter[tuple[object, ...]] = Counter()
    ids = []
    for line in lines:
        words = (
            *unit_of(line), line.provider, line.model, line.service_tier, line.meter,
            line.category, line.project, line.description, line.unit, line.currency,
        )  # fmt: skip
        seen[words] += 1
        text = "\x1f".join(map(str, (*words, seen[words])))
        ids.append(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16])
    return ids
