"""A GPU pool's bills in a range, and what follows: utilisation, the cost of a token, energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

Kind = Literal["busy", "idle", "unobserved", "overhead"]
KINDS: tuple[Kind, ...] = get_args(Kind)
J_PER_KWH = 3_600_000
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PoolCost:
    """A pool's bills in a range (pool '' = all pools): USD, GPU milliseconds, tokens, joules.

    `utilisation` is the part of the paid GPU time that was busy. A million tokens cost
    `usd_per_million` with all that is paid for, and `usd_per_million_full` had the GPUs been busy
    all the time: the first is the second ÷ utilisation. None where there is nothing to divide by.
    """

    pool: str
    hours: int
    bill_usd: Decimal
    usd_by_kind: Mapping[str, Decimal]
    gpu_ms: int
    busy_ms: int
    idle_ms: int
    unobserved_ms: int
    unpriced_ms: int
    calls: int
    tokens: int
    output_tokens: int
    nameless_usd: Decimal
    energy_j: float
    site_energy_j: float
    co2e_g: float | None
    rows_usd: Decimal
    seen_over: int = 0
    """Hours in which more GPUs reported than are paid for."""

    @property
    def adds_up(self) -> bool:
        """Whether the rows are the bill, to the last digit."""
        return self.rows_usd == self.bill_usd

    @property
    def utilisation(self) -> Decimal | None:
        return share(self.busy_ms, self.gpu_ms)

    @property
    def idle_share(self) -> Decimal | None:
        return share(self.idle_ms, self.gpu_ms)

    @property
    def unobserved_share(self) -> Decimal | None:
        return share(self.unobserved_ms, self.gpu_ms)

    @property
    def usd_per_gpu_hour(self) -> Decimal | None:
        return self.bill_usd * 1000 * 3600 / self.gpu_ms if self.gpu_ms else None

    @property
    def usd_per_million(self) -> Decimal | None:
        return per_million(self.bill_usd, self.tokens)

    @property
    def usd_per_million_full(self) -> Decimal | None:
        if not self.gpu_ms or not self.tokens:
            return None
        return per_million(self.bill_usd * self.busy_ms / self.gpu_ms, self.tokens)

    @property
    def kwh(self) -> float:
        return self.energy_j / J_PER_KWH

    @property
    def site_kwh(self) -> float:
        return self.site_energy_j / J_PER_KWH

    @property
    def kwh_per_million(self) -> float | None:
        """Of the site, cooling and losses included."""
        return self.site_kwh / self.tokens * 1e6 if self.tokens else None

    @property
    def co2e_g_per_million(self) -> float | None:
        if self.co2e_g is None or not self.tokens:
            return None
        return self.co2e_g / self.tokens * 1e6


def share(part: int, whole: int) -> Decimal | None:
    return Decimal(part) / whole if whole else None


def per_million(usd: Decimal, tokens: int) -> Decimal | None:
    return usd * 1_000_000 / tokens if tokens else None


def all_pools(pools: Sequence[PoolCost]) -> PoolCost:
    """Add pools up; grams of CO2e only where every pool with energy has a grid factor."""
    grams = [one.co2e_g for one in pools if one.co2e_g is not None]
    known = all(one.co2e_g is not None for one in pools if one.energy_j)
    return PoolCost(
        pool="",
        hours=max((one.hours for one in pools), default=0),
        bill_usd=sum((one.bill_usd for one in pools), ZERO),
        usd_by_kind={
            kind: sum((one.usd_by_kind[kind] for one in pools), ZERO) for kind in KINDS
        },
        nameless_usd=sum((one.nameless_usd for one in pools), ZERO),
        rows_usd=sum((one.rows_usd for one in pools), ZERO),
        energy_j=sum(one.energy_j for one in pools),
        site_energy_j=sum(one.site_energy_j for one in pools),
        co2e_g=sum(grams) if grams and known else None,
        **{
            name: sum(getattr(one, name) for one in pools)
            for name in (
                "gpu_ms", "busy_ms", "idle_ms", "unobserved_ms", "unpriced_ms",
                "calls", "tokens", "output_tokens",
            )
        },
    )  # fmt: skip
