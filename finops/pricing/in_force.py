"""Which catalogue is the price of record: the installed package, or an adopted upload.

Matching names to models and compiling prices must go by the same data. So a process that publishes
rates first takes the catalogue in force up, and genai-prices itself answers from it.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from finops.pricing.catalogue import PACKAGE, bundled_providers, compile_catalogue, provenance
from finops.pricing.price_file import read_price_file
from finops.pricing.rate import Rate
from finops.pricing.stored_catalogue import CatalogueAdoption, StoredCatalogue

INSTALLED = "installed"


@dataclass(frozen=True, slots=True)
class InForce:
    """The catalogue that list prices come from; `number` is None for the installed package."""

    label: str
    sha256: str
    number: int | None = None


_taken_up: InForce | None = None
_lock = threading.Lock()
_listeners: list[Callable[[], None]] = []


def catalogue_in_force() -> InForce:
    """Return what holds by the newest adoption; the installed package where there is none."""
    newest = (
        CatalogueAdoption.objects.order_by("-pk").values_list("catalogue_id", flat=True).first()
    )
    return installed() if newest is None else stored(newest)


def installed() -> InForce:
    source = provenance()
    return InForce(f"{PACKAGE} {source.version}", source.sha256)


def stored(number: int) -> InForce:
    name, sha256 = StoredCatalogue.objects.values_list("name", "sha256").get(pk=number)
    return InForce(f"upload {number} {name}"[:50], sha256, number)


def take_up() -> InForce:
    """Make this process match names and compile prices by the catalogue in force, and return it."""
    global _taken_up  # noqa: PLW0603 - genai-prices keeps its snapshot for the process, too
    wanted = catalogue_in_force()
    if wanted == _taken_up:
        return wanted
    with _lock:
        from genai_prices.data_snapshot import (  # noqa: PLC0415 - see catalogue.py
            DataSnapshot,
            set_custom_snapshot,
        )

        own = None if wanted.number is None else DataSnapshot(providers_of(wanted), False)
        set_custom_snapshot(own)
        _taken_up = wanted
    for forget in _listeners:
        forget()
    return wanted


def on_change(forget: Callable[[], None]) -> None:
    """Call `forget` whenever this process takes up another catalogue."""
    _listeners.append(forget)


def list_prices() -> tuple[Rate, ...]:
    """Return the list prices of the catalogue that was taken up last."""
    return rates_of(_taken_up or installed())


@lru_cache(maxsize=3)
def rates_of(catalogue: InForce) -> tuple[Rate, ...]:
    """Return the list prices of a catalogue, compiled as this release compiles them."""
    return tuple(compile_catalogue(providers_of(catalogue)))


@lru_cache(maxsize=2)
def providers_of(catalogue: InForce) -> list[Any]:
    """Return the providers of a catalogue as genai-prices' own objects."""
    if catalogue.number is None:
        return bundled_providers()
    kept = StoredCatalogue.objects.values_list("content", flat=True)
    return read_price_file(gzip.decompress(bytes(kept.get(pk=catalogue.number)))).providers
