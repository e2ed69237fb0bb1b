"""Price charges anew from what they say themselves: other rates, the same verdicts.

A charge holds all that its price depends on, so neither calls nor what they are linked to are read:
whether it counts, in which request and as which waste stays as it was judged.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from finops.clickhouse.client import Warehouse
from finops.costing.gather import HOUR, SAID, TARIFF_KEY, TIER
from finops.costing.price import COPIED, SETTINGS, charge_statement
from finops.costing.rollup import CHARGES_DAYS, roll_up, start_touching
from finops.costing.tariffs import fill_tariffs, tables_for_tariffs, tiers
from finops.costing.worth import Worth, seen_of
from finops.pricing.models import RateVersion

# What a statement may hold in memory is bound by the days that it is about.
STEP = timedelta(days=1)

RANGE = """started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
        AND (workspace_id = {workspace:UInt64} OR {workspace:UInt64} = 0)"""
WANT = f"""
INSERT INTO wanted
SELECT {TARIFF_KEY} AS tariff_key, any(workspace_id), any(provider), any(model), any({TIER}),
    any(region)
FROM charges
WHERE {RANGE}
GROUP BY tariff_key
"""
LOOK = f"""
SELECT groupBitOr({SAID}) AS said, max(notEmpty(uses)) AS used, count() AS charges
FROM charges
WHERE {RANGE}
"""
TOUCH = f"""
INSERT INTO touched
SELECT DISTINCT workspace_id, toStartOfHour(started_at) FROM charges WHERE {RANGE}
"""
CHARGED = f"""
    SELECT {", ".join(COPIED)}, {TARIFF_KEY} AS tariff_key
    FROM charges FINAL
    WHERE {RANGE}"""


def reprice_hours(
    ch: Warehouse,
    rates: RateVersion,
    *,
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    version: int,
    now: datetime,
) -> int:
    """Write the charges of [start, end) anew by `rates`, and sum their hours; returns their number.

    Times are whole hours in UTC; without a workspace it is all of them. The caller holds the charge
    job's lease and gives its version. What was done before an error stays, and is done again by the
    next run. Raises WarehouseError.
    """
    # Sums outlive charges: hours that are half forgotten stay as they were summed.
    oldest = (now - timedelta(days=CHARGES_DAYS)).replace(minute=0, second=0, microsecond=0) + HOUR
    done, at = 0, max(start, oldest)
    while at < end:
        upto = min(at + STEP, end)
        done += reprice_span(ch, rates, workspace_id or 0, at, upto, version=version, now=now)
        at = upto
    return done


def reprice_span(
    ch: Warehouse,
    rates: RateVersion,
    workspace: int,
    start: datetime,
    end: datetime,
    *,
    version: int,
    now: datetime,
) -> int:
    """Do one statement's worth of it."""
    span = {"workspace": workspace, "start": start, "end": end}
    tables_for_tariffs(ch)
    ch.command(WANT, {**tiers(), **span})
    (found,) = ch.query(LOOK, span)
    if not found["charges"]:
        return 0
    offers = fill_tariffs(ch, rates, start=start, end=end, now=now)
    written = ch.command(
        charge_statement(CHARGED, Worth(seen_of(found["said"], found["used"]), offers)),
        {**tiers(), **span, "rate_version": rates.number, "version": version},
        settings=SETTINGS,
    )
    start_touching(ch)
    ch.command(TOUCH, span)
    roll_up(ch, version=version)
    return written
