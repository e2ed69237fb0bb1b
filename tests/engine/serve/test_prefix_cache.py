"""What was computed before is found again, and said in the usage."""

from __future__ import annotations

from typing import Any

from finops.engine.policy import Policy
from tests.engine.serve.running import MODEL, ask, make_service, running

LONG = "why did that one call cost so much more than the rest of them " * 6


def cached(answer: Any) -> int:
    assert answer.usage.prompt_tokens_details is not None
    return int(answer.usage.prompt_tokens_details.cached_tokens)


def test_a_prompt_that_came_before_is_cached_in_full_blocks() -> None:
    with running(make_service()) as server:
        create = server.client().chat.completions.create
        first = create(model=MODEL, messages=ask(LONG), max_tokens=2)
        again = create(model=MODEL, messages=ask(LONG), max_tokens=2)
        other = create(model=MODEL, messages=ask(f"no {LONG}"), max_tokens=2)
    assert again.usage is not None
    prompt = again.usage.prompt_tokens
    assert (cached(first), cached(other)) == (0, 0)
    assert cached(again) == (prompt - 1) // 16 * 16 > 0


def test_the_next_turn_of_a_chat_finds_question_and_answer() -> None:
    with running(make_service(answer_tokens=60)) as server:
        create: Any = server.client().chat.completions.create
        first = create(model=MODEL, messages=ask(LONG), max_tokens=40)
        told = first.choices[0].message.content
        turns = [*ask(LONG), {"role": "assistant", "content": told}, *ask("and now")]
        second = create(model=MODEL, messages=turns, max_tokens=2)
    known = first.usage.prompt_tokens + first.usage.completion_tokens - 1
    assert cached(second) == known // 16 * 16
    assert cached(second) > first.usage.prompt_tokens


def test_a_server_without_the_cache_finds_nothing() -> None:
    policy = Policy(blocks=256, max_model_len=4096, prefix_cache=False)
    with running(make_service(policy=policy)) as server:
        create = server.client().chat.completions.create
        answers = [create(model=MODEL, messages=ask(LONG), max_tokens=2) for _ in range(2)]
    assert [cached(answer) for answer in answers] == [0, 0]
