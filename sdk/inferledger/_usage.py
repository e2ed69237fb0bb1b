"""The one place that reads token counts from what a provider returns.

Providers count differently: OpenAI's totals contain cached and reasoning tokens, Anthropic's
`input_tokens` leaves the cache out, Gemini's `candidates_token_count` leaves thoughts out. Here all
become `Usage`, whose buckets exclude each other, so that each token is priced exactly once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from inferledger import attributes as names
from inferledger._facts import Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call in buckets that exclude each other; None where the count is unknown.

    `input` is uncached text, `output` is without reasoning; `cache_write_5m` holds every cache
    write whose lifetime is not known to be an hour. `web_search` counts no tokens, but the searches
    that the provider made.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio_in: int | None = None
    audio_out: int | None = None
    image_in: int | None = None
    image_out: int | None = None
    web_search: int | None = None

    def __bool__(self) -> bool:
        """True when at least one count is known, zero included."""
        return any(getattr(self, bucket.name) is not None for bucket in fields(self))


def wire_usage(usage: Usage) -> Attributes:
    """Turn exclusive buckets into OpenTelemetry's inclusive totals and their subsets."""
    writes = _sum(usage.cache_write_5m, usage.cache_write_1h)
    counts = {
        names.INPUT_TOKENS: _sum(
            usage.input, usage.cache_read, writes, usage.audio_in, usage.image_in
        ),
        names.OUTPUT_TOKENS: _sum(usage.output, usage.reasoning, usage.audio_out, usage.image_out),
        names.CACHE_READ_TOKENS: usage.cache_read,
        names.CACHE_WRITE_TOKENS: writes,
        names.CACHE_WRITE_1H_TOKENS: usage.cache_write_1h,
        names.REASONING_TOKENS: usage.reasoning,
        names.AUDIO_INPUT_TOKENS: usage.audio_in,
        names.AUDIO_OUTPUT_TOKENS: usage.audio_out,
        names.IMAGE_INPUT_TOKENS: usage.image_in,
        names.IMAGE_OUTPUT_TOKENS: usage.image_out,
        names.WEB_SEARCHES: usage.web_search,
    }
    return {name: count for name, count in counts.items() if count is not None}


def read_usage(raw: Any) -> Usage | None:
    """Read the usage part of a response, object or dict; None when it has no known shape."""
    if isinstance(raw, Usage):
        return raw if raw else None
    for mark, read in _SHAPES:
        if _count(raw, *mark) is not None:
            return read(raw)
    return None


def field(source: Any, *spellings: str) -> Any:
    """The first of these fields that the object or dict has and that is not None."""
    if source is None:
        return None
    told = _fields_of(source)
    for name in spellings:
        value = told.get(name) if told is not None else getattr(source, name, None)
        if value is not None:
            return value
    return None


def _fields_of(source: Any) -> Mapping[str, Any] | None:
    # A pydantic model takes microseconds to say that it lacks an attribute, so its own dictionaries
    # are asked; streams have hundreds of chunks.
    if isinstance(source, dict):
        return source
    kind: Any = type(source)
    if _is_pydantic(kind):
        extra = source.__pydantic_extra__
        return {**source.__dict__, **extra} if extra else source.__dict__
    return source if isinstance(source, Mapping) else None


@cache
def _is_pydantic(kind: Hashable) -> bool:
    return hasattr(kind, "__pydantic_validator__")


def merge(earlier: Any, later: Any) -> Any:
    """Lay a later usage report over an earlier one; a count that is absent later stays."""
    if earlier is None or later is None:
        return earlier if later is None else later
    merged = dict(_present(earlier))
    merged.update(_present(later))
    return merged


def _openai_chat(raw: Any) -> Usage:
    total_in, total_out = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    within_out = field(raw, "completion_tokens_details")
    reasoning = _count(within_out, "reasoning_tokens")
    # xAI leaves reasoning out of its completion_tokens; only its total tells.
    if reasoning and _sum(total_in, total_out, reasoning) == _count(raw, "total_tokens"):
        total_out = _sum(total_out, reasoning)
    return _inclusive(total_in, total_out, field(raw, "prompt_tokens_details"), within_out)


def _openai_responses(raw: Any) -> Usage:
    return _inclusive(
        _count(raw, "input_tokens"),
        _count(raw, "output_tokens"),
        field(raw, "input_tokens_details", "input_token_details"),
        field(raw, "output_tokens_details", "output_token_details"),
    )


