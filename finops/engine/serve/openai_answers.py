"""Response bodies in the forms of OpenAI's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finops.engine.serve.errors import Refused

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `cached` are part of `prompt`."""

    prompt: int
    cached: int
    generated: int

    def body(self) -> Body:
        """As OpenAI says it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.generated,
            "total_tokens": self.prompt + self.generated,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What all bodies of one answer have in common; `created` is in Unix seconds."""

    id: str
    model: str
    created: int
    chat: bool

    def whole(self, text: str, reason: str, usage: Usage) -> Body:
        """The answer in one piece."""
        said: Body = (
            {"message": {"role": "assistant", "content": text, "refusal": None}}
            if self.chat
            else {"text": text}
        )
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        kind = "chat.completion" if self.chat else "text_completion"
        return self._around(kind, [choice]) | {"usage": usage.body()}

    def first(self) -> Body | None:
        """What a stream begins with: the role, in a chat."""
        return self._chunk({"role": "assistant", "content": ""}, "", None) if self.chat else None

    def piece(self, text: str) -> Body:
        """The next text of a stream."""
        return self._chunk({"content": text}, text, None)

    def last(self, reason: str) -> Body:
        """Why a stream ends."""
        return self._chunk({}, "", reason)

    def usage(self, usage: Usage) -> Body:
        """A stream's usage, after its last text."""
        return self._around(self._kind, []) | {"usage": usage.body()}

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self.chat else "text_completion"

    def _chunk(self, delta: Mapping[str, str], text: str, reason: str | None) -> Body:
        said: Body = {"delta": delta} if self.chat else {"text": text}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        return self._around(self._kind, [choice])

    def _around(self, kind: str, choices: list[Body]) -> Body:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def error_body(error: Refused) -> Body:
    """What is wrong, as OpenAI's clients read it."""
    return {
        "error": {
            "message": str(error),
            "type": error.kind,
            "param": error.param,
            "code": error.code,
        }
    }


def model_body(name: str, created: int, max_model_len: int) -> Body:
    """An entry of /v1/models; `max_model_len` is vLLM's addition."""
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "inferledger",
        "max_model_len": max_model_len,
    }


def models_body(models: list[Body]) -> Body:
    """GET /v1/models."""
    return {"object": "list", "data": models}
