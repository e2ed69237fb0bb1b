"""The attempts of one request: how each ends, what it uses, how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from finops.demo.profiles import MODELS, Client, Model
from finops.replay.readers.trace import TraceRequest

PREFILL_MS_PER_TOKEN = 0.03
TIMEOUT_MS = 30_000

Outcome = Literal["ok", "error", "timeout", "rate_limited", "cancelled"]
Ending = Outcome | Literal["unusable"]


@dataclass(frozen=True, slots=True)
class Odds:
    """The one table of odds: what share of attempts, requests or prompts is so.

    About 2.4 % of attempts don't end well; published error budgets of hosted models lie around
    1 to 3 %. The shares of cached prompts are what chat services with a fixed system prompt report.
    """

    # attempts
    rate_limited: float = 0.006  # HTTP 429: nothing used, tried again
    server_error: float = 0.005  # HTTP 5xx: nothing used, tried again
    timeout: float = 0.004  # no answer in 30 s: the prompt was read and a part was written
    unusable: float = 0.005  # a whole answer that the application rejects (broken JSON): paid for
    cancelled: float = 0.008  # of streamed answers: the user left while it was being written
    # after an attempt that failed
    tried_again: float = 0.88  # else the application gives up and the request has failed
    by_fallback: float = 0.35  # of those: by the model's smaller sibling, where it has one
    most_attempts: int = 3
    # requests
    repeated: float = 0.008  # answered, yet sent again by the same user within seconds
    # prompts
    cached: float = 0.45  # of those long enough for a provider's prompt cache
    cacheable_from: int = 1024  # tokens: the shortest prompt that the providers cache
    cache_block: int = 128  # tokens: what is cached is a multiple of this
    cache_write: float = 0.2  # of Anthropic's cached prompts: written to the cache, not read


@dataclass(frozen=True, slots=True)
class Tokens:
    """Exclusive counts: the first three sum to the recorded input, the others to the output."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a provider, `after_ms` after the request arrived; tokens None = nothing used."""

    model: Model
    after_ms: float
    duration_ms: float
    ttft_ms: float | None
    outcome: Outcome
    error_type: str
    usable: bool
    tokens: Tokens | None

    @property
    def succeeded(self) -> bool:
        return self.outcome == "ok" and self.usable

    @property
    def worth_a_retry(self) -> bool:
        return not self.succeeded and self.outcome != "cancelled"


ERROR_TYPES = {
    "rate_limited": "RateLimitError",
    "error": "InternalServerError",
    "timeout": "APITimeoutError",
}


def draw_attempts(
    client: Client, recorded: TraceRequest, odds: Odds, rng: Random
) -> tuple[Attempt, ...]:
    """Draw attempts until one succeeds, the application gives up, or the user leaves."""
    model = MODELS[client.model]
    tokens = divide(recorded, model, odds, rng)
    attempts = [draw_attempt(model, client, tokens, 0.0, odds, rng)]
    while (
        attempts[-1].worth_a_retry
        and len(attempts) < odds.most_attempts
        and rng.random() < odds.tried_again
    ):
        if model.fallback and rng.random() < odds.by_fallback:
            model = MODELS[model.fallback]
            # another model has a cache of its own, and thinks or doesn't
            tokens = divide(recorded, model, odds, rng)
        last = attempts[-1]
        pause_ms = 500 * 2 ** len(attempts) * rng.uniform(0.5, 1.5)
        after_ms = last.after_ms + last.duration_ms + pause_ms
        attempts.append(draw_attempt(model, client, tokens, after_ms, odds, rng))
    return tuple(attempts)


def draw_attempt(
    model: Model, client: Client, tokens: Tokens, after_ms: float, odds: Odds, rng: Random
) -> Attempt:
    ending = draw_ending(client, odds, rng)
    written = 1.0 if ending in ("ok", "unusable") else rng.uniform(0.1, 0.9)
    used = None if ending in ("rate_limited", "error") else cut_short(tokens, written)
    ttft_ms = first_token_ms(model, tokens, rng)
    answer_ms = model.per_token_ms * rng.lognormvariate(0, 0.2) * total_output(used or tokens)
    duration_ms = {
        "rate_limited": rng.uniform(40, 200),
        "error": rng.uniform(100, 3000),
        "timeout": float(TIMEOUT_MS),
    }.get(ending, ttft_ms + answer_ms)
    return Attempt(
        model=model,
        after_ms=after_ms,
        duration_ms=duration_ms,
        ttft_ms=ttft_ms if client.stream and used is not None and ttft_ms < duration_ms else None,
        outcome="ok" if ending == "unusable" else ending,
        error_type=ERROR_TYPES.get(ending, ""),
        usable=ending != "unusable",
        tokens=used,
    )


def draw_ending(client: Client, odds: Odds, rng: Random) -> Ending:
    shares: dict[Ending, float] = {
        "rate_limited": odds.rate_limited,
        "error": odds.server_error,
        "timeout": odds.timeout,
        "unusable": odds.unusable,
        "cancelled": odds.cancelled if client.stream else 0.0,
    }
    drawn = rng.random()
    for ending, share in shares.items():
        if drawn < share:
            return ending
        drawn -= share
    return "ok"


def divide(recorded: TraceRequest, model: Model, odds: Odds, rng: Random) -> Tokens:
    """Divide the recorded counts into what was cached and what was reasoning."""
    read = write = 0
    if recorded.input_tokens >= odds.cacheable_from and rng.random() < odds.cached:
        blocks = rng.uniform(0.3, 0.95) * recorded.input_tokens // odds.cache_block
        cached = int(blocks) * odds.cache_block
        if model.provider == "anthropic" and rng.random() < odds.cache_write:
            write = cached
        elif model.provider != "vllm":
            read = cached
    thought = rng.uniform(0.3, 0.7) if model.reasons else 0.0
    reasoning = int(recorded.output_tokens * thought)
    return Tokens(
        input=recorded.input_tokens - read - write,
        cache_read=read,
        cache_write=write,
        output=recorded.output_tokens - reasoning,
        reasoning=reasoning,
    )


def cut_short(tokens: Tokens, written: float) -> Tokens:
    """The tokens of an answer of which only a share was written."""
    return Tokens(
        tokens.input,
        tokens.cache_read,
        tokens.cache_write,
        int(tokens.output * written),
        int(tokens.reasoning * written),
    )


def first_token_ms(model: Model, tokens: Tokens, rng: Random) -> float:
    fresh = tokens.input + tokens.cache_write
    return model.first_token_ms * rng.lognormvariate(0, 0.35) + fresh * PREFILL_MS_PER_TOKEN


def total_output(tokens: Tokens) -> int:
    return tokens.output + tokens.reasoning
