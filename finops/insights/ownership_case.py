"""The comparison of ways to serve, put together: traffic from the ledger, assumptions, results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from finops.insights.assumptions import Assumed, Assumption
from finops.insights.commitments import MONTH_HOURS
from finops.insights.ownership import BreakEven, Course, Terms, Traffic, break_even, courses
from finops.queries import UnitCost

HUNDRED = Decimal(100)
ASSUMED = "assumed: enter your own"
MODAL = "Modal's list price of an H100, May 2026"

OF_TRAFFIC = (
    Assumption(
        "output_tokens", "Output tokens a month", "tokens", None, "not known: enter it",
        least=Decimal(1),
    ),
    Assumption("input_tokens", "Input tokens a month", "tokens", None, "not known: enter it"),
    Assumption(
        "api_usd", "API bill a month", "USD", None, "not known: enter it",
        most=Decimal(10) ** 12,
    ),
    Assumption(
        "growth_percent", "Growth of traffic a month", "%", Decimal(0), "assumed: none",
        least=Decimal(-50), most=HUNDRED,
    ),
    Assumption(
        "api_price_change_percent", "Change of API prices a year", "%", Decimal(0),
        "assumed: none; they have fallen so far", least=Decimal(-90), most=HUNDRED,
    ),
    Assumption(
        "discount_rate_percent", "Discount rate a year", "%", Decimal(0),
        "assumed: none, so amounts are those paid", most=HUNDRED,
    ),
)  # fmt: skip
OF_SERVING = (
    Assumption(
        "throughput_tokens_s", "Throughput at your latency", "output tokens/s per GPU", None,
        "not known: measure it on your traffic, or enter it",
        least=Decimal("0.01"), most=Decimal(10) ** 6,
    ),
    Assumption(
        "utilisation_percent", "Target utilisation", "% of that", Decimal(50),
        "assumed: traffic has nights and peaks", least=Decimal(1), most=HUNDRED,
    ),
    Assumption(
        "replica_gpus", "GPUs of one replica", "GPUs", Decimal(1), ASSUMED,
        least=Decimal(1), most=Decimal(10_000), whole=True,
    ),
    Assumption(
        "least_replicas", "Replicas at least", "", Decimal(1),
        "assumed; two survive the loss of one", least=Decimal(1), most=Decimal(1000), whole=True,
    ),
)  # fmt: skip
OF_RENTING = (
    Assumption(
        "rent_usd_hour", "Rented GPU", "USD per hour", Decimal("3.78"),
        "Lambda's list price of an H100 SXM, May 2026", most=Decimal(10_000),
    ),
    Assumption(
        "rented_staff_usd", "People who run rented GPUs", "USD a month", Decimal(5000), ASSUMED,
        most=Decimal(10) ** 9,
    ),
)  # fmt: skip
OF_OWNING = (
    Assumption(
        "purchase_usd", "Bought GPU, with its share of server and network", "USD", Decimal(35_000),
        "assumed for an H100 of eight in a server: enter your quote", most=Decimal(10) ** 7,
    ),
    Assumption(
        "life_months", "Useful life", "months", Decimal(48), ASSUMED,
        least=Decimal(1), most=Decimal(240),
    ),
    Assumption(
        "resale_percent", "Sold at the end for", "% of what is not written off", Decimal(50),
        ASSUMED, most=HUNDRED,
    ),
    Assumption(
        "power_kw", "Power per GPU, with its share of the server", "kW", Decimal("1.275"),
        "NVIDIA DGX H100: 10.2 kW at most for eight GPUs", most=HUNDRED,
    ),
    Assumption(
        "pue", "PUE", "", Decimal("1.56"),
        "Uptime Institute, Global Data Center Survey 2024: average",
        least=Decimal(1), most=Decimal(5),
    ),
    Assumption(
        "energy_usd_kwh", "Energy", "USD per kWh", Decimal("0.13"), ASSUMED, most=Decimal(10),
    ),
    Assumption(
        "hosting_usd_kw", "Hosting without energy", "USD per kW and month", Decimal("184.06"),
        "CBRE, North America Data Center Trends H2 2024: average for 250 to 500 kW",
        most=Decimal(10_000),
    ),
    Assumption(
        "maintenance_percent", "Maintenance a year", "% of the purchase", Decimal(5), ASSUMED,
        most=HUNDRED,
    ),
    Assumption(
        "owned_staff_usd", "People who run owned GPUs", "USD a month", Decimal(10_000), ASSUMED,
        most=Decimal(10) ** 9,
    ),
)  # fmt: skip
OF_SERVERLESS = (
    Assumption("serverless_usd_s", "GPU", "USD per second", Decimal("0.001097"), MODAL,
        most=HUNDRED),
    Assumption(
        "serverless_throughput_percent", "Throughput", "% of the one above", Decimal(50),
        "assumed: sporadic calls are batched less", least=Decimal(1), most=HUNDRED,
    ),
    Assumption(
        "sleep_after_s", "Sleeps after", "idle seconds", Decimal(60), ASSUMED,
        most=Decimal(86_400),
    ),
    Assumption(
        "awake_hours", "Awake, waiting included", "hours a month", MONTH_HOURS,
        "assumed: always; calls tell better", most=MONTH_HOURS,
    ),
    Assumption(
        "wake_ups", "Wake-ups", "a month", Decimal(0), "assumed: none, as it is always awake",
        most=Decimal(10) ** 6,
    ),
    Assumption("cold_start_s", "Cold start", "seconds", Decimal(30), ASSUMED, most=Decimal(3600)),
    Assumption(
        "serverless_staff_usd", "People who run it", "USD a month", Decimal(2500), ASSUMED,
        most=Decimal(10) ** 9,
    ),
)  # fmt: skip
GROUPS = {
    "Traffic": OF_TRAFFIC,
    "Serving": OF_SERVING,
    "Renting": OF_RENTING,
    "Owning": OF_OWNING,
    "Serverless": OF_SERVERLESS,
}
ALL = tuple(each for group in GROUPS.values() for each in group)


@dataclass(frozen=True, slots=True)
class OwnershipCase:
    """What each way costs for the traffic, and from how much traffic on GPUs are worth it."""

    traffic: Traffic
    terms: Terms
    courses: list[Course]
    break_evens: list[BreakEven]

    def cheapest(self, months: int) -> Course:
        return min(self.courses, key=lambda course: course.total_usd(months))


def ownership_case(assumed: Mapping[str, Assumed]) -> OwnershipCase | None:
    """Work everything out; None while an assumption has no value."""
    v = {name: each.value for name, each in assumed.items() if each.value is not None}
    if len(v) < len(ALL):
        return None
    traffic = Traffic(v["output_tokens"], v["output_tokens"] + v["input_tokens"], v["api_usd"])
    terms = Terms(
        growth=v["growth_percent"] / HUNDRED,
        api_price_change=v["api_price_change_percent"] / HUNDRED,
        discount_rate=v["discount_rate_percent"] / HUNDRED,
        throughput_tokens_s=v["throughput_tokens_s"],
        utilisation=v["utilisation_percent"] / HUNDRED,
        replica_gpus=v["replica_gpus"],
        least_replicas=v["least_replicas"],
        rent_usd_hour=v["rent_usd_hour"],
        rented_staff_usd=v["rented_staff_usd"],
        purchase_usd=v["purchase_usd"],
        life_months=v["life_months"],
        resale=v["resale_percent"] / HUNDRED,
        power_kw=v["power_kw"],
        pue=v["pue"],
        energy_usd_kwh=v["energy_usd_kwh"],
        hosting_usd_kw=v["hosting_usd_kw"],
        maintenance=v["maintenance_percent"] / HUNDRED,
        owned_staff_usd=v["owned_staff_usd"],
        serverless_usd_s=v["serverless_usd_s"],
        serverless_throughput=v["serverless_throughput_percent"] / HUNDRED,
        awake_hours=v["awake_hours"],
        wake_ups=v["wake_ups"],
        cold_start_s=v["cold_start_s"],
        serverless_staff_usd=v["serverless_staff_usd"],
    )
    return OwnershipCase(
        traffic,
        terms,
        courses(traffic, terms),
        [break_even("rented", traffic, terms), break_even("owned", traffic, terms)],
    )


def measured_traffic(used: UnitCost, hours: Decimal) -> dict[str, tuple[Decimal, str]]:
    """A month as the ledger's last hours were; only what is there to be measured."""
    if not used.calls or hours <= 0:
        return {}
    month = MONTH_HOURS / hours
    days = hours / 24
    source = f"measured: the ledger's last {days:.0f} days" if days >= 2 else (
        f"measured: the ledger's last {hours:.0f} hours" if hours >= 1.5 else (
            "measured: the ledger's last hour"
        )
    )  # fmt: skip
    found = {
        "input_tokens": (whole(used.input_tokens * month), source),
        "output_tokens": (whole(used.output_tokens * month), source),
    }
    if used.cost_usd is not None:
        found["api_usd"] = ((used.cost_usd * month).quantize(Decimal("0.01")), source)
    return {name: value for name, value in found.items() if value[0] or name != "output_tokens"}


