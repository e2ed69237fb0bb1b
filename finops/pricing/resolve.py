"""Which rate the names in a call lead to, matched the way genai-prices matches.

Telemetry names providers in its own words (azure.ai.openai), clients name models by snapshot,
deployment or region; the provider bills a model of its list. No match means no rate: a price is
never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from finops.pricing.catalogue import borrowed

# Names that OpenTelemetry and common clients give -> the catalogue's. These go first, because the
# catalogue would take azure.ai.openai for OpenAI itself.
PROVIDERS = {
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure.openai": "azure",
    "azure_ai": "azure",
    "azure_ai_inference": "azure",
    "azure_openai": "azure",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "google_ai_studio": "google",
    "google_genai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "perplexity_ai": "perplexity",
    "x_ai": "x-ai",
    "z_ai": "zai",
    # Pydantic AI and the AI SDK of Vercel
    "amazon-bedrock": "aws",
    "azure-openai": "azure",
    "bedrock": "aws",
    "bedrock.anthropic": "aws",
    "google-gla": "google",
    "google-vertex": "google",
    "google.generative-ai": "google",
    "google.vertex": "google",
    "google.vertex.anthropic": "google",
    "togetherai": "together",
    "vertex.anthropic": "google",
    "xai": "x-ai",
}
# The AI SDK adds which of a provider's APIs it speaks: openai.responses.
APIS = ("chat", "completion", "embedding", "image", "messages", "responses", "speech")
WITH_APIS = (
    *("anthropic", "azure", "azure-openai", "bedrock.anthropic", "cerebras", "cohere", "deepseek"),
    *("fireworks", "google.generative-ai", "google.vertex", "google.vertex.anthropic", "groq"),
    *("mistral", "moonshotai", "openai", "openrouter", "perplexity", "togetherai"),
    *("vertex.anthropic", "xai"),
)
PROVIDERS |= {f"{name}.{api}": PROVIDERS.get(name, name) for name in WITH_APIS for api in APIS}
# What frameworks call themselves where they don't know who is behind them.
NO_PROVIDERS = frozenset(
    {"", "crewai", "haystack", "langchain", "langgraph", "litellm", "llama_index", "openai_agents"}
)
# Google's resource names, and a provider's name before the model's.
# LiteLLM puts the provider before the model: bedrock/us.anthropic.claude-….
LITELLM = PROVIDERS | {"gemini": "google", "together_ai": "together", "vertex_ai": "google"}
# Of Bedrock's resources only these are billed by token at the list price of the model they name:
# not a custom, imported or provisioned model, a prompt router, or an application's own profile.
LISTED_ARN = re.compile(
    r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:(?:foundation-model|inference-profile)/"
)
FINE_TUNED = re.compile(r"^ft:([^:]+):")
PREFIX = re.compile(r"^(?:(?:projects/.+?/)?publishers/[^/]+/models/|models/)")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The key of a rate, and the id of the model it belongs to in the catalogue."""

    provider: str
    model: str
    model_id: str


def catalogue_provider(name: str) -> str:
    """Return the catalogue's id for a provider's name; the name in lower case where it has none."""
    found = find_provider(name)
    return found.id if found is not None else name.strip().lower()


def resolve_model(provider: str, model: str) -> Resolved | None:
    """Return which list price a call has; None where there is none.

    Without a provider the model's name decides, where it belongs to one provider only.
    """
    name = model.strip().lower()
    if not name:
        return None
    framework = provider.strip().lower()
    if framework in NO_PROVIDERS:
        return (framework == "litellm" and resolve_prefixed(name)) or resolve_by_name(name)
    found = find_provider(provider)
    return find_in(found, name) if found is not None else None


@lru_cache(maxsize=10_000)
def find_provider(name: str) -> Any:
    from genai_prices.data_snapshot import find_provider_by_id  # noqa: PLC0415 - see catalogue.py

    lowered = name.strip().lower()
    return find_provider_by_id(snapshot_providers(), PROVIDERS.get(lowered, lowered))


def snapshot_providers() -> list[Any]:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - see catalogue.py

    return get_snapshot().providers


def resolve_prefixed(name: str) -> Resolved | None:
    """Resolve provider/model as LiteLLM writes it; None where the first part is no provider."""
    prefix, slash, rest = name.partition("/")
    wanted = LITELLM.get(prefix, prefix)
    found = next((provider for provider in snapshot_providers() if provider.id == wanted), None)
    return find_in(found, rest) if slash and found is not None else None


def resolve_by_name(name: str) -> Resolved | None:
    owners = [p for p in snapshot_providers() if p.model_match and p.model_match.is_match(name)]
    found = [resolved for owner in owners if (resolved := find_in(owner, name))]
    return found[0] if len(found) == 1 else None


def find_in(provider: Any, name: str) -> Resolved | None:
    if name.startswith("arn:"):
        name, listed = LISTED_ARN.subn("", name)
        if not listed:
            return None
    if tuned := FINE_TUNED.match(name):
        return find_tuned(provider, name, tuned[1])
    return find_spelled(provider, name)


def find_tuned(provider: Any, name: str, base: str) -> Resolved | None:
    """Resolve ft:BASE:organisation:name:id: it has a price of its own, or none."""
    model = provider.find_model(name, all_providers=[])
    if model is None and (found := find_spelled(provider, base)) is not None:
        model = next((m for m in provider.models if m.id == f"ft:{found.model_id}"), None)
    return None if model is None else key_of(provider, model)


def find_spelled(provider: Any, name: str) -> Resolved | None:
    for candidate in spellings(provider.id, name):
        model = provider.find_model(candidate, all_providers=snapshot_providers())
        if model is not None:
            return key_of(provider, model)
    return None


def spellings(provider_id: str, name: str) -> list[str]:
    """Return the name as it is, then without what clients put before it."""
    bare = PREFIX.sub("", name)
    # Some instrumentations cut the maker off the ids of Bedrock.
    if provider_id == "aws" and bare.startswith("nova-"):
        return [f"amazon.{bare}"]
    owner, slash, rest = bare.partition("/")
    if slash and PROVIDERS.get(owner, owner) == provider_id:
        return [name, bare, rest]
    return [name, bare] if bare != name else [name]


def key_of(provider: Any, model: Any) -> Resolved:
    if any(model is own for own in provider.models):
        return Resolved(provider.id, model.id, model.id)
    owner = next(
        p.id
        for p in snapshot_providers()
        if p.id in provider.fallback_model_providers and any(model is own for own in p.models)
    )
    return Resolved(provider.id, borrowed(owner, model.id), model.id)
