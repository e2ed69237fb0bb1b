"""From the messages of a chat to the text that a model continues."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finops.engine.serve.errors import Invalid, NoTokenizer


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: who speaks, and the text."""

    role: str
    content: str


Template = Callable[[Iterable[Message]], str]


def plain_template(messages: Iterable[Message]) -> str:
    """A chat as plain text, for models without a template.

    The prompt of a turn begins with the whole prompt of the turn before and its answer, so the
    prefix cache finds it again.
    """
    turns = "".join(f"<|{message.role}|>\n{message.content}\n" for message in messages)
    return f"{turns}<|assistant|>\n"


def folder_template(folder: Path) -> Template:
    """The template that a model's folder brings, else the plain one; raises NoTokenizer.

    Templates are Jinja's, from chat_template.jinja or tokenizer_config.json. They come with files
    from elsewhere, so they run in Jinja's sandbox.
    """
    config = read_config(folder / "tokenizer_config.json")
    own = folder / "chat_template.jinja"
    source = own.read_text() if own.is_file() else config.get("chat_template")
    if not isinstance(source, str):
        return plain_template
    try:
        from jinja2 import TemplateError  # noqa: PLC0415 (comes with torch)
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
    except ImportError:
        raise NoTokenizer(
            f"The chat template in {folder} needs the package jinja2, which the extra `engine` "
            "brings: pip install 'inferledger-server[engine]'."
        ) from None
    words = {name: token_text(config.get(name)) for name in ("bos_token", "eos_token")}
    try:
        template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(
            source, globals={"raise_exception": refuse}
        )
    except TemplateError as error:
        raise NoTokenizer(f"The chat template in {folder} can't be read: {error}.") from None

    def render(messages: Iterable[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return str(template.render(messages=turns, add_generation_prompt=True, **words))
        except TemplateError as error:
            raise Invalid(f"The model's chat template refuses: {error}", "messages") from None

    return render


def refuse(reason: str) -> None:
    """What templates call for a chat that the model wasn't made for."""
    raise Invalid(f"The model's chat template refuses: {reason}", "messages")


def read_config(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file; empty where there is none. Raises NoTokenizer."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NoTokenizer(f"{path} can't be read as JSON: {error}.") from None
    return content if isinstance(content, dict) else {}


def token_text(token: object) -> str:
    """A special token, written as text or as a mapping around it."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""
