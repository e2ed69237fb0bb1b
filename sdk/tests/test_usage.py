"""Golden numbers follow the providers' own descriptions of their usage fields."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferledger import Usage
from inferledger import attributes as names
from inferledger._usage import read_usage, wire_usage


def as_object(value: Any) -> Any:
    """The same usage as nested objects, the way a client's classes hold it."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return [as_object(inner) for inner in value]
    return value


OPENAI_CHAT = {
    "prompt_tokens": 1200,
    "completion_tokens": 350,
    "total_tokens": 1550,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 76},
    "completion_tokens_details": {"reasoning_tokens": 200, "audio_tokens": 50},
}
XAI = {
    "prompt_tokens": 10120,
    "completion_tokens": 1499,
    "total_tokens": 14428,
    "prompt_tokens_details": {"cached_tokens": 128},
    "completion_tokens_details": {"reasoning_tokens": 2809},
}
OPENAI_RESPONSES = {
    "input_tokens": 328,
    "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 28},
    "output_tokens": 52,
    "output_tokens_details": {"reasoning_tokens": 12},
    "total_tokens": 380,
}
ANTHROPIC = {
    "input_tokens": 21,
    "cache_read_input_tokens": 5000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 393,
    "output_tokens_details": {"thinking_tokens": 93},
    "service_tier": "standard",
}
GEMINI = {
    "prompt_token_count": 1000,
    "cached_content_token_count": 600,
    "candidates_token_count": 80,
    "thoughts_token_count": 40,
    "tool_use_prompt_token_count": 7,
    "total_token_count": 1127,
    "prompt_tokens_details": [
        {"modality": "TEXT", "token_count": 700},
        {"modality": "AUDIO", "token_count": 300},
    ],
    "cache_tokens_details": [
        {"modality": "TEXT", "token_count": 500},
        {"modality": "AUDIO", "token_count": 100},
    ],
}
GEMINI_CAMEL = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 600,
    "candidatesTokenCount": 80,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 1120,
}
GEMINI_IMAGE = {
    "prompt_token_count": 5,
    "candidates_token_count": 1300,
    "candidates_tokens_details": [{"modality": "IMAGE", "token_count": 1290}],
}
BEDROCK = {
    "inputTokens": 10,
    "outputTokens": 20,
    "totalTokens": 38,
    "cacheReadInputTokens": 5,
    "cacheWriteInputTokens": 3,
}
EXPECTED: list[tuple[dict[str, Any], Usage]] = [
    # 1200 - 1024 cached - 76 audio = 100 text; 350 - 200 reasoning - 50 audio = 100.
    (
        OPENAI_CHAT,
        Usage(input=100, cache_read=1024, audio_in=76, output=100, reasoning=200, audio_out=50),
    ),
    # 10120 + 1499 + 2809 = 14428: reasoning comes on top of the completion; 10120 - 128 = 9992.
    (XAI, Usage(input=9992, cache_read=128, output=1499, reasoning=2809)),
    # 328 - 100 - 28 = 200; 52 - 12 = 40.
    (
        OPENAI_RESPONSES,
        Usage(input=200, cache_read=100, cache_write_5m=28, output=40, reasoning=12),
    ),
    # input_tokens leaves the cache out; 300 written, of which 200 for an hour; 393 - 93 = 300.
    (
        ANTHROPIC,
        Usage(
            input=21,
            cache_read=5000,
            cache_write_5m=100,
            cache_write_1h=200,
            output=300,
            reasoning=93,
        ),
    ),
    # 1000 - 600 cached = 400, of which 300 - 100 = 200 audio, leaves 200 text, plus 7 for tools.
    (GEMINI, Usage(input=207, cache_read=600, audio_in=200, output=80, reasoning=40)),
    (GEMINI_CAMEL, Usage(input=400, cache_read=600, output=80, reasoning=40)),
    (BEDROCK, Usage(input=10, cache_read=5, cache_write_5m=3, output=20)),
    # 1300 - 1290 for the image leaves 10.
    (GEMINI_IMAGE, Usage(input=5, output=10, image_out=1290)),
    (
        {"input_tokens": 3, "output_tokens": 4, "server_tool_use": {"web_search_requests": 2}},
        Usage(input=3, output=4, web_search=2),
    ),
    ({"prompt_tokens": 8, "total_tokens": 8}, Usage(input=8)),
    ({"input_tokens": 3, "output_tokens": 4}, Usage(input=3, output=4)),
]


@pytest.mark.parametrize(("raw", "usage"), EXPECTED)
def test_a_dict_of_each_provider_reads_as_exclusive_buckets(
    raw: dict[str, Any], usage: Usage
) -> None:
    assert read_usage(raw) == usage


@pytest.mark.parametrize(("raw", "usage"), EXPECTED)
def test_an_object_of_each_provider_reads_the_same(raw: dict[str, Any], usage: Usage) -> None:
    assert read_usage(as_object(raw)) == usage


@pytest.mark.parametrize(
    "raw", [None, {}, "text", {"prompt_tokens": "12"}, {"tokens": 1}, object()]
)
def test_an_unknown_shape_is_no_usage(raw: object) -> None:
    assert read_usage(raw) is None


def test_zero_is_a_count_and_not_unknown() -> None:
    assert read_usage({"prompt_tokens": 0, "completion_tokens": 0}) == Usage(input=0, output=0)


def test_cached_audio_is_counted_once_as_cached() -> None:
    usage = read_usage(
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 80},
        }
    )

    assert usage == Usage(input=0, cache_read=60, audio_in=40, output=1)


def test_the_wire_carries_inclusive_totals_and_their_parts() -> None:
    usage = Usage(
        input=21,
        cache_read=5000,
        cache_write_5m=100,
        cache_write_1h=200,
        output=300,
        reasoning=93,
        audio_out=7,
    )

    assert wire_usage(usage) == {
        names.INPUT_TOKENS: 5321,
        names.OUTPUT_TOKENS: 400,
        names.CACHE_READ_TOKENS: 5000,
        names.CACHE_WRITE_TOKENS: 300,
        names.CACHE_WRITE_1H_TOKENS: 200,
        names.REASONING_TOKENS: 93,
        names.AUDIO_OUTPUT_TOKENS: 7,
    }


counts = st.integers(min_value=0, max_value=10**7)


@given(counts, counts, counts, counts, counts)
def test_openai_totals_come_back_exactly_on_the_wire(
    text: int, cached: int, audio: int, plain: int, reasoning: int
) -> None:
    usage = read_usage(
        {
            "prompt_tokens": text + cached + audio,
            "completion_tokens": plain + reasoning,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    )

    assert usage is not None
    assert (usage.input, usage.audio_in, usage.output) == (text, audio, plain)
    wire = wire_usage(usage)
    assert wire[names.INPUT_TOKENS] == text + cached + audio
    assert wire[names.OUTPUT_TOKENS] == plain + reasoning


@given(st.recursive(st.none() | st.booleans() | counts | st.text(), st.lists, max_leaves=5))
def test_garbage_in_any_field_never_raises(garbage: object) -> None:
    for shape, _ in EXPECTED:
        for key in shape:
            read_usage({**shape, key: garbage})
