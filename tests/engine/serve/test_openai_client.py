"""OpenAI's own client, as it is, against the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.engine.serve.running import MODEL, TOKENIZER, Running, ask, make_service, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(make_service()) as serving:
        yield serving


def tokens_of(text: str) -> int:
    return len(TOKENIZER.encode(text))


def test_a_chat_has_an_answer_and_its_usage(server: Running) -> None:
    answer = server.client().chat.completions.create(
        model=MODEL, messages=ask("one two"), max_tokens=4
    )
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.role) == ("length", "assistant")
    assert choice.message.content is not None
    assert tokens_of(choice.message.content) == 4
    assert (answer.object, answer.model) == ("chat.completion", MODEL)
    assert answer.usage is not None
    prompt = tokens_of("<|user|>\none two\n<|assistant|>\n")
    assert answer.usage.prompt_tokens == prompt
    assert answer.usage.completion_tokens == 4
    assert answer.usage.total_tokens == prompt + 4


def test_an_answer_that_is_over_before_its_limit_stops(server: Running) -> None:
    answer = server.client().chat.completions.create(
        model=MODEL, messages=ask(), max_completion_tokens=100
    )
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    # 4 to 12 words, and the token that ends them.
    assert 5 <= answer.usage.completion_tokens <= 13


def test_a_stream_is_the_same_text_in_pieces_and_ends_with_usage(server: Running) -> None:
    client = server.client()
    asked: dict[str, Any] = {"model": MODEL, "messages": ask(), "temperature": 0}
    whole = client.chat.completions.create(**asked)
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks[:-1]]
    assert "".join(texts) == whole.choices[0].message.content
    assert sum(1 for text in texts if text) > 1
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:-1]] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_a_stream_says_no_usage_that_was_not_asked_for(server: Running) -> None:
    chunks = list(server.client().chat.completions.create(model=MODEL, messages=ask(), stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_text_and_token_ids_are_completed_alike(server: Running) -> None:
    client = server.client()
    text = client.completions.create(model=MODEL, prompt="a b c", temperature=0, max_tokens=3)
    ids = client.completions.create(
        model=MODEL, prompt=TOKENIZER.encode("a b c"), temperature=0, max_tokens=3
    )
    assert text.object == "text_completion"
    assert text.choices[0].text == ids.choices[0].text
    assert text.usage is not None
    assert text.usage.prompt_tokens == 3


def test_completions_stream(server: Running) -> None:
    chunks = list(
        server.client().completions.create(
            model=MODEL, prompt="a b", max_tokens=3, stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    assert tokens_of("".join(chunk.choices[0].text for chunk in chunks if chunk.choices)) == 3
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


def test_a_stop_sequence_is_not_part_of_the_answer(server: Running) -> None:
    client = server.client()
    asked: dict[str, Any] = {"model": MODEL, "messages": ask(), "temperature": 0}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    assert whole is not None
    word = whole.split()[2]
    before = whole[: whole.index(word)]
    cut = client.chat.completions.create(**asked, stop=[word, "never said"])
    assert cut.choices[0].message.content == before
    assert cut.choices[0].finish_reason == "stop"
    streamed = client.chat.completions.create(**asked, stop=word, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == before


def test_a_seed_repeats_an_answer_and_none_draws_a_new_one(server: Running) -> None:
    def answer(**more: Any) -> str | None:
        create: Any = server.client().chat.completions.create
        made: ChatCompletion = create(
            model=MODEL, messages=ask(), max_tokens=12, temperature=1, **more
        )
        return made.choices[0].message.content

    assert answer(seed=7) == answer(seed=7)
    assert len({answer() for _ in range(5)}) > 1


def test_many_are_answered_side_by_side(server: Running) -> None:
    async def all_of_them() -> list[int]:
        async with server.async_client() as client:
            answers = await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model=MODEL, messages=ask(f"number {n}"), max_tokens=1 + n % 4
                    )
                    for n in range(40)
                )
            )
        return [answer.usage.completion_tokens for answer in answers if answer.usage]

    assert asyncio.run(all_of_them()) == [1 + n % 4 for n in range(40)]


def test_an_async_stream_is_read_to_its_end(server: Running) -> None:
    async def read() -> list[str | None]:
        async with server.async_client() as client:
            stream = await client.chat.completions.create(
                model=MODEL, messages=ask(), max_tokens=3, stream=True
            )
            return [chunk.choices[0].finish_reason async for chunk in stream]

    assert asyncio.run(read())[-1] == "length"


def test_the_model_is_listed(server: Running) -> None:
    client = server.client()
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL


WRONG: list[tuple[dict[str, Any], str | None, str]] = [
    ({"n": 2}, "n", "n=2 is not offered by this server; send one request for each answer."),
    ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
    ({"max_tokens": 5000}, "max_tokens", "this server has room for 4096 together"),
    ({"temperature": 3}, "temperature", "less than or equal to 2"),
    ({"top_p": 0}, "top_p", "greater than 0"),
    ({"stop": ["a"] * 5}, "stop", "at most 4"),
    ({"stop": ""}, "stop", "at least 1 character"),
    ({"messages": []}, "messages", "at least 1 item"),
    ({"messages": "hi"}, "messages", "valid array"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages", "messages.0.role"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages",
        "messages.0.content",
    ),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "not offered"),
    ({"response_format": {"type": "json_object"}}, "response_format", "not offered"),
    ({"logprobs": True}, "logprobs", "not offered"),
]


@pytest.mark.parametrize(("wrong", "param", "said"), WRONG)
def test_what_cant_be_done_is_refused_by_name(
    server: Running, wrong: dict[str, Any], param: str, said: str
) -> None:
    create: Any = server.client().chat.completions.create
    with pytest.raises(openai.BadRequestError) as refused:
        create(**{"model": MODEL, "messages": ask(), **wrong})
    assert refused.value.param == param
    assert said in str(refused.value)
    assert refused.value.type == "invalid_request_error"


def test_an_unknown_model_is_not_found(server: Running) -> None:
    with pytest.raises(openai.NotFoundError, match="'gpt-4o' isn't here"):
        server.client().chat.completions.create(model="gpt-4o", messages=ask())


def test_one_prompt_at_a_time(server: Running) -> None:
    client = server.client()
    with pytest.raises(openai.BadRequestError, match="2 prompts in one request"):
        client.completions.create(model=MODEL, prompt=["a", "b"])
    assert client.completions.create(model=MODEL, prompt=["a"], max_tokens=1).choices


def test_fields_that_change_nothing_are_taken(server: Running) -> None:
    answer = server.client().chat.completions.create(
        model=MODEL, messages=ask(), max_tokens=1, n=1, store=False, service_tier="auto",
        presence_penalty=0, logprobs=False, response_format={"type": "text"},
        metadata={"tenant": "acme"}, user="u-1",
    )  # fmt: skip
    assert answer.choices[0].finish_reason == "length"
