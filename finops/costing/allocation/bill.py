"""What a pool costs in one hour: exact sums of dated prices, rounded once to 12 places.

rented:  GPUs x USD per GPU-hour x part of the hour
owned:   straight line, (purchase - salvage) ÷ life, as the difference of two rounded running
         totals: so the hours add up to the purchase exactly, whatever the length of the months
hosting: GPUs x USD per GPU-hour;  energy: measured kWh x PUE x tariff
overhead: percent of all that
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from finops.costing.allocation.cards import HOUR_MS, Seen
from finops.costing.allocation.plan import HOUR, Dated, Pool, Price, in_force

UNITS = 10**12
"""Money is counted in whole millionths of a millionth of a dollar: 12 places."""
HOUR_S = 3600
J_PER_KWH = 3_600_000


@dataclass(frozen=True, slots=True)
class Bill:
    """A pool's bill for one hour, by part. `gpus` is the mean number paid for; times in GPU ms.

    `unpriced_ms` is GPU time of the pool that no price covers, and not in the bill.
    """

    gpus: Decimal
    gpu_ms: int
    unpriced_ms: int
    rent_usd: Decimal
    amortisation_usd: Decimal
    hosting_usd: Decimal
    power_usd: Decimal
    overhead_usd: Decimal
    site_energy_j: float
    co2e_g: float | None

    @property
    def gpu_usd(self) -> Decimal:
        """All but the overhead."""
        return self.rent_usd + self.amortisation_usd + self.hosting_usd + self.power_usd

    @property
    def total_usd(self) -> Decimal:
        return self.gpu_usd + self.overhead_usd


def add_months(start: datetime, months: int) -> datetime:
    """The same day and time so many months later, the month's last where there is no such day."""
    year, month = divmod(start.month - 1 + months, 12)
    last = monthrange(start.year + year, month + 1)[1]
    return start.replace(year=start.year + year, month=month + 1, day=min(start.day, last))


def written_off(price: Price, moment: datetime) -> int:
    """Return what of a purchase is written off by a moment, in units, rounded down."""
    if price.life_end is None:
        return 0
    life = seconds(price.life_end - price.start)
    passed = min(max(seconds(moment - price.start), 0), life)
    return int(Fraction(price.written_off_usd) * UNITS * passed / life)


def seconds(length: timedelta) -> int:
    return length.days * 86400 + length.seconds


def pieces(pool: Pool, hour: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut an hour where a membership or a price begins or ends."""
    rows: list[Dated] = [*in_force(pool.members, hour), *in_force(pool.prices, hour)]
    inside = {t for row in rows for t in (row.start, row.end) if hour < t < hour + HOUR}
    cuts = [hour, *sorted(inside), hour + HOUR]
    yield from pairwise(cuts)


class Sum:
    """A bill in the making, in fractions."""

    def __init__(self) -> None:
        self.gpu_s = self.unpriced_s = Fraction(0)
        self.rent = self.hosting = self.power = Fraction(0)
        self.site_j = self.co2e = Fraction(0)
        self.grid_known = False
        self.written_off = 0

    def add(self, price: Price, gpus: Fraction, start: datetime, end: datetime) -> None:
        """Add one price for so many GPUs between two moments in which nothing changes."""
        hours = Fraction(seconds(end - start), HOUR_S)
        self.gpu_s += gpus * hours * HOUR_S
        self.rent += gpus * hours * Fraction(price.usd_per_gpu_hour)
        self.hosting += gpus * hours * Fraction(price.hosting_usd_per_gpu_hour)
        self.written_off += written_off(price, end) - written_off(price, start)

    def add_energy(self, price: Price, joules: Fraction) -> None:
        at_site = joules * Fraction(price.pue)
        self.site_j += at_site
        self.power += at_site / J_PER_KWH * Fraction(price.usd_per_kwh)
        if price.gco2e_per_kwh is not None:
            self.grid_known = True
            self.co2e += at_site / J_PER_KWH * Fraction(price.gco2e_per_kwh)


def bill_of_hour(pool: Pool, hour: datetime, seen: Seen) -> Bill | None:
    """Return what a pool costs in an hour; None where no price is in force."""
    if not pool.priced(hour):
        return None
    total = Sum()
    for start, end in pieces(pool, hour):
        gpus = gpus_between(pool, start, hour, seen)
        prices = [price for price in pool.prices if price.start <= start < price.end]
        part = Fraction(seconds(end - start), HOUR_S)
        add_piece(total, prices, gpus, (start, end), part * seen.energy_j)
    return finish(total, pool.overhead_percent)


def gpus_between(pool: Pool, moment: datetime, hour: datetime, seen: Seen) -> Fraction:
    """How many GPUs a pool has from a moment to the next change of anything."""
    member = next((one for one in pool.members if one.start <= moment < one.end), None)
    if member is None:
        return Fraction(0)
    if member.gpus is not None:
        return Fraction(member.gpus)
    held = min(member.end, hour + HOUR) - max(member.start, hour)
    return Fraction(seen.span_ms, HOUR_MS) * HOUR_S / seconds(held)


def add_piece(
    total: Sum,
    prices: list[Price],
    gpus: Fraction,
    between: tuple[datetime, datetime],
    joules: Fraction,
) -> None:
    """Prices with a number take theirs, the open one what is left; energy follows the GPUs."""
    promised = sum(price.gpus for price in prices if price.gpus is not None)
    rest = max(Fraction(0), gpus - promised)
    counts = [(p, Fraction(p.gpus) if p.gpus is not None else rest) for p in prices]
    covered = sum((count for _, count in counts), Fraction(0))
    for price, count in counts:
        total.add(price, count, *between)
        if covered:
            total.add_energy(price, joules * count / covered)
    start, end = between
    total.unpriced_s += max(Fraction(0), gpus - covered) * seconds(end - start)


def finish(total: Sum, overhead_percent: Decimal) -> Bill:
    rent, hosting, power = (rounded(part) for part in (total.rent, total.hosting, total.power))
    off = Decimal(total.written_off).scaleb(-12)
    overhead = rounded(Fraction(rent + off + hosting + power) * Fraction(overhead_percent) / 100)
    return Bill(
        gpus=rounded(total.gpu_s / HOUR_S, 6),
        gpu_ms=int(total.gpu_s * 1000),
        unpriced_ms=int(total.unpriced_s * 1000),
        rent_usd=rent,
        amortisation_usd=off,
        hosting_usd=hosting,
        power_usd=power,
        overhead_usd=overhead,
        site_energy_j=float(total.site_j),
        co2e_g=float(total.co2e) if total.grid_known else None,
    )


def rounded(amount: Fraction, places: int = 12) -> Decimal:
    """Return a fraction as Decimal, half to even at the last place."""
    with localcontext() as context:
        context.prec, context.rounding = 60, ROUND_HALF_EVEN
        return Decimal(round(amount * 10**places)).scaleb(-places)
