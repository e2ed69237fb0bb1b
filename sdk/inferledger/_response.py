"""Read what an answer says of itself: model, id, finish reason, tier and usage; never its text.

Objects and dicts of OpenAI's chat and responses APIs, Anthropic's messages and Gemini are known by
their fields, whole or chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferledger._facts import Attributes, wire
from inferledger._usage import Usage, field, merge, read_usage, wire_usage

# A client's package tells who is called; a dict says nothing. `provider=` overrules it.
_PACKAGES = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gcp.gemini",
    "mistralai": "mistral_ai",
    "cohere": "cohere",
    "groq": "groq",
}
_PLAIN = (str, bytes, int, float, bool, type(None))


class Reading:
    """What has been read so far of one answer."""

    __slots__ = ("_facts", "_usage")

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        self._usage: Any = None

    def read(self, answer: Any) -> None:
        """Read a whole answer, or one more chunk of it; later chunks overrule earlier ones."""
        if isinstance(answer, _PLAIN):
            return
        if isinstance(answer, Usage):
            self._usage = answer
            return
        self._facts.setdefault("provider", _provider(answer))
        # OpenAI's response.* and Anthropic's message_start events carry the answer inside.
        for part in (answer, field(answer, "response", "message")):
            if part is not None and not isinstance(part, _PLAIN):
                self._read_part(part)

    @property
    def complete(self) -> bool:
        """True once a reason for finishing was given."""
        return "finish_reason" in self._facts

    def attributes(self) -> Attributes:
        """What was read, as span attributes."""
        usage = read_usage(self._usage)
        counts = wire_usage(usage) if usage is not None else {}
        return {**wire(self._facts), **counts}

    def _read_part(self, part: Any) -> None:
        usage = field(part, "usage", "usage_metadata", "usageMetadata")
        self._usage = merge(self._usage, usage)
        found = {
            "model_served": field(part, "model", "model_version", "modelVersion"),
            "response_id": field(part, "id", "response_id", "responseId"),
            "service_tier": field(part, "service_tier") or field(usage, "service_tier"),
            "finish_reason": _finish_reason(part),
        }
        self._facts.update((name, value) for name, value in found.items() if _is_text(value))


def _finish_reason(part: Any) -> Any:
    choice = _first(field(part, "choices", "candidates"))
    reason = field(choice, "finish_reason", "finishReason")
    if reason is None:
        reason = field(part, "stop_reason") or field(field(part, "delta"), "stop_reason")
    if reason is None and field(part, "object") == "response":
        reason = field(field(part, "incomplete_details"), "reason") or field(part, "status")
    return getattr(reason, "value", reason)


def _first(items: Any) -> Any:
    if isinstance(items, Sequence) and not isinstance(items, str) and items:
        return items[0]
    return None


def _provider(answer: Any) -> str | None:
    if isinstance(answer, Mapping):
        return None
    return _PACKAGES.get(type(answer).__module__.partition(".")[0])


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""
