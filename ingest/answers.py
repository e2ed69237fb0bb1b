"""What a provider's answer says in numbers and names, read at the door before its text is dropped.

Some senders tell the id of the response, the tier or the split of a cache write nowhere but inside
the JSON of the answer. Only what has the shape of an id, a name or a count is taken. Totals come
out inclusive, whatever the shape they were found in:

    OpenAI      prompt_tokens, or input_tokens beside input_tokens_details    inclusive
    Anthropic   input_tokens beside cache_*_input_tokens                      cache beside input
    Bedrock     inputTokens beside cache*InputTokens                          cache beside input
    Gemini      promptTokenCount; thoughtsTokenCount beside candidates        thoughts beside output
    LangChain   input_tokens with input_token_details                         inclusive
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Fact = str | int
Facts = dict[str, Fact]

# A larger text isn't looked into; reading this much takes about a millisecond.
LONGEST = 256 * 1024
NAME = re.compile(r"[A-Za-z0-9][\w.:/@+=|-]{0,199}\Z")
# Ids that a framework made up itself.
NOT_OF_PROVIDER = ("lc_run-", "run-", "lc_")
LARGEST_COUNT = 2**32 - 1

# Where in the JSON an answer may be: itself, or wrapped by LangChain or LiteLLM.
MESSAGE = ("generations", 0, 0, "message", "kwargs")
PLACES: tuple[tuple[str | int, ...], ...] = (
    (),
    (*MESSAGE, "response_metadata"),
    MESSAGE,
    ("llm_output",),
    ("generations", 0, 0, "generation_info"),
    ("generations", 0, 0),
    ("raw_response",),
    ("raw",),
    ("custom",),
    ("response",),
    ("kwargs", "response_metadata"),
    ("kwargs",),
)
IDS = ("id", "response_id", "responseId")
MODELS = ("model", "model_name", "model_version", "modelVersion")
USAGES = ("usage", "token_usage", "usage_metadata", "usageMetadata")
# An object that has one of these is an answer, and its id the answer's.
MARKS = frozenset((*MODELS, *USAGES, "choices", "stop_reason", "finish_reason"))
LOOKED_AT = MARKS | {"type", "raw"}
# An answer as Python prints OpenAI's classes; its usage comes after everything that it quotes.
PRINTED = re.compile(r"ChatCompletion\(id='([\w-]{1,200})'")
PRINTED_MODEL = re.compile(r"\bmodel='([^']{1,200})'")
PRINTED_USAGE = "usage=CompletionUsage("
PRINTED_COUNT = re.compile(r"\b(\w+_tokens)=(\d{1,9})\b")
STREAMED = ("chat.completion.chunk", "ChatGenerationChunk")

INPUT = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount", "prompt_token_count")
OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "outputTokens",
    "candidatesTokenCount",
    "candidates_token_count",
)
# Counts that these shapes put beside the input or the output, not into it.
READ_BESIDE = ("cache_read_input_tokens", "cacheReadInputTokens")
WRITE_BESIDE = ("cache_creation_input_tokens", "cacheWriteInputTokens")
THOUGHTS_BESIDE = ("thoughtsTokenCount", "thoughts_token_count")
TOOLS_BESIDE = ("toolUsePromptTokenCount", "tool_use_prompt_token_count")
READ = ("cachedContentTokenCount", "cached_content_token_count")
INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "output_token_details")
INPUT_MODALITIES = ("promptTokensDetails", "prompt_tokens_details")
OUTPUT_MODALITIES = ("candidatesTokensDetails", "candidates_tokens_details")


def read_answer(text: str) -> Facts:
    """Return what a JSON text says of the answer it holds; nothing when it is no such text."""
    if len(text) > LONGEST or not text.lstrip().startswith("{"):
        return {}
    try:
        whole: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    facts: Facts = {}
    for answer in find_answers(whole):
        for name, fact in read_object(answer).items():
            facts.setdefault(name, fact)
    return facts


def read_hidden(text: str) -> Facts:
    """Return whether LiteLLM's own cache gave the answer: only then it names the cache's key."""
    if len(text) > LONGEST:
        return {}
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    hit = isinstance(given, dict) and (given.get("cache_key") or given.get("cache_hit") is True)
    return {"cache_hit": 1} if hit else {}


def find_answers(whole: Any) -> Iterator[Mapping[str, Any]]:
    for place in PLACES:
        found = whole
        for step in place:
            if isinstance(step, int):
                found = found[step] if isinstance(found, list) and len(found) > step else None
            else:
                found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, dict) and not LOOKED_AT.isdisjoint(found):
            yield found


def read_object(answer: Mapping[str, Any]) -> Facts:
    facts: Facts = {}
    if not MARKS.isdisjoint(answer):
        name(facts, "response_id", answer, IDS)
        name(facts, "model_served", answer, MODELS)
        name(facts, "service_tier", answer, ("service_tier",))
    if isinstance(answer.get("raw"), str):
        facts |= read_printed(answer["raw"])
    if answer.get("object") in STREAMED or answer.get("type") in STREAMED:
        facts["stream"] = 1
    for key in USAGES:
        usage = answer.get(key)
        if isinstance(usage, dict):
            name(facts, "service_tier", usage, ("service_tier",))
            for what, count in read_usage(usage).items():
                facts.setdefault(what, count)
    return facts


def read_printed(text: str) -> Facts:
    """Read a ChatCompletion that Python printed."""
    found, usage_at = PRINTED.match(text), text.rfind(PRINTED_USAGE)
    if not found or usage_at < 0:
        return {}
    facts: Facts = {"response_id": found[1]}
    tail = text[usage_at:]
    if models := PRINTED_MODEL.findall(text, 0, usage_at):
        facts["model_served"] = models[-1]
    counts = {key: int(count) for key, count in PRINTED_COUNT.findall(tail)}
    into = {key: counts[key] for key in ("cached_tokens",) if key in counts}
    out = {key: counts[key] for key in ("reasoning_tokens",) if key in counts}
    totals = {key: counts[key] for key in ("prompt_tokens", "completion_tokens") if key in counts}
    details = {"prompt_tokens_details": into, "completion_tokens_details": out}
    return facts | read_usage({**totals, **details})


def name(facts: Facts, what: str, answer: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """Take the first of these members that looks like a name and not like a text."""
    for key in keys:
        value = answer.get(key)
        if isinstance(value, str) and NAME.match(value) and not value.startswith(NOT_OF_PROVIDER):
            facts.setdefault(what, value)
            return


def count_of(found: Any, *keys: str) -> int | None:
    """The first of these members that is a count."""
    for key in keys:
        value = found.get(key) if isinstance(found, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT:
            return value
    return None


def part(usage: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((usage[key] for key in keys if isinstance(usage.get(key), dict)), {})


def modality(usage: Mapping[str, Any], keys: tuple[str, ...], kind: str) -> int | None:
    """A count of Gemini's lists of modalities."""
    for key in keys:
        listed = usage.get(key)
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict) and entry.get("modality") == kind:
                return count_of(entry, "tokenCount", "token_count")
    return None


