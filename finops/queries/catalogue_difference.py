"""Two sides of a comparison by name: catalogues that are here, or versions that were published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finops.clickhouse.client import Warehouse
from finops.pricing.difference import Difference, difference, without_copies
from finops.pricing.errors import CatalogueRefused
from finops.pricing.in_force import rates_of
from finops.pricing.rate import Rate
from finops.pricing.versions import PUBLISHED, find_catalogue, find_version
from finops.queries.rates import rates_of_version


@dataclass(frozen=True, slots=True)
class Side:
    """One side: how it is named, and its rates."""

    ref: str
    label: str
    rates: Sequence[Rate]


def side_of(ch: Warehouse, workspace_id: int, ref: str) -> Side:
    """Return `installed`, `upload-3` or `rates-12`; raises CatalogueRefused for other names.

    A published version is seen as the workspace sees it, contracts included.
    """
    if ref.startswith(PUBLISHED):
        version = find_version(ref)
        if version is None:
            raise CatalogueRefused(f"No rates {ref[:40]!r} were published.")
        return Side(
            ref, f"rates {version.number}", rates_of_version(ch, workspace_id, version.number)
        )
    catalogue = find_catalogue(ref)
    return Side(ref, catalogue.label, rates_of(catalogue))


def compare_sides(old: Side, new: Side) -> Difference:
    """Return the difference, without what only follows another change."""
    found = difference(old.rates, new.rates)
    return Difference(found.added, found.removed, without_copies(found.changes))
