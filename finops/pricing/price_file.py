"""Reading a price catalogue that a person hands in: genai-prices' own data.json, and nothing else.

The file is hostile until it is shown not to be: it is bounded before it is parsed, its numbers are
read as decimals, its patterns are refused where matching them could take for ever, and it is
compiled into rates before anybody may adopt it.
"""

from __future__ import annotations

import hashlib
import json
import re
import re._constants as opcodes  # type: ignore[import-not-found]
import re._parser as patterns  # type: ignore[import-not-found]
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from finops.pricing.catalogue import compile_catalogue
from finops.pricing.errors import CatalogueRefused
from finops.pricing.rate import ANY_SIZE, BEGINNING, BUCKETS, FOREVER, Rate

MOST_BYTES = 16 * 1024**2
MOST_DEPTH = 24
MOST_PROVIDERS = 500
MOST_MODELS = 20_000
MOST_RATES = 100_000
MOST_PATTERN = 300
# Dated prices, tiers and variants of one model; the longest known list has about a dozen.
MOST_OF_A_MODEL = 100
MOST_NAME = 200
# USD for one token, call or use: no price list comes near it.
MOST_USD = Decimal(10_000)
# A repeat with more room than this is long, and a pattern may have so many.
LONG = 20
MOST_LONG = 2
REPEATS = frozenset({opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT})


@dataclass(frozen=True, slots=True)
class PriceFile:
    """A catalogue that was read and compiled: what it holds and how it is known again."""

    sha256: str
    providers: list[Any]
    rates: tuple[Rate, ...]

    @property
    def models(self) -> int:
        return sum(len(provider.models) for provider in self.providers)

    def newest_price(self, now: datetime) -> date | None:
        """The day of the newest dated price that has begun; None where no price is dated."""
        return newest_price(self.rates, now)


def newest_price(rates: Iterable[Rate], now: datetime) -> date | None:
    begun = [rate.valid_from for rate in rates if BEGINNING < rate.valid_from <= now]
    return max(begun).date() if begun else None


def read_price_file(content: bytes) -> PriceFile:
    """Return the catalogue in a file; raises CatalogueRefused with what is wrong, in words."""
    raw = read_json(content, MOST_BYTES)
    if not isinstance(raw, list):
        raise CatalogueRefused(
            "This is not genai-prices' data.json: that is a list of providers, with their models."
        )
    providers = read_providers(raw)
    check_names(providers)
    for pattern in patterns_in(raw):
        check_pattern(pattern)
    rates = compile_rates(providers)
    check_rates(rates)
    return PriceFile(hashlib.sha256(content).hexdigest(), providers, rates)


