"""The list prices: genai-prices' data compiled into rates.

The library decides what holds at a moment (`ModelInfo.get_prices`); we ask it once in every span
between two of its dates and times of day, so a rate can't mean anything else than what the library
would charge. Not compiled, because no call says them: cached audio and images apart from cached
text, video, citations, and prices by route or kind of search (docs/rates.md says what each costs).
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from finops.pricing.rate import (
    ANY_SIZE,
    BEGINNING,
    DAY_S,
    FOREVER,
    TIERS,
    Prices,
    Rate,
    per_one,
    per_token,
)

PACKAGE = "genai-prices"
# Part of the provenance: a release that compiles the same data differently publishes it anew.
COMPILER = 2

# How genai-prices names the processing behind a response's service tier.
CONTEXTS: dict[str, dict[str, str]] = {
    "": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}

# What is billed by use -> its prices in genai-prices, each for so many units; the first counts.
# Seconds of audio go in, or make up the whole session: no model is sold by both.
USE_PRICES: dict[str, tuple[tuple[str, ...], int]] = {
    "web_search": (("web_searches_kcount",), 1000),
    "social_search": (("social_searches_kcount",), 1000),
    "file_search": (("storage_searches_kcount",), 1000),
    "rerank_search": (("rerank_searches_kcount",), 1000),
    "code_execution": (("code_executions_kcount",), 1000),
    "page": (("input_document_kpages",), 1000),
    "annotated_page": (("input_annotated_document_kpages", "input_document_kpages"), 1000),
    "character": (("input_mchars",), 1_000_000),
    "text_message": (("input_text_messages_kcount",), 1000),
    "audio_ms": (("input_audio_hours", "audio_hours"), 3_600_000),
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where list prices come from: the package's version, and the SHA-256 of its data in hex."""

    version: str
    sha256: str


@lru_cache(maxsize=1)
def provenance() -> Provenance:
    """Say which catalogue is installed, without loading it."""
    spec = importlib.util.find_spec("genai_prices.data")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{PACKAGE} has no data; install requirements/core.lock anew.")
    return Provenance(version(PACKAGE), hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest())


def compile_catalogue(providers: Iterable[Any] | None = None) -> Iterator[Rate]:
    """Yield every list price; `providers` are genai-prices' own, by default all of them."""
    known = {provider.id: provider for provider in providers or bundled_providers()}
    for provider in known.values():
        for model in provider.models:
            yield from compile_model(provider.id, model.id, model, ("", *TIERS))
        # What one provider sells of another's models has the other's standard price only.
        for owner in provider.fallback_model_providers or ():
            for model in known[owner].models if owner in known else ():
                yield from compile_model(provider.id, borrowed(owner, model.id), model, ("",))


def bundled_providers() -> list[Any]:
    """Return the data of the installed package; takes half a second the first time."""
    from genai_prices.data import providers  # noqa: PLC0415 - 40 MB that a web process never needs

    return list(providers)


def borrowed(owner: str, model: str) -> str:
    """Name a model of `owner` in the list of a provider that resells it."""
    return f"{owner}/{model}"


def compile_model(provider: str, name: str, model: Any, tiers: Iterable[str]) -> Iterator[Rate]:
    """Yield the rates of one model: tiers that it has prices for x dates x times x context."""
    for tier in tiers:
        context = CONTEXTS[tier]
        variants = [v for v in model.price_variants or () if v.when.items() <= context.items()]
        if tier and not variants:
            continue
        for rate in compile_tier(model, context, variants):
            yield Rate(provider, name, service_tier=tier, source=PACKAGE, **rate)


