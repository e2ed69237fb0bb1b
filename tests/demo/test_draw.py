"""What is drawn keeps what is recorded, and is the same for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.demo.arrivals import Arrival, arrivals, shipped_traces
from finops.demo.attempts import Odds, Tokens, divide
from finops.demo.draw import Drawing, Request
from finops.demo.profiles import CLIENTS, CONVERSATIONS, MODELS
from finops.replay.readers.trace import TraceRequest

# Nothing goes wrong and nothing is drawn that isn't asked for.
CALM = Odds(
    rate_limited=0,
    server_error=0,
    timeout=0,
    unusable=0,
    cancelled=0,
    repeated=0,
    cached=0,
)


@pytest.fixture(scope="module")
def shipped() -> list[Request]:
    """The shipped traffic, thinned to about 6,000 requests and drawn."""
    return list(Drawing(Random(7)).requests(arrivals(shipped_traces(), 6000)))


def draw(
    odds: Odds,
    client: str = "41",
    count: int = 1,
    tokens: tuple[int, int] = (600, 40),
    seed: int = 1,
) -> list[Request]:
    recorded = [Arrival(100.0 - i, TraceRequest(float(i), client, *tokens)) for i in range(count)]
    return list(Drawing(Random(seed), odds).requests(recorded))


def test_the_same_seed_draws_the_same_traffic(shipped: list[Request]) -> None:
    again = Drawing(Random(7)).requests(arrivals(shipped_traces(), 6000))
    assert list(again) == shipped


def test_another_seed_draws_other_traffic(shipped: list[Request]) -> None:
    assert list(Drawing(Random(8)).requests(arrivals(shipped_traces(), 6000))) != shipped


@given(
    st.integers(0, 300_000),
    st.integers(0, 30_000),
    st.sampled_from(sorted(MODELS)),
    st.integers(0, 10_000),
)
def test_caches_and_reasoning_divide_the_recorded_tokens_and_add_none(
    read: int, written: int, model: str, seed: int
) -> None:
    recorded = TraceRequest(0.0, "", read, written)
    tokens = divide(recorded, MODELS[model], Odds(cached=1.0), Random(seed))
    assert tokens.input + tokens.cache_read + tokens.cache_write == read
    assert tokens.output + tokens.reasoning == written
    assert min(tokens.input, tokens.cache_read, tokens.cache_write, tokens.output) >= 0
    assert tokens.reasoning >= 0


def test_a_calm_request_is_one_attempt_with_the_recorded_tokens() -> None:
    [request] = draw(CALM)
    [attempt] = request.attempts
    assert attempt.succeeded
    assert attempt.tokens == Tokens(600, 0, 0, 40, 0)
    assert request.client.tenant == "harbor-telco"


@pytest.mark.parametrize("odds", [replace(CALM, rate_limited=1.0), replace(CALM, server_error=1.0)])
def test_a_refused_attempt_used_nothing(odds: Odds) -> None:
    [request] = draw(odds)
    assert all(attempt.tokens is None for attempt in request.attempts)
    assert len(request.attempts) <= 3


def test_a_timeout_read_the_whole_prompt_and_wrote_a_part() -> None:
    [request] = draw(replace(CALM, timeout=1.0))
    tokens = request.attempts[0].tokens
    assert tokens is not None
    assert tokens.input == 600
    assert 0 < tokens.output < 40
    assert request.attempts[0].duration_ms == 30_000


def test_who_cancels_does_not_try_again() -> None:
    [request] = draw(replace(CALM, cancelled=1.0))
    assert [attempt.outcome for attempt in request.attempts] == ["cancelled"]


def test_only_streams_are_cancelled() -> None:
    [request] = draw(replace(CALM, cancelled=1.0), client="27")
    assert request.attempts[0].succeeded


def test_a_fallback_is_the_smaller_sibling() -> None:
    odds = replace(CALM, server_error=1.0, tried_again=1.0, by_fallback=1.0)
    [request] = draw(odds)
    assert [attempt.model.name for attempt in request.attempts] == [
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4o-mini",  # which has no sibling of its own
    ]


def test_attempts_follow_each_other_in_time() -> None:
    [request] = draw(replace(CALM, timeout=1.0, tried_again=1.0))
    first, second, third = request.attempts
    assert first.after_ms == 0
    assert second.after_ms > first.duration_ms
    assert third.after_ms > second.after_ms + second.duration_ms


def test_a_repetition_is_another_request_with_the_same_prompt_and_user() -> None:
    first, second = draw(replace(CALM, repeated=1.0))
    assert first.number != second.number
    assert first.action != second.action
    assert (first.prompt, first.user_id) == (second.prompt, second.user_id)
    answered_s = first.attempts[0].duration_ms / 1000
    assert first.before_end_s - second.before_end_s > answered_s


def test_a_failed_request_is_not_repeated() -> None:
    assert len(draw(replace(CALM, server_error=1.0, repeated=1.0))) == 1


def test_actions_have_the_mean_length_of_their_client() -> None:
    requests = draw(CALM, client="31", count=90)  # three calls an action
    lengths = Counter(request.action for request in requests)
    assert 2 < len(requests) / len(lengths) < 4.5
    assert max(lengths.values()) > 3


def test_a_minute_without_a_request_ends_an_action() -> None:
    apart = [Arrival(1000.0 - 61 * i, TraceRequest(61.0 * i, "16", 500, 20)) for i in range(20)]
    requests = list(Drawing(Random(1), CALM).requests(apart))
    assert len({request.action for request in requests}) == 20


def test_the_calls_of_an_action_have_one_user_and_one_tenant(shipped: list[Request]) -> None:
    owners = {(request.action, request.user_id, request.client.tenant) for request in shipped}
    assert len(owners) == len({request.action for request in shipped})


def test_a_client_that_the_table_lacks_keeps_its_number() -> None:
    [request] = draw(CALM, client="99")
    assert request.client.tenant == "client-99"


def test_the_demo_shows_every_kind_of_trouble(shipped: list[Request]) -> None:
    attempts = [attempt for request in shipped for attempt in request.attempts]
    outcomes = Counter(attempt.outcome for attempt in attempts)
    assert set(outcomes) == {"ok", "error", "timeout", "rate_limited", "cancelled"}
    assert 0.01 < 1 - outcomes["ok"] / len(attempts) < 0.04
    assert any(not attempt.usable for attempt in attempts)
    assert any(len({a.model.name for a in request.attempts}) > 1 for request in shipped)
    assert any(not request.attempts[-1].succeeded for request in shipped)
    assert any(request.client.tenant == "" for request in shipped)
    prompts = Counter(request.prompt for request in shipped)
    assert max(prompts.values()) == 2


def test_all_seventeen_clients_and_all_conversation_tenants_are_there(
    shipped: list[Request],
) -> None:
    tenants = {request.client.tenant for request in shipped}
    assert tenants == {client.tenant for client in CLIENTS.values()} | {
        client.tenant for _, client in CONVERSATIONS
    }
    assert len(CLIENTS) == 17


def test_every_profile_names_a_model_that_is_described() -> None:
    clients = [*CLIENTS.values(), *(client for _, client in CONVERSATIONS)]
    assert {client.model for client in clients} <= set(MODELS)
    assert {model.fallback for model in MODELS.values()} <= {"", *MODELS}
