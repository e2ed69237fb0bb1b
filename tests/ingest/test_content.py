"""Which attributes are content."""

from __future__ import annotations

import json

import pytest

from inferledger import attributes
from ingest.content import is_content, keep_facts, keep_parameters


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.prompt",
        "gen_ai.prompt.0.content",
        "gen_ai.completion",
        "gen_ai.completion.0.role",
        "llm.input_messages.3.message.content",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
        "input.value",
        "output.value",
        "embedding.embeddings.0.embedding.text",
        "retrieval.documents.0.document.content",
        "llm.prompt_template.variables",
        "http.request.header.authorization",
        "db.query.text",
    ],
)
def test_prompts_answers_and_documents_are_content(key: str) -> None:
    assert is_content(key)


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.prompt.name",
        "gen_ai.prompt.version",
        "gen_ai.usage.input_tokens",
        "gen_ai.request.model",
        "llm.token_count.prompt",
        "llm.token_count.prompt_details.cache_read",
        "llm.prompt_template.version",
        "input.mime_type",
        "gen_ai.promptness",
        "messages_sent",
    ],
)
def test_counts_names_and_versions_are_not(key: str) -> None:
    assert not is_content(key)


def test_nothing_that_our_sdk_sends_is_content() -> None:
    names = [value for name, value in vars(attributes).items() if name.isupper()]
    assert names
    assert not [name for name in names if is_content(name)]


def test_of_invocation_parameters_only_numbers_flags_and_short_names_stay() -> None:
    given = {
        "model": "gpt-4o",
        "stream": True,
        "max_tokens": 256,
        "system": "You are a secret agent",
        "tools": [{"name": "search"}],
        "service_tier": "priority" * 100,
    }
    kept = json.loads(keep_parameters(json.dumps(given)))
    assert kept == {"model": "gpt-4o", "stream": True, "max_tokens": 256}


@pytest.mark.parametrize("text", ["", "not json", "[1, 2]", "null", "[" * 100_000])
def test_parameters_that_are_no_object_go(text: str) -> None:
    assert keep_parameters(text) == ""


def test_of_what_a_provider_adds_only_numbers_flags_and_known_names_stay() -> None:
    metadata = {
        "anthropic": {
            "usage": {"input_tokens": 3, "service_tier": "standard", "server_tool_use": None},
            "stopSequence": "secret",
            "citations": [{"cited_text": "secret", "index": 1}],
        },
        "openai": {"serviceTier": "flex", "logprobs": [["secret", -1]], "store": True},
        "google": {"groundingMetadata": {"query": "secret"}},
    }
    assert json.loads(keep_facts(json.dumps(metadata))) == {
        "anthropic": {"usage": {"input_tokens": 3, "service_tier": "standard"}},
        "openai": {"serviceTier": "flex", "store": True},
    }


@pytest.mark.parametrize("text", ["[1, 2]", '"secret"', "no JSON", "{" * 5000, '{"a": ' * 5000])
def test_of_what_is_no_object_no_fact_stays(text: str) -> None:
    assert keep_facts(text) in ("", "{}")
