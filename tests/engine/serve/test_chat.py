"""From messages to a prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finops.engine.serve.chat import Message, folder_template, plain_template
from finops.engine.serve.errors import Invalid, NoTokenizer
from finops.engine.serve.openai_requests import ChatAsked, read_asked

CHAT = [Message("system", "be short"), Message("user", "why?")]
OWN = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}] {{ message.content }}"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)


def test_a_plain_chat_names_each_speaker() -> None:
    assert plain_template(CHAT) == "<|system|>\nbe short\n<|user|>\nwhy?\n<|assistant|>\n"


def test_a_turn_begins_with_the_turn_before_and_its_answer() -> None:
    longer = [*CHAT, Message("assistant", "so."), Message("user", "and?")]
    assert plain_template(longer).startswith(plain_template(CHAT) + "so.\n")


def write(folder: Path, **config: object) -> Path:
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_a_models_own_template_is_used(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    folder = write(tmp_path, chat_template=OWN, bos_token={"content": "<s>"})
    assert folder_template(folder)(CHAT) == "<s>[system] be short[user] why?[assistant]"


def test_a_template_in_a_file_of_its_own_comes_first(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    write(tmp_path, chat_template=OWN)
    (tmp_path / "chat_template.jinja").write_text("{{ messages | length }}")
    assert folder_template(tmp_path)(CHAT) == "2"


def test_a_model_without_a_template_gets_the_plain_one(tmp_path: Path) -> None:
    assert folder_template(tmp_path) is plain_template


def test_a_template_that_is_broken_is_named_at_the_start(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    with pytest.raises(NoTokenizer, match="can't be read"):
        folder_template(write(tmp_path, chat_template="{% for %}"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('roles must alternate') }}",
        "{{ messages.__class__.__mro__ }}",  # the sandbox lets nothing out
    ],
)
def test_a_template_that_refuses_is_a_wrong_request(tmp_path: Path, template: str) -> None:
    pytest.importorskip("jinja2")
    render = folder_template(write(tmp_path, chat_template=template))
    with pytest.raises(Invalid, match="chat template refuses"):
        render(CHAT)


def test_parts_of_text_are_one_text() -> None:
    parts = [{"type": "text", "text": text} for text in "ab"]
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": []},
        ],
    }
    asked = read_asked(ChatAsked, json.dumps(body).encode())
    assert [message.plain() for message in asked.messages] == [
        Message("user", "ab"),
        Message("assistant", ""),
    ]
