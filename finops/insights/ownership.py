"""API, rented GPUs, owned GPUs or serverless for the same traffic: what each costs over years.

Month m (0, 1, …) has the traffic of today × (1 + growth)^m. With T output tokens in a month,

    GPUs = least whole number of replicas whose GPUs × throughput × utilisation × seconds ≥ T
    API        = today's bill × growth × (1 + price change a year)^(m/12)
    rented     = GPUs × price × hours + staff
    owned      = GPUs bought when they are needed + energy (GPUs × kW × PUE × tariff × hours)
                 + hosting + maintenance + staff − what the GPUs are still worth at the end
    serverless = (the larger of T ÷ its throughput and GPUs of a replica × seconds awake
                 + GPUs of a replica × wake-ups × cold start) × price per second + staff

and an amount of month m counts ÷ (1 + discount rate)^(m/12). A month has 730.5 hours. Throughput is
output tokens a second and GPU at the latency that you accept, on your mix of input and output:
input isn't counted apart, it is part of what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal, get_args

from finops.insights.commitments import MONTH_HOURS

ZERO = Decimal(0)
ONE = Decimal(1)
MONTH_S = MONTH_HOURS * 3600
YEAR_MONTHS = 12
HORIZONS = (12, 36)

Way = Literal["api", "rented", "owned", "serverless"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A month as it is today: output tokens, all tokens, and what an API bills for them in USD."""

    output_tokens: Decimal
    tokens: Decimal
    api_usd: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """Every assumption, as shares of 1, USD, seconds and months; names say the unit."""

    growth: Decimal
    api_price_change: Decimal
    discount_rate: Decimal
    throughput_tokens_s: Decimal
    utilisation: Decimal
    replica_gpus: Decimal
    least_replicas: Decimal
    rent_usd_hour: Decimal
    rented_staff_usd: Decimal
    purchase_usd: Decimal
    life_months: Decimal
    resale: Decimal
    power_kw: Decimal
    pue: Decimal
    energy_usd_kwh: Decimal
    hosting_usd_kw: Decimal
    maintenance: Decimal
    owned_staff_usd: Decimal
    serverless_usd_s: Decimal
    serverless_throughput: Decimal
    awake_hours: Decimal
    wake_ups: Decimal
    cold_start_s: Decimal
    serverless_staff_usd: Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """One way, month by month: USD of each month at today's value, and the GPUs it takes."""

    way: Way
    months: list[Decimal]
    gpus: list[int]
    worth_at_end: Mapping[int, Decimal]

    def total_usd(self, months: int) -> Decimal:
        """What the first so many months cost, less what is left of the GPUs then."""
        return sum(self.months[:months], ZERO) - self.worth_at_end.get(months, ZERO)


def courses(traffic: Traffic, terms: Terms, horizons: Sequence[int] = HORIZONS) -> list[Course]:
    """Return each way over the longest horizon."""
    longest = max(horizons)
    tokens = [traffic.output_tokens * grown(terms.growth, m) for m in range(longest)]
    gpus = [gpus_needed(amount, terms) for amount in tokens]
    rising = [max(gpus[: m + 1]) for m in range(longest)]
    bought = [now - before for now, before in zip(rising, [0, *rising], strict=False)]
    none = [0] * longest
    monthly: list[tuple[Way, list[int], Callable[[int], Decimal]]] = [
        ("api", none, lambda m: traffic.api_usd * grown(terms.growth, m) * api_level(m, terms)),
        ("rented", gpus, lambda m: rented_usd(gpus[m], terms)),
        ("owned", rising, lambda m: bought[m] * terms.purchase_usd + running_usd(rising[m], terms)),
        ("serverless", none, lambda m: serverless_usd(tokens[m], terms)),
    ]
    return [
        Course(
            way,
            [today(amount(m), m, terms) for m in range(longest)],
            count,
            {h: resale_usd(bought[:h], terms) for h in horizons} if way == "owned" else {},
        )
        for way, count, amount in monthly
    ]


def grown(rate: Decimal, months: int) -> Decimal:
    return (ONE + rate) ** months


def api_level(month: int, terms: Terms) -> Decimal:
    return (ONE + terms.api_price_change) ** (Decimal(month) / YEAR_MONTHS)


def today(amount: Decimal, month: int, terms: Terms) -> Decimal:
    """An amount of a later month at today's value."""
    if not terms.discount_rate:
        return amount
    return amount / (ONE + terms.discount_rate) ** (Decimal(month) / YEAR_MONTHS)


