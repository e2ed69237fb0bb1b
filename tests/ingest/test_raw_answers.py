"""What is read of LiteLLM's raw spans before their text goes."""

from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from ingest.answers import Facts
from ingest.raw_answers import read_raw

OPENAI_USAGE = (
    "{'completion_tokens': 662, 'prompt_tokens': 1340, 'total_tokens': 2002,"
    " 'completion_tokens_details': {'reasoning_tokens': 61, 'audio_tokens': None},"
    " 'prompt_tokens_details': {'cached_tokens': 331}}"
)
ANTHROPIC_USAGE = (
    "{'input_tokens': 1009, 'cache_creation_input_tokens': 211, 'cache_read_input_tokens': 331,"
    " 'output_tokens': 601, 'cache_creation': {'ephemeral_1h_input_tokens': 0}}"
)


def read(**members: str) -> Facts:
    """Read attributes; two underscores stand for the dot before a member."""
    return read_raw(
        {
            f"llm.{name.replace('__', '.')}": AnyValue(string_value=text)
            for name, text in members.items()
        }
    )


def test_an_openai_answer_is_read_with_its_details() -> None:
    assert read(
        openai__id="chatcmpl-1",
        openai__model="gpt-4o-2024-08-06",
        openai__choices="[{'message': 'secret'}]",
        openai__usage=OPENAI_USAGE,
    ) == {
        "raw": 1,
        "operation": "chat",
        "provider": "openai",
        "response_id": "chatcmpl-1",
        "model_served": "gpt-4o-2024-08-06",
        "input_total": 1340,
        "output_total": 662,
        "cache_read": 331,
        "reasoning": 61,
    }


def test_totals_of_an_anthropic_answer_come_out_inclusive() -> None:
    facts = read(anthropic__id="msg_1", anthropic__usage=ANTHROPIC_USAGE)
    assert facts["input_total"] == 1009 + 211 + 331
    assert (facts["cache_read"], facts["cache_write"], facts["cache_write_1h"]) == (331, 211, 0)


def test_a_message_whose_provider_litellm_did_not_look_for_is_anthropics() -> None:
    facts = read(None__type="message", None__usage=ANTHROPIC_USAGE)
    assert facts["provider"] == "anthropic"


def test_an_answer_of_an_unknown_provider_has_none() -> None:
    assert "provider" not in read(None__object="response", None__usage=OPENAI_USAGE)


def test_usage_without_output_is_that_of_embeddings() -> None:
    facts = read(None__usage="{'prompt_tokens': 1009, 'total_tokens': 1009}")
    assert (facts["operation"], facts["input_total"]) == ("embeddings", 1009)


def test_a_request_without_usage_says_nothing() -> None:
    assert read(openai__id="chatcmpl-1", openai__model="gpt-4o") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "None",
        "[1, 2]",
        "{'prompt_tokens': ",
        "{'prompt_tokens': -1}",
        "{'prompt_tokens': __import__('os').getpid()}",
        "{" * 8_000,
        "{'a\x00': 1}",
        "{[]: 1}",
    ],
)
def test_what_is_no_usage_says_nothing(text: str) -> None:
    assert read(openai__usage=text) == {}
