"""What a workspace has said of its pools: dated, free of a database, ready to calculate with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

HOUR = timedelta(hours=1)
# Inference servers: who calls one of them pays with GPU time and has no list price.
SELF_HOSTED = frozenset(
    ("vllm", "sglang", "ollama", "tgi", "text-generation-inference", "llama.cpp", "llamacpp",
     "trtllm", "tensorrt-llm", "tensorrt_llm", "triton", "lmdeploy", "localai", "lm_studio",
     "lmstudio", "dynamo", "kserve", "xinference", "self_hosted", "self-hosted")
)  # fmt: skip
ZERO = Decimal(0)


class Dated(Protocol):
    """What holds from `start` until `end`, itself not part of it."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


T = TypeVar("T", bound=Dated)


@dataclass(frozen=True, slots=True)
class Members:
    """Which GPUs belong to a pool, and how many are paid for; None: as many as report."""

    start: datetime
    end: datetime
    gpus: int | None
    labels: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    gpu_models: tuple[str, ...] = ()

    def has(self, label: str, host: str, gpu_model: str) -> bool:
        """Whether a GPU matches each list that isn't empty."""
        lists = ((self.labels, label), (self.hosts, host), (self.gpu_models, gpu_model))
        return all(matches(names, value) for names, value in lists if names)


@dataclass(frozen=True, slots=True)
class Price:
    """USD a GPU-hour, or the write-off of a purchase; for `gpus`, or for all that no other covers.

    `life_end` is where the write-off of a purchase ends.
    """

    start: datetime
    end: datetime
    kind: str
    gpus: int | None = None
    usd_per_gpu_hour: Decimal = ZERO
    written_off_usd: Decimal = ZERO
    life_end: datetime | None = None
    hosting_usd_per_gpu_hour: Decimal = ZERO
    usd_per_kwh: Decimal = ZERO
    pue: Decimal = Decimal(1)
    gco2e_per_kwh: Decimal | None = None


R = TypeVar("R", Members, Price)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool with its memberships and prices, each by falling or rising time, in any order."""

    name: str
    members: tuple[Members, ...]
    prices: tuple[Price, ...]
    serves: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    uniform: bool = False
    overhead_percent: Decimal = ZERO

    def has(self, label: str, host: str, gpu_model: str, hour: datetime) -> bool:
        """Whether a GPU belonged to the pool at some moment of the hour."""
        return any(one.has(label, host, gpu_model) for one in in_force(self.members, hour))

    def takes(self, call: CallKind) -> bool:
        """Whether such calls run on this pool."""
        if call.named_pool:
            return call.named_pool == self.name
        if self.tenants and call.tenant not in self.tenants:
            return False
        own = call.provider.lower() in SELF_HOSTED or matches(self.providers, call.provider)
        if not self.serves:
            return own
        return matches(self.serves, call.model) and (own or call.unrated)

    def priced(self, hour: datetime) -> bool:
        return bool(in_force(self.prices, hour))


@dataclass(frozen=True, slots=True)
class CallKind:
    """What decides where a call ran. `unrated`: no list price or contract is known for it."""

    provider: str
    model: str
    tenant: str
    unrated: bool
    named_pool: str = ""


def matches(patterns: Iterable[str], value: str) -> bool:
    """Whether a value is one of the names, which may hold * and ?; without regard to capitals."""
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)


def in_force(rows: Sequence[T], hour: datetime) -> list[T]:
    """Return what holds at some moment of the hour."""
    return [row for row in rows if row.start < hour + HOUR and row.end > hour]


def pool_of_gpu(
    pools: Sequence[Pool], hour: datetime, label: str, host: str, gpu_model: str
) -> str:
    """Return the first pool by name that a GPU belongs to; '' for none."""
    found = (pool.name for pool in pools if pool.has(label, host, gpu_model, hour))
    return min(found, default="")


def pool_of_call(pools: Sequence[Pool], call: CallKind) -> str:
    """Return the first pool by name that such a call runs on; '' for none."""
    return min((pool.name for pool in pools if pool.takes(call)), default="")


def plan_version(pools: Sequence[Pool], hour: datetime) -> str:
    """Name what was said of the pools for one hour: the same text for the same terms.

    When something ends after the hour makes no difference to it; when it began only for a
    write-off.
    """
    said = [
        (
            pool.name,
            pool.serves,
            pool.providers,
            pool.tenants,
            pool.uniform,
            str(pool.overhead_percent.normalize()),
            sorted(repr(inside(one, hour, False)) for one in in_force(pool.members, hour)),
            sorted(
                repr(inside(one, hour, one.life_end is not None))
                for one in in_force(pool.prices, hour)
            ),
        )
        for pool in sorted(pools, key=lambda pool: pool.name)
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def inside(row: R, hour: datetime, keep_start: bool) -> R:
    """Cut a row to the hour."""
    start = row.start if keep_start else max(row.start, hour)
    return replace(row, start=start, end=min(row.end, hour + HOUR))
