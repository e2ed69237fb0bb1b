"""What was billed and what was captured, side by side for reconciliation; and the lines themselves.

Of each unit (bill, account, day, spread) only the lines of its newest version hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries.errors import InvalidRange
from finops.queries.ledger import SETTINGS

DAY = timedelta(days=1)
LONGEST_DAYS = 400
NEWEST = (
    "(bill, account, day, spread, version) IN (SELECT bill, account, day, spread, max(version) "
    "FROM invoice_lines WHERE workspace_id = {workspace_id:UInt64} {within} "
    "GROUP BY bill, account, day, spread)"
)
WITHIN = "AND day >= {first:Date} AND day <= {last:Date}"
CACHE_WRITES = "cache_write_5m_tokens + cache_write_1h_tokens"
# FINAL over all partitions: the table has none.
OWN_SETTINGS = {**SETTINGS, "do_not_merge_across_partitions_select_final": 0}


@dataclass(frozen=True, slots=True)
class Days:
    """Whole UTC days, both ends part of it; raises InvalidRange."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise InvalidRange("The range is empty: its first day is after its last.")
        if self.first.year < 2000 or self.last.year >= 2100:
            raise InvalidRange("The days must lie between the years 2000 and 2099.")
        if (self.last - self.first).days >= LONGEST_DAYS:
            raise InvalidRange(f"The range is too long: ask for at most {LONGEST_DAYS} days.")

    @property
    def all(self) -> list[date]:
        return [self.first + DAY * i for i in range((self.last - self.first).days + 1)]

    @property
    def params(self) -> dict[str, str]:
        return {"first": self.first.isoformat(), "last": self.last.isoformat()}


@dataclass(frozen=True, slots=True)
class BilledRow:
    """Lines of a bill and account that agree in all of this; `billed` None: they name no money."""

    bill: str
    account: str
    day: date
    provider: str
    model: str
    service_tier: str
    meter: str
    category: str
    currency: str
    billed: Decimal | None
    tokens: Decimal | None
    lines: int


