"""What LiteLLM's raw spans say of a provider's answer, read at the door before its text is dropped.

LiteLLM passes each member of an answer on as llm.PROVIDER.MEMBER, objects as Python prints them;
the provider is None where LiteLLM didn't look. Without a span of LiteLLM's own around it, as behind
FastAPI's, the raw one is all that tells of a call.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ingest.answers import Facts, read_object

# A longer text isn't a usage.
LONGEST = 8 * 1024

OBJECTS = ("usage", "usageMetadata")
NAMES = ("id", "responseId", "model", "modelVersion", "service_tier")
UNKNOWN = ("None", "Unknown")


def read_raw(attributes: Mapping[str, Any]) -> Facts:
    """Return what a span's raw attributes say of an answer; nothing without its usage."""
    for key in attributes:
        first, _, rest = key.partition(".")
        provider, _, member = rest.rpartition(".")
        if first == "llm" and member in OBJECTS and provider:
            usage = printed(attributes[key].string_value)
            return read_member(attributes, provider, member, usage)
    return {}


def read_member(
    attributes: Mapping[str, Any], provider: str, member: str, usage: dict[str, Any]
) -> Facts:
    """Read the usage and what stands beside it under the same provider."""
    beside = {
        name: attributes[f"llm.{provider}.{name}"].string_value
        for name in (*NAMES, "type")
        if f"llm.{provider}.{name}" in attributes
    }
    facts = read_object({**beside, member: usage})
    if "input_total" not in facts:
        return {}
    if provider not in UNKNOWN:
        facts["provider"] = provider
    elif beside.get("type") == "message":
        facts["provider"] = "anthropic"
    facts["raw"] = 1
    facts["operation"] = "chat" if "output_total" in facts else "embeddings"
    return facts


def printed(text: str) -> dict[str, Any]:
    """Read a dict as Python prints it."""
    if len(text) > LONGEST or not text.startswith("{"):
        return {}
    try:
        given = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return {}
    return given if isinstance(given, dict) else {}