def measured_throughput(found: tuple[Decimal, int] | None) -> dict[str, tuple[Decimal, str]]:
    """Output tokens per busy GPU second of the workspace's own pools."""
    if found is None or found[0] < Decimal("0.01"):
        return {}
    tokens_s, calls = found
    source = f"measured: your pools' busy seconds in {calls:,} calls"
    return {"throughput_tokens_s": (tokens_s.quantize(Decimal("0.01")), source)}


def measured_wakefulness(
    minutes: Sequence[datetime], sleep_after_s: Decimal, hours: Decimal
) -> dict[str, tuple[Decimal, str]]:
    """How often a server that sleeps after a pause would have woken up, and how long it is awake.

    `minutes` are those in which calls started, in order; each counts as a minute of work. Both are
    those of a month.
    """
    if not minutes or hours <= 0:
        return {}
    wait_s = float(sleep_after_s)
    awake_s, wake_ups = 60 + wait_s, 1
    for before, now in pairwise(minutes):
        apart_s = (now - before).total_seconds()
        awake_s += min(apart_s, 60 + wait_s)
        wake_ups += apart_s > 60 + wait_s
    month = MONTH_HOURS / hours
    source = "measured: the pauses between the ledger's calls"
    awake_hours = min(Decimal(awake_s) / 3600 * month, MONTH_HOURS)
    return {
        "wake_ups": (whole(wake_ups * month), source),
        "awake_hours": (awake_hours.quantize(Decimal("0.1")), source),
    }


def whole(number: Decimal) -> Decimal:
    return number.to_integral_value()
