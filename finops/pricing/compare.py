"""LiteLLM's price list as a second opinion: compared with ours meter by meter, never charged by.

Its JSON (model_prices_and_context_window.json) has prices for one token as decimal numbers, without
dates, so it is compared with what holds at one moment. Its names lead to our models by the same
rules as the names in calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from finops.pricing.errors import CatalogueRefused
from finops.pricing.meters import quote, quoted_price
from finops.pricing.price_file import MOST_BYTES, read_json
from finops.pricing.rate import Rate
from finops.pricing.resolve import Resolved, resolve_model

Verdict = Literal["agree", "differ", "only_theirs", "only_ours"]
SAMPLE = "sample_spec"
MOST_ENTRIES = 20_000

# Their field for one token -> our meter, for standard processing of the smallest requests.
FIELDS = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_in",
    "output_cost_per_audio_token": "audio_out",
    "input_cost_per_image_token": "image_in",
    "output_cost_per_image_token": "image_out",
}
# Their names for a provider's tier or API -> the names that lead to it here.
PROVIDERS = {
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "xai": "x-ai",
}
PREFIXES = ("vertex_ai", "vertex_ai-")


@dataclass(frozen=True, slots=True)
class Opinion:
    """One meter of one of our models: what we charge, what LiteLLM says, and under which name."""

    provider: str
    model: str
    meter: str
    verdict: Verdict
    ours: Decimal | None
    theirs: Decimal | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Opinions by model, and the names that lead to no model of ours."""

    opinions: list[Opinion]
    unknown: list[str]

    def count(self, verdict: Verdict) -> int:
        return sum(opinion.verdict == verdict for opinion in self.opinions)


def read_litellm(content: bytes) -> dict[str, Mapping[str, Any]]:
    """Return its entries by name; raises CatalogueRefused with what is wrong, in words."""
    raw = read_json(content, MOST_BYTES)
    if not isinstance(raw, dict):
        raise CatalogueRefused("This is not LiteLLM's price list: that is one object by model.")
    if len(raw) > MOST_ENTRIES:
        raise CatalogueRefused(f"The file has more than {MOST_ENTRIES} models.")
    entries: dict[str, Mapping[str, Any]] = {
        name: entry
        for name, entry in raw.items()
        if isinstance(entry, dict) and name != SAMPLE and "litellm_provider" in entry
    }
    if not entries:
        raise CatalogueRefused("The file has no model with a litellm_provider.")
    return entries


def compare(
    entries: Mapping[str, Mapping[str, Any]], rates: Iterable[Rate], at: datetime
) -> Comparison:
    """Compare LiteLLM's entries with our list prices at a moment, for standard processing.

    Where several of its names lead to one model, each is told that says something else.
    """
    ours = prices_at(rates, at)
    theirs: dict[tuple[str, str], list[tuple[str, dict[str, Decimal]]]] = defaultdict(list)
    unknown = []
    for name, entry in sorted(entries.items()):
        prices = prices_of(entry)
        found = model_of(name, str(entry["litellm_provider"])) if prices else None
        if found is not None and (found.provider, found.model) in ours:
            theirs[found.provider, found.model].append((name, prices))
        elif prices:
            unknown.append(name)
    opinions = [
        opinion
        for (provider, model), mine in sorted(ours.items())
        for opinion in opinions_of(provider, model, mine, theirs[provider, model])
    ]
    return Comparison(opinions, unknown)


def prices_at(rates: Iterable[Rate], at: datetime) -> dict[tuple[str, str], dict[str, Decimal]]:
    second = at.hour * 3600 + at.minute * 60 + at.second
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    for rate in rates:
        holds = rate.valid_from <= at < rate.valid_to and not rate.service_tier and not rate.region
        if holds and rate.context_above == 0 and rate.daily_from_s <= second < rate.daily_to_s:
            prices = {meter: quoted_price(rate, meter) for meter in FIELDS.values()}
            found[rate.provider, rate.model] = {m: p for m, p in prices.items() if p is not None}
    return found


def prices_of(entry: Mapping[str, Any]) -> dict[str, Decimal]:
    prices = {}
    for field, meter in FIELDS.items():
        value = entry.get(field)
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and 0 <= value < 1_000:
            prices[meter] = quote(Decimal(value), meter)
    return prices


def model_of(name: str, provider: str) -> Resolved | None:
    """Return the model of ours that one of their names leads to."""
    known = PROVIDERS.get(provider, provider)
    if provider.startswith(PREFIXES):
        known = "google"
    bare = name.partition("/")[2] if name.partition("/")[0] in (provider, known) else name
    if provider.startswith(PREFIXES):
        bare = name.removeprefix("vertex_ai/")
    return resolve_model(known, bare)


def opinions_of(
    provider: str,
    model: str,
    ours: Mapping[str, Decimal],
    theirs: Iterable[tuple[str, Mapping[str, Decimal]]],
) -> list[Opinion]:
    told: dict[tuple[str, Decimal | None], Opinion] = {}
    for name, prices in theirs:
        for meter, price in prices.items():
            mine = ours.get(meter)
            verdict: Verdict = "only_theirs" if mine is None else "differ"
            if mine == price:
                verdict = "agree"
            opinion = Opinion(provider, model, meter, verdict, mine, price, name)
            told.setdefault((meter, price), opinion)
    said = {meter for meter, _ in told}
    # Prices of ours for parts of the input may only repeat the input's, so these two speak for it.
    for meter in ("input", "output"):
        if meter in ours and meter not in said:
            told[meter, None] = Opinion(provider, model, meter, "only_ours", ours[meter], None)
    order = list(FIELDS.values())
    return sorted(told.values(), key=lambda one: (order.index(one.meter), one.theirs or Decimal(0)))