def compile_tier(model: Any, context: dict[str, str], variants: list[Any]) -> Iterator[Any]:
    conditions = [] if not isinstance(model.prices, list) else list(model.prices)
    constraints = [item.constraint for item in (*conditions, *variants) if item.constraint]
    seconds = sorted({0, DAY_S, *daily_edges(constraints)})
    for start, end in pairwise(sorted({BEGINNING, FOREVER, *date_edges(constraints)})):
        windows = [
            (low, high, cut(model.get_prices(start + timedelta(seconds=low), context)))
            for low, high in pairwise(seconds)
        ]
        if all(cuts == windows[0][2] for _, _, cuts in windows):
            windows = [(0, DAY_S, windows[0][2])]
        for low, high, cuts in windows:
            for above, upto, prices, uses in cuts:
                yield {
                    "prices": prices,
                    "uses": uses,
                    "context_above": above,
                    "context_upto": upto,
                    "valid_from": start,
                    "valid_to": end,
                    "daily_from_s": low,
                    "daily_to_s": high,
                }


def date_edges(constraints: list[Any]) -> Iterator[datetime]:
    for constraint in constraints:
        if hasattr(constraint, "start_date"):
            yield datetime.combine(constraint.start_date, time(), UTC)


def daily_edges(constraints: list[Any]) -> Iterator[int]:
    for constraint in constraints:
        if hasattr(constraint, "start_time"):
            yield second_of_day(constraint.start_time)
            yield second_of_day(constraint.end_time)


def second_of_day(moment: time) -> int:
    """Return the second of the UTC day; a time without a zone is UTC, as genai-prices has it."""
    utc = datetime.combine(BEGINNING, moment.replace(tzinfo=moment.tzinfo or UTC)).astimezone(UTC)
    return utc.hour * 3600 + utc.minute * 60 + utc.second


def cut(price: Any) -> list[tuple[int, int, Prices, dict[str, Decimal]]]:
    """Cut a price into its context tiers: (above, up to, prices, uses); none where it has none."""
    values = vars(price).values()
    starts = {tier.start for value in values for tier in getattr(value, "tiers", ())}
    edges = [*sorted(starts | {0}), ANY_SIZE]
    cuts = [
        (above, upto, prices_at(price, above + 1), uses_at(price, above + 1))
        for above, upto in pairwise(edges)
    ]
    return [part for part in cuts if not part[2].empty or part[3]]


def prices_at(price: Any, total_input: int) -> Prices:
    """Return the prices of each bucket when `total_input` tokens go in.

    A bucket without a price of its own is charged as what it is a part of: cached, audio and image
    input as input, reasoning, audio and image output as output.
    """

    def usd(*keys: str) -> Decimal | None:
        per_million = listed(price, keys, total_input)
        return None if per_million is None else per_token(per_million)

    per_thousand_calls = listed(price, ("requests_kcount",), total_input)
    return Prices(
        input=usd("input_mtok"),
        cache_read=usd("cache_read_mtok", "input_mtok"),
        cache_write_5m=usd("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
        cache_write_1h=usd("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
        output=usd("output_mtok"),
        reasoning=usd("output_reasoning_mtok", "output_mtok"),
        audio_in=usd("input_audio_mtok", "input_mtok"),
        audio_out=usd("output_audio_mtok", "output_mtok"),
        image_in=usd("input_image_mtok", "input_mtok"),
        image_out=usd("output_image_mtok", "output_mtok"),
        call=None if per_thousand_calls is None else per_one(per_thousand_calls, 1000),
    )


def uses_at(price: Any, total_input: int) -> dict[str, Decimal]:
    """Return USD for one use of what the model bills by use when `total_input` tokens go in."""
    found = {
        use: (listed(price, keys, total_input), units) for use, (keys, units) in USE_PRICES.items()
    }
    return {use: per_one(usd, units) for use, (usd, units) in found.items() if usd is not None}


def listed(price: Any, keys: Iterable[str], total_input: int) -> Decimal | None:
    """Return the first of a model's prices that is there, for so many tokens in."""
    value = next((v for key in keys if (v := getattr(price, key)) is not None), None)
    for tier in reversed(getattr(value, "tiers", ())):
        if total_input > tier.start:
            return Decimal(tier.price)
    usd: Decimal | None = getattr(value, "base", value)
    return usd
