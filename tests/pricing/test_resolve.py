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
        ("openai", "ft:gpt-4o-mini:org::id", ("openai", "ft:gpt-4o-mini")),
        ("openai", "ft:gpt-4o-mini-2024-07-18:org::id", ("openai", "ft:gpt-4o-mini")),
        ("openai", "ft:gpt-3.5-turbo-0125:org::id", ("openai", "ft:gpt-3.5-turbo-")),
        ("openai", "ft:gpt-3.5-turbo:org::id", ("openai", "ft:gpt-3.5-turbo-")),
        ("openai", "ft:gpt-4o:org::id", ("openai", "ft:gpt-4o")),
        ("openai", "chatgpt-4o-latest", ("openai", "chatgpt-4o-latest")),
        ("openai", "gpt-4-1106-preview", ("openai", "gpt-4-turbo")),
        ("openai", "gpt-4-turbo", ("openai", "gpt-4-turbo")),
        ("openai", "gpt-4o-2024-05-13", ("openai", "gpt-4o-2024-05-13")),
        ("openai", "gpt-5-2025-08-07", ("openai", "gpt-5")),
        ("openai", "gpt-5-20250807", ("openai", "gpt-5")),
        ("openai", "o3-2025-04-16", ("openai", "o3")),
        ("openai", "text-embedding-3-small", ("openai", "text-embedding-3-small")),
        ("azure", "gpt-35-turbo", ("azure", "openai/gpt-3.5-turbo")),
        ("azure", "gpt-35-turbo-16k", ("azure", "openai/gpt-3.5-turbo-16k")),
        ("azure", "gpt-4o-mini", ("azure", "openai/gpt-4o-mini")),
        ("azure", "gpt-4.1-mini-2025-04-14", ("azure", "openai/gpt-4.1-mini")),
        ("azure", "o3-mini", ("azure", "o3-mini")),
        ("azure", "claude-sonnet-4-5", ("azure", "anthropic/claude-sonnet-4-5")),
        ("azure", "gpt-4-32k", ("azure", "openai/gpt-4-32k")),
        ("anthropic", "claude-3-5-sonnet-latest", ("anthropic", "claude-3-5-sonnet")),
        ("anthropic", "claude-3-7-sonnet-latest", ("anthropic", "claude-3-7-sonnet-latest")),
        ("anthropic", "claude-sonnet-4-5-20250929", ("anthropic", "claude-sonnet-4-5")),
        ("anthropic", "claude-sonnet-4-0", ("anthropic", "claude-sonnet-4-0")),
        ("anthropic", "claude-opus-4-1-20250805", ("anthropic", "claude-opus-4-1")),
        ("anthropic", "claude-sonnet-4-5@20250929", ("anthropic", "claude-sonnet-4-5")),
        (
            "aws",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "jp.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "apac.anthropic.claude-sonnet-4-20250514-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-20250514-v1:0"),
        ),
        (
            "aws",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "global.anthropic.claude-opus-4-5-20251101-v1:0",
            ("aws", "global.anthropic.claude-opus-4-5-v1:0"),
        ),
        (
            "aws",
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
            ("aws", "regional.anthropic.claude-opus-4-5-v1:0"),
        ),
        (
            "aws",
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            ("aws", "regional.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ),
        (
            "aws",
            "anthropic.claude-3-haiku-20240307-v1:0:200k",
            ("aws", "regional.anthropic.claude-3-haiku-20240307-v1:0"),
        ),
        (
            "aws",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
            ("aws", "regional.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ),
        (
            "aws",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        ("aws", "us.amazon.nova-pro-v1:0", ("aws", "amazon.nova-pro-v1:0")),
        ("aws", "eu.amazon.nova-lite-v1:0", ("aws", "amazon.nova-lite-v1:0")),
        ("aws", "meta.llama3-3-70b-instruct-v1:0", ("aws", "meta.llama3-3-70b-instruct-v1:0")),
        ("aws", "us.meta.llama3-3-70b-instruct-v1:0", ("aws", "meta.llama3-3-70b-instruct-v1:0")),
        ("aws", "us.deepseek.r1-v1:0", ("aws", "deepseek.r1-v1:0")),
        (
            "aws",
            "claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "aws",
            "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "google",
            "publishers/anthropic/models/claude-sonnet-4-5@20250929",
            ("google", "claude-sonnet-4-5"),
        ),
        (
            "google",
            "projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929",
            ("google", "claude-sonnet-4-5"),
        ),
        ("google", "publishers/google/models/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("google", "gemini-2.5-pro-preview-05-06", ("google", "gemini-2.5-pro")),
        ("google", "gemini-2.0-flash-001", ("google", "gemini-2.0-flash")),
        ("google", "gemini-1.5-pro-002", ("google", "gemini-1.5-pro")),
        ("google", "google/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("google", "gemini-2.5-flash-lite", ("google", "gemini-2.5-flash-lite")),
        (
            "openrouter",
            "meta-llama/llama-3.3-70b-instruct:free",
            ("openrouter", "meta-llama/llama-3.3-70b-instruct:free"),
        ),
        (
            "openrouter",
            "meta-llama/llama-3.3-70b-instruct",
            ("openrouter", "meta-llama/llama-3.3-70b-instruct"),
        ),
        ("openrouter", "openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        (
            "openrouter",
            "anthropic/claude-sonnet-4.5",
            ("openrouter", "anthropic/claude-sonnet-4.5"),
        ),
        (
            "openrouter",
            "anthropic/claude-4.5-sonnet-20250929",
            ("openrouter", "anthropic/claude-sonnet-4.5"),
        ),
        ("openrouter", "deepseek/deepseek-r1:free", ("openrouter", "deepseek/deepseek-r1:free")),
        ("mistral", "mistral-large-latest", ("mistral", "mistral-large")),
        ("mistral", "mistral-large-2411", ("mistral", "mistral-large")),
        ("mistral", "codestral-latest", ("mistral", "codestral")),
        ("litellm", "azure/gpt-4o", ("azure", "openai/gpt-4o")),
        (
            "litellm",
            "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        ("litellm", "vertex_ai/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        (
            "litellm",
            "openrouter/anthropic/claude-sonnet-4.5",
            ("openrouter", "anthropic/claude-sonnet-4.5"),
        ),
        ("litellm", "anthropic/claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("litellm", "groq/llama-3.3-70b-versatile", ("groq", "llama-3.3-70b-versatile")),
        (
            "litellm",
            "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo",
            ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ),
        ("litellm", "gemini/gemini-2.5-flash", ("google", "gemini-2.5-flash")),
        ("litellm", "openai/gpt-4o", ("openai", "gpt-4o")),
        ("langchain", "anthropic/claude-sonnet-4.5", ("anthropic", "claude-sonnet-4-5")),
        (
            "together",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ),
        ("groq", "openai/gpt-oss-120b", ("groq", "openai/gpt-oss-120b")),
        ("deepseek", "deepseek-chat", ("deepseek", "deepseek-chat")),
        ("x-ai", "grok-4-latest", ("x-ai", "grok-4-0709")),
        ("cohere", "command-r-plus-08-2024", ("cohere", "command-r-plus")),
        ("perplexity", "sonar-pro", ("perplexity", "sonar-pro")),
        ("cerebras", "llama-3.3-70b", ("cerebras", "llama-3.3-70b")),
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
        ("openai", "ft:gpt-4.1-mini-2025-04-14:org::id"),
        ("openai", "ft:gpt-4.1-2025-04-14:org::id"),
        ("openai", "ft:davinci-002:org::id"),
        ("openai", "gpt-4o-latest"),
        ("openai", "gpt-4o-house"),
        ("azure", "prod-chat"),
        ("azure", "my-gpt-4o"),
        ("azure", "gpt-4o-prod"),
        ("azure", "gpt-4o-2024-08-06.ft-0123456789"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-pro-v1:0/a1b2"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1"),
        ("aws", "mistral.mistral-large-2407-v1:0"),
        ("aws", "cohere.command-r-plus-v1:0"),
        ("google", "publishers/meta/models/llama-3.3-70b-instruct-maas"),
        ("google", "projects/p/locations/l/endpoints/123"),
        ("google", "tunedModels/house-abc"),
        ("google", "gemini-2.5-flash-001"),
        ("google", "my-gemini-2.5-pro"),
        ("openrouter", "openai/gpt-4o:nitro"),
        ("openrouter", "openai/gpt-4o:online"),
        ("openrouter", "openrouter/auto"),
        ("mistral", "mistral-small-2503"),
        ("mistral", "ft:mistral-small-latest:abc"),
        ("litellm", "hosted_vllm/gpt-4o"),
        ("litellm", "ollama/llama3"),
        ("fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct"),
        ("fireworks", "accounts/acme/models/house"),
        ("databricks", "databricks-claude-sonnet-4"),
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
