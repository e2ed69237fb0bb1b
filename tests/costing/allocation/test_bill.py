"""The bill of an hour, and a purchase that is written off to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from finops.costing.allocation.bill import Bill, add_months, bill_of_hour
from finops.costing.allocation.cards import Seen
from finops.costing.allocation.plan import HOUR, Members, Pool, Price
from finops.pricing.rate import FOREVER

TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def pool_of(*prices: Price, gpus: int | None = 8, overhead: str = "0") -> Pool:
    return Pool(
        "h100",
        (Members(YEAR, FOREVER, gpus, ("h100",)),),
        prices,
        overhead_percent=Decimal(overhead),
    )


def rented(usd: str, **more: object) -> Price:
    values = {"start": YEAR, "end": FOREVER, "kind": "on_demand", **more}
    return Price(usd_per_gpu_hour=Decimal(usd), **values)  # type: ignore[arg-type]


def bought(usd: str, months: int, start: datetime = YEAR, **more: object) -> Price:
    values = {"end": FOREVER, "kind": "owned", "life_end": add_months(start, months), **more}
    return Price(start, written_off_usd=Decimal(usd), **values)  # type: ignore[arg-type]


def billed(pool: Pool, hour: datetime = TEN, seen: Seen | None = None) -> Bill:
    bill = bill_of_hour(pool, hour, seen or Seen())
    assert bill is not None
    return bill


def test_a_rented_pool_costs_its_gpus_times_the_rate() -> None:
    bill = billed(pool_of(rented("2.49")))
    assert (bill.rent_usd, bill.total_usd) == (Decimal("19.92"), Decimal("19.92"))
    assert (bill.gpus, bill.gpu_ms) == (Decimal(8), 8 * 3_600_000)


def test_a_pool_without_a_price_has_no_bill() -> None:
    assert bill_of_hour(pool_of(), TEN, Seen(8, 1, 1, 1)) is None


def test_a_price_that_changes_within_the_hour_counts_by_the_second() -> None:
    quarter = TEN + timedelta(minutes=15)
    pool = pool_of(rented("2", end=quarter), rented("4", start=quarter))
    assert billed(pool).total_usd == Decimal(8 * 2) / 4 + Decimal(8 * 4) * 3 / 4


def test_reserved_gpus_are_paid_for_unused_and_the_open_price_covers_the_rest() -> None:
    pool = pool_of(rented("1.5", gpus=6, kind="reserved"), rented("3"), gpus=8)
    assert billed(pool).total_usd == 6 * Decimal("1.5") + 2 * 3
    assert billed(pool_of(rented("1.5", gpus=10), rented("3"))).total_usd == 15


def test_gpus_that_no_price_covers_are_named_and_not_billed() -> None:
    bill = billed(pool_of(rented("1", gpus=6)))
    assert (bill.total_usd, bill.unpriced_ms) == (Decimal(6), 2 * 3_600_000)


def test_a_pool_that_grows_and_shrinks_pays_for_what_reports() -> None:
    bill = billed(pool_of(rented("2"), gpus=None), seen=Seen(3, 1, 1, 9_000_000, 0))
    assert bill.total_usd == 5  # 2.5 GPU-hours


def test_energy_costs_kwh_times_pue_times_the_tariff_and_emits_by_the_grid() -> None:
    price = bought("0", 12, usd_per_kwh=Decimal("0.20"), pue=Decimal("1.25"),
                   gco2e_per_kwh=Decimal(400))  # fmt: skip
    bill = billed(pool_of(price), seen=Seen(8, 1, 1, 1, energy_j=10_800_000))  # 3 kWh
    assert bill.power_usd == Decimal("0.75")
    assert (bill.site_energy_j, bill.co2e_g) == (13_500_000, 1500)


def test_hosting_and_overhead_are_parts_of_their_own() -> None:
    price = bought("0", 12, hosting_usd_per_gpu_hour=Decimal("0.30"))
    bill = billed(pool_of(price, overhead="12.5"))
    assert (bill.hosting_usd, bill.overhead_usd, bill.total_usd) == (
        Decimal("2.4"), Decimal("0.3"), Decimal("2.7")
    )  # fmt: skip


def test_a_month_without_that_day_ends_on_its_last() -> None:
    assert add_months(datetime(2026, 1, 31, tzinfo=UTC), 13).date().isoformat() == "2027-02-28"


@settings(max_examples=8, deadline=None)
@given(
    st.decimals("0.01", 10**9, places=2),
    st.integers(1, 2),
    st.integers(0, 3599),
)
def test_the_hours_of_a_purchase_add_up_to_its_price_exactly(
    usd: Decimal, months: int, second: int
) -> None:
    start = YEAR + timedelta(seconds=second)
    pool = pool_of(bought(str(usd), months, start))
    hours = int((add_months(start, months) - YEAR) / HOUR) + 2
    parts = [billed(pool, YEAR + i * HOUR).amortisation_usd for i in range(hours)]
    assert sum(parts) == usd
    full = parts[1 : hours - 3]
    assert max(full) - min(full) <= Decimal("1e-12")