@dataclass(frozen=True, slots=True)
class CapturedRow:
    """Calls of one hour; token counts are inclusive of nothing: each bucket once."""

    hour: datetime
    provider: str
    model: str
    service_tier: str
    calls: int
    unpriced_calls: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of an invoice still holds; the rest was replaced by a newer import."""

    lines: int
    billed: Mapping[str, Decimal]


def newest(within: str) -> str:
    return NEWEST.replace("{within}", within)


def billed(ch: Warehouse, workspace_id: int, days: Days) -> list[BilledRow]:
    """Return what was billed, by day, model, tier, meter and currency."""
    rows = ch.query(
        "SELECT bill, account, day, provider, model, service_tier, meter, category, currency, "
        "if(countIf(isNotNull(l.billed)) = 0, NULL, sum(ifNull(l.billed, 0))) AS sum_billed, "
        "if(countIf(isNotNull(l.tokens)) = 0, NULL, sum(ifNull(l.tokens, 0))) AS sum_tokens, "
        "count() AS lines FROM invoice_lines AS l FINAL "
        f"WHERE workspace_id = {{workspace_id:UInt64}} AND category != 'void' {WITHIN} "
        f"AND {newest(WITHIN)} "
        "GROUP BY bill, account, day, provider, model, service_tier, meter, category, currency "
        "ORDER BY day, provider, model, service_tier, meter, category, currency, bill, account",
        {"workspace_id": workspace_id, **days.params},
        settings=OWN_SETTINGS,
    )
    return [
        BilledRow(
            **{name: row[name] for name in BilledRow.__slots__ if name not in ("billed", "tokens")},
            billed=row["sum_billed"],
            tokens=row["sum_tokens"],
        )
        for row in rows
    ]


def captured(
    ch: Warehouse, workspace_id: int, days: Days, *, by_tier: bool = False
) -> list[CapturedRow]:
    """Return the calls of these days and of the one before and after, by hour.

    The tier is known of charges only, so by_tier reads those: for few days.
    """
    start = datetime.combine(days.first - DAY, time(), UTC)
    end = datetime.combine(days.last + 2 * DAY, time(), UTC)
    sql = FROM_CHARGES if by_tier else FROM_HOURS
    rows = ch.query(
        sql, {"workspace_id": workspace_id, "start": start, "end": end}, settings=SETTINGS
    )
    return [
        CapturedRow(
            hour=row["at_hour"],
            provider=row["provider"],
            model=row["model"],
            service_tier=row["tier"],
            calls=row["n"],
            unpriced_calls=row["n_unpriced"],
            input_tokens=row["t_input"],
            cache_read_tokens=row["t_read"],
            cache_write_tokens=row["t_write"],
            output_tokens=row["t_output"],
            cost_usd=row["cost"],
        )
        for row in rows
    ]


FROM_HOURS = (
    "SELECT hour AS at_hour, provider, model, '' AS tier, sum(calls) AS n, "
    "sum(unpriced_calls) AS n_unpriced, "
    "sum(input_tokens + audio_in_tokens + image_in_tokens) AS t_input, "
    f"sum(cache_read_tokens) AS t_read, sum({CACHE_WRITES}) AS t_write, "
    "sum(output_tokens + reasoning_tokens + audio_out_tokens + image_out_tokens) AS t_output, "
    "sum(cost_usd) AS cost FROM usage_hourly FINAL WHERE workspace_id = {workspace_id:UInt64} "
    "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} "
    "GROUP BY at_hour, provider, model HAVING n > 0 ORDER BY at_hour, provider, model"
)


def known(*buckets: str) -> str:
    return " + ".join(f"toUInt64(ifNull({bucket}_tokens, 0))" for bucket in buckets)


FROM_CHARGES = (
    "SELECT toStartOfHour(started_at) AS at_hour, provider, model, service_tier AS tier, "
    "count() AS n, countIf(isNull(cost_usd)) AS n_unpriced, "
    f"sum({known('input', 'audio_in', 'image_in')}) AS t_input, "
    f"sum({known('cache_read')}) AS t_read, "
    f"sum({known('cache_write_5m', 'cache_write_1h')}) AS t_write, "
    f"sum({known('output', 'reasoning', 'audio_out', 'image_out')}) AS t_output, "
    "sum(ifNull(cost_usd, 0)) AS cost FROM charges FINAL "
    "WHERE workspace_id = {workspace_id:UInt64} AND counted = 1 "
    "AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')} "
    "GROUP BY at_hour, provider, model, tier ORDER BY at_hour, provider, model, tier"
)


def standings(
    ch: Warehouse, workspace_id: int, invoice_ids: list[int] | None = None
) -> dict[int, Standing]:
    """Return by invoice how many of its lines hold, and what they come to by currency."""
    only = "" if invoice_ids is None else "AND invoice_id IN {invoice_ids:Array(UInt64)} "
    rows = ch.query(
        "SELECT invoice_id, currency, count() AS lines, sum(ifNull(l.billed, 0)) AS total "
        "FROM invoice_lines AS l FINAL WHERE workspace_id = {workspace_id:UInt64} "
        f"AND category != 'void' {only}AND {newest('')} GROUP BY invoice_id, currency",
        {"workspace_id": workspace_id, "invoice_ids": invoice_ids or []},
        settings=OWN_SETTINGS,
    )
    found: dict[int, Standing] = {}
    for row in rows:
        before = found.get(row["invoice_id"], Standing(0, {}))
        found[row["invoice_id"]] = Standing(
            before.lines + row["lines"], {**before.billed, row["currency"]: row["total"]}
        )
    return found


def units_of(
    ch: Warehouse, workspace_id: int, days: Days
) -> dict[tuple[str, str, date, int], dict[str, Any]]:
    """Return the units of these days that hold: their invoice, lines and USD."""
    rows = ch.query(
        "SELECT bill, account, day, spread, any(invoice_id) AS invoice, count() AS lines, "
        "sum(ifNull(cost_usd, 0)) AS usd FROM invoice_lines FINAL "
        f"WHERE workspace_id = {{workspace_id:UInt64}} AND category != 'void' {WITHIN} "
        f"AND {newest(WITHIN)} GROUP BY bill, account, day, spread",
        {"workspace_id": workspace_id, **days.params},
        settings=OWN_SETTINGS,
    )
    return {(row["bill"], row["account"], row["day"], row["spread"]): row for row in rows}


def units_of_invoice(
    ch: Warehouse, workspace_id: int, invoice_id: int
) -> list[tuple[str, str, date, int]]:
    """Return the units in which lines of an invoice hold."""
    rows = ch.query(
        "SELECT DISTINCT bill, account, day, spread FROM invoice_lines FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND invoice_id = {invoice_id:UInt64} "
        f"AND {newest('')}",
        {"workspace_id": workspace_id, "invoice_id": invoice_id},
        settings=OWN_SETTINGS,
    )
    return [(row["bill"], row["account"], row["day"], row["spread"]) for row in rows]


def lines_of_day(
    ch: Warehouse, workspace_id: int, day: date, *, limit: int = 200
) -> list[dict[str, Any]]:
    """Return the lines of a day that hold, the largest amounts first, each with its raw row."""
    days = Days(day, day)
    return ch.query(
        "SELECT invoice_id, line, bill, account, provider, model, service_tier, meter, category, "
        "project, description, quantity, unit, tokens, billed, currency, raw "
        "FROM invoice_lines FINAL WHERE workspace_id = {workspace_id:UInt64} "
        f"AND category != 'void' {WITHIN} AND {newest(WITHIN)} "
        "ORDER BY abs(ifNull(billed, 0)) DESC, invoice_id, line LIMIT {limit:UInt32}",
        {"workspace_id": workspace_id, "limit": limit, **days.params},
        settings=OWN_SETTINGS,
    )


def newest_version(ch: Warehouse, workspace_id: int) -> int:
    """Return the newest version that was ever written; 0 before the first import."""
    (row,) = ch.query(
        "SELECT max(version) AS newest FROM invoice_lines "
        "WHERE workspace_id = {workspace_id:UInt64}",
        {"workspace_id": workspace_id},
        settings=OWN_SETTINGS,
    )
    return int(row["newest"])


def billed_span(ch: Warehouse, workspace_id: int) -> Days | None:
    """Return the first and last day of the newest month that has a line; None without one."""
    (row,) = ch.query(
        "SELECT count() AS lines, max(day) AS last FROM invoice_lines FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND category = 'usage' AND " + newest(""),
        {"workspace_id": workspace_id},
        settings=OWN_SETTINGS,
    )
    return Days(row["last"].replace(day=1), row["last"]) if row["lines"] else None


def forget_lines(ch: Warehouse, workspace_id: int, invoice_id: int) -> None:
    """Remove the rows of an invoice that was taken back, the raw ones with them."""
    ch.command(
        "DELETE FROM invoice_lines WHERE workspace_id = {workspace_id:UInt64} "
        "AND invoice_id = {invoice_id:UInt64} AND category != 'void'",
        {"workspace_id": workspace_id, "invoice_id": invoice_id},
    )
