"""What a span's fields mean, in plain Python: the oracle of ingest/meaning.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finops.pricing.rate import USES
from ingest.dialects.operations import (
    AGGREGATES,
    CACHE_LAYERS,
    INFERENCE,
    NO_OPERATION,
    NOT_INFERENCE,
    OUTCOMES,
    USAGE_SOURCES,
)
from tests.ingest.oracle.values import (
    LARGEST_COUNT,
    lower,
    number_of,
    parse_json,
    text_of_member,
)

FAILURES = [
    (re.compile(pattern, re.ASCII | re.DOTALL), outcome)
    for pattern, outcome in (
        (r"rate.?limit|too.?many.?requests|resource.?exhausted|throttl|\b429\b", "rate_limited"),
        (r"time.?out|timed out|deadline|\b(408|504)\b", "timeout"),
        (r"cancel|abort|generatorexit|disconnect|\b499\b", "cancelled"),
        (r"out.?of.?memory|\boom\b", "oom"),
    )
]
HASH = re.compile(r"[0-9a-fA-F]{16}", re.ASCII)
STATUS = re.compile(r"\+?[0-9]+", re.ASCII)
FLAGS = {"true": 1, "1": 1, "false": 0, "0": 0}


@dataclass(slots=True)
class Said:
    """What the dialect says of the sender's totals."""

    input_exclusive: bool
    output_exclusive: bool


def operation_of(text: str, texts: Mapping[str, str], counts: Mapping[str, int | None]) -> str:
    return text or ("chat" if known(texts, counts) else "")


def known(texts: Mapping[str, str], counts: Mapping[str, int | None]) -> bool:
    """Whether a model or usage was named."""
    return bool(
        texts["model_requested"]
        or texts["model_served"]
        or counts["input_total"] is not None
        or counts["output_total"] is not None
    )


def is_call(
    operation: str, texts: Mapping[str, str], counts: Mapping[str, int | None], scope: str
) -> bool:
    if operation in ("", NO_OPERATION, *NOT_INFERENCE):
        return False
    if operation in AGGREGATES:
        usage = ("input_total", "output_total", "cache_read", "cache_write")
        return any(counts[name] for name in usage)
    return operation in INFERENCE or known(texts, counts) or scope == "inferledger"


def buckets(count: Mapping[str, int | None], said: Said) -> dict[str, Any]:
    """The exclusive buckets, and whether it was guessed that totals are exclusive."""
    audio, image = (
        without(count[f"{kind}_in"], count[f"{kind}_cache_read"]) for kind in ("audio", "image")
    )
    hour = count["cache_write_1h"]
    write = hour if count["cache_write"] is None else count["cache_write"]
    write_guessed = write is not None and hour is not None and hour > write
    parts = (
        add(count["cache_read"], write, audio, image),
        add(count["reasoning"], count["audio_out"], count["image_out"]),
    )
    totals = (count["input_total"], count["output_total"])
    exclusive, guessed = judge(totals, parts, count["total_tokens"], said)
    return {
        "input_tokens": bare(totals[0], parts[0], exclusive[0]),
        "cache_read_tokens": count["cache_read"],
        "cache_write_5m_tokens": bare(write, hour or 0, write_guessed),
        "cache_write_1h_tokens": hour,
        "output_tokens": bare(totals[1], parts[1], exclusive[1]),
        "reasoning_tokens": count["reasoning"],
        "audio_in_tokens": audio,
        "audio_out_tokens": count["audio_out"],
        "image_in_tokens": image,
        "image_out_tokens": count["image_out"],
        "uses": {use: times for use in USES if (times := count[f"used_{use}"])},
        "guessed": guessed or write_guessed,
        "none": not any(one is not None for one in (*totals, count["cache_read"], write)),
    }


def judge(
    totals: tuple[int | None, int | None],
    parts: tuple[int, int],
    whole: int | None,
    said: Said,
) -> tuple[tuple[bool, bool], bool]:
    """Whether the input and the output leave out their parts, and whether that is a guess."""
    known_sides = (said.input_exclusive, said.output_exclusive)
    summed = [False, False]
    if whole is not None and totals[0] is not None and totals[1] is not None:
        open_parts = [0 if side else part for side, part in zip(known_sides, parts, strict=True)]
        left = whole - sum(totals) - sum(parts) + sum(open_parts)  # type: ignore[arg-type]
        equal = open_parts[0] == open_parts[1]
        for side in (0, 1):
            own = left == open_parts[side] and not equal
            summed[side] = open_parts[side] > 0 and (own or left == sum(open_parts))
    stated = [a or b for a, b in zip(known_sides, summed, strict=True)]
    guessed = [
        not sure and total is not None and part > total
        for sure, total, part in zip(stated, totals, parts, strict=True)
    ]
    return (stated[0] or guessed[0], stated[1] or guessed[1]), any(guessed)


def without(count: int | None, cached: int | None) -> int | None:
    if count is None or cached is None or cached > count:
        return count
    return count - cached


def add(*counts: int | None) -> int:
    return sum(count or 0 for count in counts)


def bare(total: int | None, parts: int, exclusive: bool) -> int | None:
    return total if total is None or exclusive else total - parts


def finish_of(text: str) -> str:
    """The first of several reasons."""
    return text_of_member(parse_json(text), (1,)) if text.startswith("[") else text


def outcome_of(texts: Mapping[str, str], finish: str, status: int, message: str) -> str:
    said = lower(texts["outcome"])
    if said in OUTCOMES:
        return said
    error, http = texts["error_type"], texts["http_status"]
    code = int(http) if STATUS.fullmatch(http) and int(http) < 2**16 else 0
    if not (error or status == 2 or finish == "error" or code >= 400):
        return "ok"
    failure = lower(f"{error} {http} {message}")
    return next((outcome for found, outcome in FAILURES if found.search(failure)), "error")


def source_of_usage(text: str, none: bool) -> str:
    if text in USAGE_SOURCES:
        return text
    return "missing" if none else "provider"


def cache_layer_of(text: str) -> str:
    return text if text in CACHE_LAYERS else "none"


def flag_of(text: str) -> int | None:
    return FLAGS.get(lower(text))


def hash_of(text: str) -> int:
    return int(text, 16) if HASH.fullmatch(text) else 0


def score_of(text: str) -> float | None:
    return number_of(text)


def timeout_of(number: float | None) -> int | None:
    return None if number is None or round(number) > LARGEST_COUNT else round(number)
