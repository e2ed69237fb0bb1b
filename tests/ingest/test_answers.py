"""What is read of an answer before its text goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.answers import LONGEST, read_answer

OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "service_tier": "flex",
    "choices": [{"message": {"content": "secret", "id": "inner"}}],
    "usage": {
        "prompt_tokens": 1400,
        "completion_tokens": 662,
        "prompt_tokens_details": {"cached_tokens": 331, "audio_tokens": 37, "image_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 61, "audio_tokens": 17},
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "model": "claude-sonnet-4-5-20250929",
    "usage": {
        "input_tokens": 1009,
        "cache_read_input_tokens": 331,
        "cache_creation_input_tokens": 338,
        "cache_creation": {"ephemeral_5m_input_tokens": 211, "ephemeral_1h_input_tokens": 127},
        "output_tokens": 601,
        "server_tool_use": {"web_search_requests": 3},
        "service_tier": "priority",
    },
}
GEMINI = {
    "response_id": "g-1",
    "model_version": "gemini-2.5-flash-001",
    "usage_metadata": {
        "prompt_token_count": 1340,
        "cached_content_token_count": 331,
        "candidates_token_count": 601,
        "thoughts_token_count": 61,
        "tool_use_prompt_token_count": 5,
        "prompt_tokens_details": [{"modality": "IMAGE", "token_count": 3}],
        "candidates_tokens_details": [{"modality": "IMAGE", "token_count": 9}],
    },
}


def read(answer: Any) -> dict[str, Any]:
    return read_answer(json.dumps(answer))


def test_openais_answer() -> None:
    assert read(OPENAI) == {
        "response_id": "chatcmpl-1",
        "model_served": "gpt-4o-2024-08-06",
        "service_tier": "flex",
        "input_total": 1400,
        "output_total": 662,
        "cache_read": 331,
        "reasoning": 61,
        "audio_in": 37,
        "audio_out": 17,
        "image_in": 3,
    }


def test_anthropics_answer_with_its_cache_beside_the_input() -> None:
    assert read(ANTHROPIC) == {
        "response_id": "msg_1",
        "model_served": "claude-sonnet-4-5-20250929",
        "service_tier": "priority",
        "input_total": 1678,
        "output_total": 601,
        "cache_read": 331,
        "cache_write": 338,
        "cache_write_1h": 127,
        "used_web_search": 3,
    }


def test_geminis_answer_with_its_thoughts_beside_the_output() -> None:
    assert read(GEMINI) == {
        "response_id": "g-1",
        "model_served": "gemini-2.5-flash-001",
        "input_total": 1345,
        "output_total": 662,
        "cache_read": 331,
        "reasoning": 61,
        "image_in": 3,
        "image_out": 9,
    }


def test_an_answer_inside_langchains_result() -> None:
    kwargs = {
        "id": "lc_run--01a1",
        "content": "secret",
        "response_metadata": {"id": "chatcmpl-1", "model_name": "gpt-4o-2024-08-06"},
        "usage_metadata": {
            "input_tokens": 1340,
            "output_tokens": 662,
            "input_token_details": {"cache_read": 331},
            "output_token_details": {"reasoning": 61},
        },
    }
    message = {"lc": 1, "id": ["langchain", "AIMessage"], "kwargs": kwargs}
    generation = {"text": "secret", "type": "ChatGenerationChunk", "message": message}
    assert read({"generations": [[generation]], "llm_output": None}) == {
        "response_id": "chatcmpl-1",
        "model_served": "gpt-4o-2024-08-06",
        "stream": 1,
        "input_total": 1340,
        "output_total": 662,
        "cache_read": 331,
        "reasoning": 61,
    }


def test_a_gateway_that_adds_anthropics_names_to_openais_shape_is_inclusive() -> None:
    usage = {"prompt_tokens": 1678, "completion_tokens": 601, "cache_read_input_tokens": 331}
    found = read({"id": "msg_1", "model": "claude", "usage": usage})
    assert (found["input_total"], found["cache_read"]) == (1678, 331)


def test_an_answer_that_python_printed() -> None:
    raw = (
        "ChatCompletion(id='chatcmpl-1', choices=[Choice(message=Message(content=\"model='x', "
        "usage=CompletionUsage(prompt_tokens=1\"))], model='gpt-4o-2024-08-06', usage="
        "CompletionUsage(completion_tokens=662, prompt_tokens=1340, completion_tokens_details="
        "Details(audio_tokens=0, reasoning_tokens=61), prompt_tokens_details=Details("
        "audio_tokens=0, cached_tokens=331)))"
    )
    assert read({"role": "assistant", "raw": raw}) == {
        "response_id": "chatcmpl-1",
        "model_served": "gpt-4o-2024-08-06",
        "input_total": 1340,
        "output_total": 662,
        "cache_read": 331,
        "reasoning": 61,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "[1]",
        "{",
        "null",
        '{"id": "a"}',
        '{"id": "order 7 of my secret", "model": "two words"}',
        '{"id": {"a": 1}, "model": ["x"], "usage": "none"}',
        '{"model": "' + "m" * 300 + '"}',
        '{"usage": {"prompt_tokens": -1, "completion_tokens": 1.5, "input_tokens": true}}',
        '{"usage": {"prompt_tokens": 99999999999}}',
        '{"usage": {"prompt_tokens": ' + "9" * 5000 + "}}",
        '{"a":' * 100_000,
        '{"id": "chatcmpl-1", "model": "m", "text": "' + "x" * LONGEST + '"}',
    ],
)
def test_what_is_no_answer_tells_nothing(text: str) -> None:
    assert read_answer(text) == {}