def _inclusive(
    total_in: int | None, total_out: int | None, within_in: Any, within_out: Any
) -> Usage:
    cached = _count(within_in, "cached_tokens")
    written = _count(within_in, "cache_write_tokens")
    audio_in = _count(within_in, "audio_tokens")
    image_in = _count(within_in, "image_tokens")
    reasoning = _count(within_out, "reasoning_tokens")
    audio_out = _count(within_out, "audio_tokens")
    image_out = _count(within_out, "image_tokens")
    # Audio and image tokens from the cache are counted in both; they are priced as cached.
    room = _less(total_in, cached, written)
    audio_in, room = _take(audio_in, room)
    image_in, room = _take(image_in, room)
    return Usage(
        input=room,
        cache_read=cached,
        cache_write_5m=written,
        output=_less(total_out, reasoning, audio_out, image_out),
        reasoning=reasoning,
        audio_in=audio_in,
        audio_out=audio_out,
        image_in=image_in,
        image_out=image_out,
    )


def _anthropic(raw: Any) -> Usage:
    by_lifetime = field(raw, "cache_creation")
    written = _count(raw, "cache_creation_input_tokens", "cacheWriteInputTokens")
    hour = _count(by_lifetime, "ephemeral_1h_input_tokens")
    short = _count(by_lifetime, "ephemeral_5m_input_tokens")
    thinking = _count(field(raw, "output_tokens_details"), "thinking_tokens")
    return Usage(
        input=_count(raw, "input_tokens", "inputTokens"),
        cache_read=_count(raw, "cache_read_input_tokens", "cacheReadInputTokens"),
        cache_write_5m=_less(written, hour) if written is not None else short,
        cache_write_1h=hour,
        output=_less(_count(raw, "output_tokens", "outputTokens"), thinking),
        reasoning=thinking,
        web_search=_count(field(raw, "server_tool_use"), "web_search_requests"),
    )


def _gemini(raw: Any) -> Usage:
    prompt = _by_modality(field(raw, "prompt_tokens_details", "promptTokensDetails"))
    cached_parts = _by_modality(field(raw, "cache_tokens_details", "cacheTokensDetails"))
    answer = _by_modality(field(raw, "candidates_tokens_details", "candidatesTokensDetails"))
    cached = _count(raw, "cached_content_token_count", "cachedContentTokenCount")
    tools = _count(raw, "tool_use_prompt_token_count", "toolUsePromptTokenCount")
    room = _less(_count(raw, "prompt_token_count", "promptTokenCount"), cached)
    audio_in, room = _take(_less(prompt.get("AUDIO"), cached_parts.get("AUDIO")), room)
    image_in, room = _take(_less(prompt.get("IMAGE"), cached_parts.get("IMAGE")), room)
    audio_out, image_out = answer.get("AUDIO"), answer.get("IMAGE")
    return Usage(
        input=_sum(room, tools),
        cache_read=cached,
        output=_less(
            _count(raw, "candidates_token_count", "candidatesTokenCount"),
            audio_out,
            image_out,
        ),
        reasoning=_count(raw, "thoughts_token_count", "thoughtsTokenCount"),
        audio_in=audio_in,
        audio_out=audio_out,
        image_in=image_in,
        image_out=image_out,
    )


# A field that only this shape has, tried from the most telling to the least. A plain pair of
# input_tokens and output_tokens reads the same either way.
_SHAPES = (
    (("prompt_token_count", "promptTokenCount"), _gemini),
    (("total_token_count", "totalTokenCount"), _gemini),
    (("prompt_tokens",), _openai_chat),
    (("total_tokens",), _openai_responses),
    (("input_tokens", "inputTokens"), _anthropic),
    (("output_tokens", "outputTokens"), _anthropic),
)


def _by_modality(parts: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    if isinstance(parts, Iterable) and not isinstance(parts, str | bytes | Mapping):
        for part in parts:
            modality = field(part, "modality")
            count = _count(part, "token_count", "tokenCount")
            if modality is not None and count is not None:
                name = str(getattr(modality, "value", modality)).upper()
                found[name] = found.get(name, 0) + count
    return found


def _present(raw: Any) -> dict[str, Any]:
    counts = _fields_of(raw)
    if counts is None:
        counts = getattr(raw, "__dict__", {})
    return {name: value for name, value in counts.items() if value is not None}


def _count(source: Any, *spellings: str) -> int | None:
    value = field(source, *spellings)
    return value if type(value) is int and value >= 0 else None


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _less(total: int | None, *parts: int | None) -> int | None:
    if total is None:
        return None
    return max(0, total - sum(part or 0 for part in parts))


def _take(part: int | None, room: int | None) -> tuple[int | None, int | None]:
    """Take a subset out of what is left of its total; it cannot be more than that."""
    if part is None or room is None:
        return part, room
    part = min(part, room)
    return part, room - part
