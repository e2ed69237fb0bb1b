"""Who sells and who made a model, by the names that these companies go by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from finops.pricing.resolve import catalogue_provider


@dataclass(frozen=True, slots=True)
class Provider:
    """Who sells the service and runs it, and what the service is called."""

    name: str
    service: str


# by the catalogue's id of a provider
PROVIDERS: dict[str, Provider] = {
    "anthropic": Provider("Anthropic", "Claude API"),
    "aws": Provider("Amazon Web Services", "Amazon Bedrock"),
    "azure": Provider("Microsoft", "Azure OpenAI Service"),
    "baseten": Provider("Baseten", "Baseten Model APIs"),
    "cerebras": Provider("Cerebras", "Cerebras Inference"),
    "cloudflare": Provider("Cloudflare", "Workers AI"),
    "cohere": Provider("Cohere", "Cohere API"),
    "databricks": Provider("Databricks", "Model Serving"),
    "deepseek": Provider("DeepSeek", "DeepSeek API"),
    "elevenlabs": Provider("ElevenLabs", "ElevenLabs API"),
    "fireworks": Provider("Fireworks AI", "Fireworks Serverless"),
    "google": Provider("Google", "Gemini API"),
    "groq": Provider("Groq", "GroqCloud"),
    "minimax": Provider("MiniMax", "MiniMax API"),
    "mistral": Provider("Mistral AI", "Mistral API"),
    "moonshotai": Provider("Moonshot AI", "Kimi API"),
    "novita": Provider("Novita AI", "Novita Model API"),
    "openai": Provider("OpenAI", "OpenAI API"),
    "openrouter": Provider("OpenRouter", "OpenRouter API"),
    "ovhcloud": Provider("OVHcloud", "AI Endpoints"),
    "perplexity": Provider("Perplexity", "Sonar API"),
    "together": Provider("Together AI", "Together Inference"),
    "voyageai": Provider("Voyage AI", "Voyage API"),
    "x-ai": Provider("xAI", "xAI API"),
    "zai": Provider("Z.ai", "Z.ai API"),
}
UNKNOWN = Provider("Unknown", "Unknown")

# How names of models begin, without the path before them -> who made them.
MAKERS: tuple[tuple[str, str], ...] = (
    ("claude", "Anthropic"),
    ("gpt-", "OpenAI"),
    ("chatgpt", "OpenAI"),
    ("o1", "OpenAI"),
    ("o3", "OpenAI"),
    ("o4", "OpenAI"),
    ("text-embedding-3", "OpenAI"),
    ("whisper", "OpenAI"),
    ("gemini", "Google"),
    ("gemma", "Google"),
    ("llama", "Meta"),
    ("meta-llama", "Meta"),
    ("mistral", "Mistral AI"),
    ("ministral", "Mistral AI"),
    ("mixtral", "Mistral AI"),
    ("codestral", "Mistral AI"),
    ("magistral", "Mistral AI"),
    ("deepseek", "DeepSeek"),
    ("grok", "xAI"),
    ("qwen", "Alibaba Cloud"),
    ("command", "Cohere"),
    ("nova", "Amazon"),
    ("titan", "Amazon"),
    ("phi-", "Microsoft"),
    ("kimi", "Moonshot AI"),
    ("glm", "Z.ai"),
    ("minimax", "MiniMax"),
)


@lru_cache(maxsize=4096)
def provider_of(captured: str) -> Provider:
    """Return who is meant by the provider that a call names; an unknown one is called as it is."""
    if not captured.strip():
        return UNKNOWN
    known = PROVIDERS.get(catalogue_provider(captured))
    return known or Provider(captured.strip(), f"{captured.strip()} API")


@lru_cache(maxsize=4096)
def maker_of(model: str) -> str | None:
    """Return who made a model, as far as its name tells."""
    name = model.lower().rsplit("/", 1)[-1]
    # Bedrock puts a region and the maker before the name: us.anthropic.claude-...
    endings = [name, *(name.split(".", i)[-1] for i in range(1, name.count(".") + 1))]
    for ending in endings:
        for beginning, maker in MAKERS:
            if ending.startswith(beginning):
                return maker
    return None
