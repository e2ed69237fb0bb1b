"""Which bucket a provider's words for a meter mean, and which processing tier.

The names are those of the buckets of a rate (finops.pricing.rate) and of the things billed by use.
"""

from __future__ import annotations

import re

INPUT_METERS = (
    "input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in", "image_in",
)  # fmt: skip
OUTPUT_METERS = ("output", "reasoning", "audio_out", "image_out")
TOKEN_METERS = (*INPUT_METERS, *OUTPUT_METERS)
OTHER = "other"

# The first that is found counts: a cached audio input is read from the cache.
WORDS = (
    ("storage", r"storage|token.?hours?"),
    ("web_search", r"web.?search|grounding|search quer"),
    ("file_search", r"file.?search"),
    ("code_execution", r"code.?(execution|interpreter)|sandbox"),
    ("session", r"provisioned|\bptu\b|throughput|hosting|training|fine.?tun\w*.?(hour|train)"),
    ("cache_write_1h", r"(cache|caching).?(write|creation).*(1.?h|one hour)|ephemeral_1h"),
    ("cache_write_5m", r"(cache|caching).?(write|creation)|cache.?wr|ephemeral_5m|write.?cache"),
    ("input", r"uncached|no cache"),
    ("cache_read", r"cache|\bcd\b|\bcchd\b"),
    ("audio_in", r"audio.*\b(in|input|inp|prompt)|\b(input|inp).*audio"),
    ("audio_out", r"audio.*\b(out|output|outp|opt)|\b(output|outp).*audio"),
    ("image_in", r"image.*\b(input|inp)|\b(input|inp).*image"),
    ("image_out", r"image.*\b(output|outp|opt|gen)|\b(output|outp).*image"),
    ("reasoning", r"reasoning|thinking|thought"),
    ("output", r"\b(output|outp|opt|out|completion|generated|response)"),
    ("input", r"\b(input|inp|prompt|in|context|embed\w*|uncached)"),
)
PATTERNS = [(meter, re.compile(pattern)) for meter, pattern in WORDS]

TIER_WORDS = (
    ("batch", r"\bbatch"),
    ("flex", r"\bflex"),
    ("priority", r"\bpriority|\bprty\b|\bpp\b"),
    ("fast", r"\bfast\b"),
)
TIER_PATTERNS = [(tier, re.compile(pattern)) for tier, pattern in TIER_WORDS]
STANDARD = ("", "default", "standard", "auto", "on_demand", "ondemand", "none", "null")


def split_words(text: str) -> str:
    """Write CacheReadInputTokenCount and cache-read_input alike: small words, one space."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[\s_\-:/,.()]+", " ", spaced).strip().lower()


def meter_of(text: str) -> str:
    """Return the meter that a description means; "other" where it means none."""
    words = split_words(text)
    return next((meter for meter, pattern in PATTERNS if pattern.search(words)), OTHER)


def tier_of(text: str) -> str:
    """Return batch, flex, priority or fast where a text says so; '' is standard processing."""
    words = split_words(text)
    return next((tier for tier, pattern in TIER_PATTERNS if pattern.search(words)), "")


def named_tier(text: str | None) -> str:
    """Return a tier that a column of its own names; unknown ones stay as they are."""
    lowered = (text or "").strip().lower()
    if lowered in STANDARD:
        return ""
    return tier_of(lowered) or lowered[:40]
