"""Which lines of a cloud's bill are about models, and what such a line says of model and meter."""

from __future__ import annotations

import re
from collections.abc import Iterable

from finops.invoices.billed_model import named_in
from finops.invoices.meter import OTHER, meter_of

ABOUT_MODELS = re.compile(
    r"bedrock|invokemodel|openai|foundry|azure ai|cognitive services|vertex|gemini|claude"
    r"|generative|\bllms?\b|large language",
    re.IGNORECASE,
)
# USE1-Llama3-3-70B-input-tokens-batch: the place in front, and from the direction on.
PLACE = re.compile(r"^[A-Z]{2,4}\d{0,2}[-_](?:MP:)?")
DIRECTION = re.compile(
    r"[-_ ]?(mantle[-_])?(cache[-_]?(read|write)|input|output).*$",
    re.IGNORECASE,
)
CLOUDS = (("aws", "amazon|aws"), ("azure", "microsoft|azure"), ("google", "google|gcp"))


def cloud_of(name: str) -> str:
    """Return aws, azure or google for a provider's name; '' for any other."""
    lowered = name.lower()
    return next((cloud for cloud, words in CLOUDS if re.search(words, lowered)), "")


def about_models(texts: Iterable[str]) -> bool:
    return any(ABOUT_MODELS.search(text) for text in texts)


def model_in(provider: str, texts: Iterable[str]) -> str:
    """Return the model that the first of the texts names."""
    return next((name for text in texts if text and (name := named_in(provider, text))), "")


def model_in_usage_type(text: str) -> str:
    """Return the billing name inside a usage type of AWS: USE1-Llama3-3-70B-input-tokens."""
    bare = PLACE.sub("", text.strip())
    name = DIRECTION.sub("", bare)
    return name.strip("-_ ") if name != bare else ""


def meter_in(texts: Iterable[str]) -> str:
    """Return the meter that the first of the texts means."""
    return next((found for text in texts if text and (found := meter_of(text)) != OTHER), OTHER)