def read_usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a provider's usage, totals inclusive."""
    into, out = part(usage, INPUT_DETAILS), part(usage, OUTPUT_DETAILS)
    written = part(usage, ("cache_creation",)) or into
    read_beside = count_of(usage, *READ_BESIDE)
    write_beside = count_of(usage, *WRITE_BESIDE)
    thoughts = count_of(usage, *THOUGHTS_BESIDE)
    found = {
        "input_total": plus(
            count_of(usage, *INPUT),
            # OpenAI's own shape is inclusive, also where a gateway adds Anthropic's names to it.
            *(() if "prompt_tokens" in usage else (read_beside, write_beside)),
            count_of(usage, *TOOLS_BESIDE),
        ),
        "output_total": plus(count_of(usage, *OUTPUT), thoughts),
        "cache_read": first(
            read_beside, count_of(usage, *READ), count_of(into, "cached_tokens", "cache_read")
        ),
        "cache_write": first(write_beside, count_of(into, "cache_write_tokens", "cache_creation")),
        "cache_write_1h": count_of(written, "ephemeral_1h_input_tokens"),
        "reasoning": first(thoughts, count_of(out, "reasoning_tokens", "reasoning")),
        "audio_in": first(
            count_of(into, "audio_tokens", "audio"), modality(usage, INPUT_MODALITIES, "AUDIO")
        ),
        "audio_out": first(
            count_of(out, "audio_tokens", "audio"), modality(usage, OUTPUT_MODALITIES, "AUDIO")
        ),
        "image_in": first(
            count_of(into, "image_tokens", "image"), modality(usage, INPUT_MODALITIES, "IMAGE")
        ),
        "image_out": first(
            count_of(out, "image_tokens", "image"), modality(usage, OUTPUT_MODALITIES, "IMAGE")
        ),
        "used_web_search": count_of(part(usage, ("server_tool_use",)), "web_search_requests"),
    }
    return {what: count for what, count in found.items() if count is not None}


def plus(total: int | None, *more: int | None) -> int | None:
    return None if total is None else total + sum(count or 0 for count in more)


def first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