def replica_tokens(terms: Terms) -> Decimal:
    """Output tokens that one replica makes in a month at the target utilisation."""
    return terms.replica_gpus * terms.throughput_tokens_s * terms.utilisation * MONTH_S


def gpus_needed(tokens: Decimal, terms: Terms) -> int:
    replicas = (tokens / replica_tokens(terms)).to_integral_value(ROUND_CEILING)
    return int(max(replicas, terms.least_replicas) * terms.replica_gpus)


def rented_usd(gpus: int, terms: Terms) -> Decimal:
    return gpus * terms.rent_usd_hour * MONTH_HOURS + terms.rented_staff_usd


def running_usd(gpus: int, terms: Terms) -> Decimal:
    """Energy, hosting, maintenance and staff of owned GPUs in a month."""
    return gpus * gpu_running_usd(terms) + terms.owned_staff_usd


def gpu_running_usd(terms: Terms) -> Decimal:
    energy = terms.power_kw * terms.pue * MONTH_HOURS * terms.energy_usd_kwh
    hosting = terms.power_kw * terms.hosting_usd_kw
    maintenance = terms.purchase_usd * terms.maintenance / YEAR_MONTHS
    return energy + hosting + maintenance


def resale_usd(bought: Sequence[int], terms: Terms) -> Decimal:
    """What the GPUs can be sold for after these months: a share of their straight-line value."""
    worth = ZERO
    for month, count in enumerate(bought):
        age = Decimal(len(bought) - month)
        left = max(ZERO, ONE - age / terms.life_months)
        worth += count * terms.purchase_usd * left * terms.resale
    return today(worth, len(bought), terms)


def serverless_usd(tokens: Decimal, terms: Terms) -> Decimal:
    """Every second that a GPU is up is paid: at work, waiting for the next call, or starting."""
    work_s = tokens / (terms.throughput_tokens_s * terms.serverless_throughput)
    awake_s = terms.awake_hours * 3600 * terms.replica_gpus
    starting_s = terms.wake_ups * terms.cold_start_s * terms.replica_gpus
    seconds_usd = (max(work_s, awake_s) + starting_s) * terms.serverless_usd_s
    return seconds_usd + terms.serverless_staff_usd


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Tokens a month from which GPUs cost no more than the API, in output and in all tokens.

    `first` is the least such traffic; each further replica is a step up in cost, so that the API
    can be cheaper again just above one, until `for_good`. None: the API is always cheaper.
    """

    way: Way
    first_output_tokens: Decimal | None
    for_good_output_tokens: Decimal | None
    tokens_per_output: Decimal

    def all_tokens(self, output: Decimal | None) -> Decimal | None:
        return None if output is None else output * self.tokens_per_output


def break_even(way: Way, traffic: Traffic, terms: Terms) -> BreakEven:
    """Compare monthly costs at today's prices, owned GPUs at their straight-line amortisation.

    n replicas cost F + n c and make up to n k tokens; the API costs a per token. They are worth it
    from (F + n c) / a tokens if that is no more than n k. Since (F + n c) / a ≤ n k holds from
    n = F / (a k − c) on, the least n is known at once; and where even n + 1 replicas would be worth
    it at n k tokens, no later step is too high.
    """
    ratio = traffic.tokens / traffic.output_tokens if traffic.output_tokens else ONE
    if not traffic.output_tokens or not traffic.api_usd:
        return BreakEven(way, None, None, ratio)
    a = traffic.api_usd / traffic.output_tokens
    k = replica_tokens(terms)
    c = replica_month_usd(way, terms)
    fixed = terms.rented_staff_usd if way == "rented" else terms.owned_staff_usd
    gain = a * k - c
    if gain <= 0:
        return BreakEven(way, None, None, ratio)
    n = max(ceiling(fixed / gain), terms.least_replicas, ONE)
    stays = max(ceiling((fixed + c) / gain), n)
    first = (fixed + n * c) / a
    for_good = first if stays == n else max(first, (fixed + stays * c) / a)
    return BreakEven(way, first, for_good, ratio)


def ceiling(number: Decimal) -> Decimal:
    return number.to_integral_value(ROUND_CEILING)


def replica_month_usd(way: Way, terms: Terms) -> Decimal:
    """What one replica more costs in a month, staff aside."""
    if way == "rented":
        return terms.replica_gpus * terms.rent_usd_hour * MONTH_HOURS
    amortised = terms.purchase_usd / terms.life_months
    return terms.replica_gpus * (amortised + gpu_running_usd(terms))
