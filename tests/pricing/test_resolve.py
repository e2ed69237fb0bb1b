from __future__ import annotations

import pytest

from finops.pricing.resolve import Resolved, catalogue_provider, resolve_model


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o-2024-08-06", ("openai", "gpt-4o")),
        ("OpenAI", "GPT-4o", ("openai", "gpt-4o")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
        ("openai", "ft:gpt-4o-2024-08-06:acme::x1", ("openai", "ft:gpt-4o")),
        ("azure.ai.openai", "gpt-4o", ("azure", "openai/gpt-4o")),
        ("azure.ai.inference", "DeepSeek-R1", ("azure", "deepseek/deepseek-reasoner")),
        (
            "aws.bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        ("gcp.gemini", "models/gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        (
            "gcp.vertex_ai",
            "projects/p/locations/l/publishers/google/models/gemini-2.5-pro",
            ("google", "gemini-2.5-pro"),
        ),
        ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", ("google", "claude-sonnet-4-5")),
        ("mistral_ai", "mistral-large-latest", ("mistral", "mistral-large")),
        ("x_ai", "grok-4", ("x-ai", "grok-4-0709")),
        ("openai.responses", "gpt-4o", ("openai", "gpt-4o")),
        ("anthropic.messages", "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("google.generative-ai", "gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("google-gla", "gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        (
            "google.vertex.anthropic.messages",
            "claude-sonnet-4-5@20250929",
            ("google", "claude-sonnet-4-5"),
        ),
        (
            "amazon-bedrock",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        ("azure.chat", "gpt-4o", ("azure", "openai/gpt-4o")),
        ("groq.chat", "llama-3.3-70b-versatile", ("groq", "llama-3.3-70b-versatile")),
        ("xai.responses", "grok-4", ("x-ai", "grok-4-0709")),
        ("aws.bedrock", "nova-pro-v1:0", ("aws", "amazon.nova-pro-v1:0")),
        ("google_ai_studio", "gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("azure-openai", "gpt-4o", ("azure", "openai/gpt-4o")),
        ("", "gpt-4o", ("openai", "gpt-4o")),
        ("litellm", "gpt-4o-mini-2024-07-18", ("openai", "gpt-4o-mini")),
        ("", "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
    ],
)
def test_names_lead_to_what_the_provider_bills(
    provider: str, model: str, expected: tuple[str, str]
) -> None:
    found = resolve_model(provider, model)

    assert found is not None
    assert (found.provider, found.model) == expected


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "my-gpt-4o"),
        ("openai", ""),
        ("", ""),
        ("", "llama-3.3-70b"),
        ("vllm", "gpt-4o"),
        ("nobody", "gpt-4o"),
    ],
)
def test_what_is_not_known_leads_nowhere(provider: str, model: str) -> None:
    assert resolve_model(provider, model) is None


def test_a_resold_model_keeps_its_own_id() -> None:
    assert resolve_model("azure", "gpt-4o-2024-08-06") == Resolved(
        provider="azure", model="openai/gpt-4o", model_id="gpt-4o"
    )


def test_a_provider_that_the_catalogue_lacks_keeps_its_name() -> None:
    assert catalogue_provider(" vLLM ") == "vllm"
    assert catalogue_provider("gcp.gemini") == "google"