def read_json(content: bytes, most_bytes: int) -> Any:
    """Read JSON with decimals for numbers; bounded in size and depth, each name once an object."""
    if len(content) > most_bytes:
        raise CatalogueRefused(f"The file is larger than {most_bytes // 1024**2} MiB.")
    try:
        text = content.decode("utf-8-sig")
        check_depth(text)
        return json.loads(
            text, parse_float=Decimal, parse_constant=refuse_constant, object_pairs_hook=once
        )
    except UnicodeDecodeError:
        raise CatalogueRefused("The file is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise CatalogueRefused(
            f"The file is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None
    except (ValueError, RecursionError, ArithmeticError):
        raise CatalogueRefused("The file holds a number that is too long to be read.") from None


def check_depth(text: str) -> None:
    """Refuse what nests too deeply, before the parser follows it down."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', text):
        found = token[0]
        if found in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise CatalogueRefused(f"The file is nested deeper than {MOST_DEPTH} levels.")
        elif found in "]}":
            depth -= 1


def refuse_constant(name: str) -> Any:
    raise CatalogueRefused(f"The file holds {name}, which is no number.")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise CatalogueRefused(f"The file names {twice[:60]!r} twice in one object.")
    return read


def read_providers(raw: list[Any]) -> list[Any]:
    """Let genai-prices read it, as its own updater does with what it fetches."""
    from genai_prices.types import _providers_from_raw  # noqa: PLC0415 - see catalogue.py

    try:
        with warnings.catch_warnings():
            # What it would extract from responses is not used here.
            warnings.simplefilter("ignore")
            return list(_providers_from_raw(raw))
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise CatalogueRefused(f"genai-prices can't read this file: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """Say what is wrong in one line: pydantic tells each problem with its place."""
    problems = getattr(error, "errors", None)
    if problems is None:
        return f"{error}".splitlines()[0][:300] if f"{error}" else type(error).__name__
    found = problems(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    return f"{found['msg']} at {place[:200] or 'its top'}."


def check_names(providers: list[Any]) -> None:
    if not providers:
        raise CatalogueRefused("The file has no provider.")
    if len(providers) > MOST_PROVIDERS:
        raise CatalogueRefused(f"The file has more than {MOST_PROVIDERS} providers.")
    if sum(len(provider.models) for provider in providers) > MOST_MODELS:
        raise CatalogueRefused(f"The file has more than {MOST_MODELS} models.")
    check_once([provider.id for provider in providers], "provider")
    for provider in providers:
        check_once([model.id for model in provider.models], f"model of {provider.id[:60]}")
        for model in provider.models:
            check_size(f"{provider.id}/{model.id}", model)


def check_size(name: str, model: Any) -> None:
    """Refuse a model whose prices multiply: compiling takes dates x times of day x tiers."""
    dated = model.prices if isinstance(model.prices, list) else []
    variants = model.price_variants or []
    prices = [item.prices for item in (*dated, *variants)] or [model.prices]
    tiers = [
        tier for price in prices for v in vars(price).values() for tier in getattr(v, "tiers", ())
    ]
    starts = {tier.start for tier in tiers}
    times = [i for i in (*dated, *variants) if hasattr(i.constraint, "start_time")]
    if max(len(dated) + len(variants), len(starts), len(times) * 4) > MOST_OF_A_MODEL:
        raise CatalogueRefused(
            f"{name[:120]} has more dated prices, variants or tiers than {MOST_OF_A_MODEL}."
        )
    if any(start < 0 or start >= ANY_SIZE for start in starts):
        raise CatalogueRefused(f"{name[:120]} has a tier that starts at no number of tokens.")


def check_once(names: list[str], what: str) -> None:
    for name, times in Counter(names).items():
        if not name.strip() or len(name) > MOST_NAME or not name.isprintable():
            raise CatalogueRefused(f"The file has a {what} with no usable name: {name[:60]!r}.")
        if times > 1:
            raise CatalogueRefused(f"The file has the {what} {name[:60]!r} {times} times.")


def patterns_in(raw: Any) -> Iterator[str]:
    """Yield every regular expression of the matching rules."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            if name == "regex" and isinstance(value, str):
                yield value
            yield from patterns_in(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from patterns_in(value)


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that can't be compiled, or whose matching may grow without bound."""
    if len(pattern) > MOST_PATTERN:
        raise CatalogueRefused(f"A pattern is longer than {MOST_PATTERN} characters.")
    try:
        parsed = patterns.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise CatalogueRefused(f"The pattern {pattern[:60]!r} is wrong: {error}.") from None
    if sum(is_long(part) for part in parts_of(parsed)) > MOST_LONG or multiplies(parsed):
        raise CatalogueRefused(
            f"The pattern {pattern[:60]!r} repeats what it repeats: matching could take for ever."
        )


def is_long(part: tuple[Any, Any]) -> bool:
    """Say whether a part may match texts of very different lengths; each multiplies the work."""
    return part[0] in REPEATS and part[1][1] - part[1][0] > LONG


def multiplies(parsed: Any) -> bool:
    """Say whether something that can match in several ways is itself repeated."""
    return any(
        part[0] in REPEATS
        and part[1][1] > 1
        and any(is_open(inner) for inner in parts_of(part[1][2]))
        for part in parts_of(parsed)
    )


def is_open(part: tuple[Any, Any]) -> bool:
    return part[0] == opcodes.BRANCH or (part[0] in REPEATS and part[1][0] != part[1][1])


def parts_of(parsed: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every part of a parsed pattern, those inside groups and branches too."""
    for part in parsed:
        yield part
        yield from inner_parts(part[1])


def inner_parts(argument: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(argument, patterns.SubPattern):
        yield from parts_of(argument)
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from inner_parts(item)


def compile_rates(providers: list[Any]) -> tuple[Rate, ...]:
    rates: list[Rate] = []
    try:
        for rate in compile_catalogue(providers):
            rates.append(rate)
            if len(rates) > MOST_RATES:
                raise CatalogueRefused(f"The file makes more than {MOST_RATES} rates.")
    except (ArithmeticError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise CatalogueRefused(f"Its prices can't be compiled: {first_line(error)}") from None
    if not rates:
        raise CatalogueRefused("The file has no price.")
    return tuple(rates)


def check_rates(rates: Iterable[Rate]) -> None:
    """Refuse prices below zero or beyond belief, and dates that the ledger can't hold."""
    for rate in rates:
        prices = [getattr(rate.prices, bucket) for bucket in BUCKETS]
        for usd in (*prices, *rate.uses.values()):
            if usd is not None and not 0 <= usd <= MOST_USD:
                raise CatalogueRefused(
                    f"{rate.provider}/{rate.model} has a price of {usd:.4g} USD for one, "
                    "which nobody charges."
                )
        if not BEGINNING <= rate.valid_from < rate.valid_to <= FOREVER:
            raise CatalogueRefused(
                f"{rate.provider}/{rate.model} has a price from {rate.valid_from:%Y-%m-%d}: "
                "dates go from 1970 to 2099."
            )
