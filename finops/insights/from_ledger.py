"""Ask the ledger what a commitment and a comparison of ways to serve rest on, and work them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.insights.assumptions import Assumed, assume
from finops.insights.commitment_case import (
    OF_POOL,
    OF_SPEND,
    CommitmentCase,
    commitment_case,
    measured_price,
)
from finops.insights.ownership_case import (
    ALL,
    OF_SERVERLESS,
    OwnershipCase,
    measured_throughput,
    measured_traffic,
    measured_wakefulness,
    ownership_case,
)
from finops.queries import Range, UnitCost, coverage, totals
from finops.queries.demand import Demand, busy_minutes, gpu_throughput, pool_demand, spend_demand
from finops.queries.dimensions import NO_FILTERS, Filters

WAKE_UPS_OF = timedelta(days=31)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Commitments:
    """The demand that was found, what was assumed, and the case; None where that can't be made."""

    demand: Demand
    assumed: Mapping[str, Assumed]
    case: CommitmentCase | None


@dataclass(frozen=True, slots=True)
class Ownership:
    """What was used in the measured range (None: no calls), what was assumed, and the case."""

    used: UnitCost | None
    measured: Range | None
    assumed: Mapping[str, Assumed]
    case: OwnershipCase | None


def ask_commitments(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    pool: str,
    filters: Filters,
    given: Mapping[str, str],
) -> Commitments:
    """Work out what to reserve of a pool, or of spend where `pool` is ''; raises BadAssumption."""
    if pool:
        demand = pool_demand(ch, workspace_id, span, pool)
        assumed = assume(OF_POOL, given, measured_price(demand))
    else:
        demand = spend_demand(ch, workspace_id, span, filters)
        assumed = assume(OF_SPEND, given)
    return Commitments(demand, assumed, commitment_case(demand, assumed))


def ask_ownership(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    filters: Filters = NO_FILTERS,
    given: Mapping[str, str] | None = None,
) -> Ownership:
    """Compare the ways to serve the traffic of a range; raises BadAssumption."""
    texts = given or {}
    sleeps = assume(OF_SERVERLESS, texts)["sleep_after_s"].value or Decimal(0)
    used, known = None, known_part(ch, workspace_id, span)
    measured: dict[str, tuple[Decimal, str]] = {}
    if known is not None:
        used = totals(ch, workspace_id, known, filters)
        recent = Range(max(known.start, known.end - WAKE_UPS_OF), known.end)
        minutes = busy_minutes(ch, workspace_id, recent, filters)
        measured = {
            **measured_traffic(used, hours_of(known)),
            **measured_wakefulness(minutes, sleeps, hours_of(recent)),
            **measured_throughput(gpu_throughput(ch, workspace_id, known)),
        }
    assumed = assume(ALL, texts, measured)
    return Ownership(used, known, assumed, ownership_case(assumed))


def known_part(ch: Warehouse, workspace_id: int, span: Range) -> Range | None:
    """The range from the first call on: a young ledger's days before it are no quiet days."""
    found = coverage(ch, workspace_id)
    if found is None or found.first >= span.end or found.last < span.start:
        return None
    start = max(span.start, found.first)
    # Less than an hour of calls says nothing of a month.
    return Range(start, span.end) if span.end - start >= HOUR else None


def hours_of(span: Range) -> Decimal:
    return Decimal(str(span.length.total_seconds())) / 3600
