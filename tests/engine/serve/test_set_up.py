"""From settings to what is served."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finops.engine.batching import BatchScheduler
from finops.engine.catalogue import load
from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import EngineError, NeedsCalibration
from finops.engine.profile import Habits, ProfileRecord, Seen, Spread, write_profile
from finops.engine.scheduler import Scheduler
from finops.engine.serve.service import Service
from finops.engine.serve.set_up import set_up
from finops.engine.serve.settings import Batching, Settings, Simulated
from finops.engine.serve.simulated import WORDS, SimulatedAnswers
from finops.engine.step_time import SimulatedExecutor
from tests.engine.serve.running import ask, running, wait_until

LLAMA = Simulated("llama-3.1-8b", "h100", answer_tokens=20, speed_up=50.0)
EVEN = Spread(-0.1, 0.1)


def profile(folder: Path, model: str = "llama-3.1-8b", **habits: Any) -> Path:
    catalogue = load()
    record = ProfileRecord(
        deployment=Deployment(catalogue.model(model), catalogue.gpu("h100"), tp=2, backend="vllm"),
        constants=Constants(step_us=123_000.0),
        held_back=0,
        habits=Habits(**habits),
        seen=Seen(),
        errors={},
        held_out={},
        held_out_by="",
        spread={"ttft": EVEN, "tpot": EVEN, "e2e": EVEN},
        spread_by="given",
        sources=("a test",),
        made_at="2026-11-01T00:00:00+00:00",
    )
    path = folder / f"{model}.json"
    write_profile(record, path)
    return path


def step_time_of(service: Service) -> SimulatedExecutor:
    executor = service.live.executor
    assert isinstance(executor, SimulatedAnswers)
    assert isinstance(executor.step_time, SimulatedExecutor)
    return executor.step_time


def test_a_profile_says_what_is_served_and_how(tmp_path: Path) -> None:
    told = Simulated(profile=profile(tmp_path, budget=2048, reserve=True))
    service = set_up(Settings(told))
    assert service.offer.model == "llama-3.1-8b"
    assert step_time_of(service).constants.step_us == 123_000.0
    assert step_time_of(service).deployment.tp == 2
    scheduler = service.live.scheduler
    assert isinstance(scheduler, Scheduler)
    assert (scheduler.policy.max_tokens, scheduler.policy.reserve) == (2048, True)


def test_a_mixture_is_served_with_a_profile_only(tmp_path: Path) -> None:
    told = Simulated("mixtral-8x7b", "h100", tp=4)
    with pytest.raises(NeedsCalibration):
        set_up(Settings(told))
    measured = replace(told, profile=profile(tmp_path, "mixtral-8x7b"))
    assert set_up(Settings(measured)).offer.model == "mixtral-8x7b"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": "qwen3-8b"}, "of the model llama-3.1-8b, and qwen3-8b is asked for"),
        ({"gpu": "a100"}, "of the GPU h100_sxm, and a100_sxm"),
        ({"precision": "fp8"}, "of the precision bf16, and fp8"),
        ({"backend": "sglang"}, "of the backend vllm, and sglang"),
    ],
)
def test_a_profile_of_something_else_is_refused(
    tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    with pytest.raises(EngineError) as refused:
        set_up(Settings(Simulated(profile=profile(tmp_path), **wrong)))  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_settings_reach_the_scheduler_and_the_offer() -> None:
    batching = Batching(blocks=100, max_seqs=7, max_tokens=64, max_model_len=500)
    service = set_up(Settings(LLAMA, batching, name="mine"))
    policy = service.live.scheduler.policy
    assert (policy.blocks, policy.max_seqs, policy.max_tokens) == (100, 7, 64)
    assert (service.offer.model, service.offer.max_model_len) == ("mine", 500)
    # The context can't be longer than the cache.
    assert set_up(Settings(LLAMA, Batching(blocks=10))).offer.max_model_len == 160


def test_the_split_and_the_backend_reach_the_step_time() -> None:
    at = step_time_of(set_up(Settings(replace(LLAMA, tp=2, pp=2, backend="vllm")))).deployment
    assert (at.tp, at.pp, at.gpus, at.backend) == (2, 2, 4, "vllm")


def test_the_experts_of_a_profile_are_dealt_out_as_one_says(tmp_path: Path) -> None:
    told = Simulated(profile=profile(tmp_path, "mixtral-8x7b"), ep=2)
    assert step_time_of(set_up(Settings(told))).deployment.ep == 2


def test_the_cache_is_what_fits_beside_the_weights() -> None:
    at = Deployment(load().model("llama-3.1-8b"), load().gpu("h100"))
    assert set_up(Settings(LLAMA)).live.scheduler.pool.total == at.kv_blocks()


def test_each_word_of_an_answer_is_one_token_wherever_it_stands() -> None:
    tokenizer = set_up(Settings(LLAMA)).offer.tokenizer
    ids = tokenizer.encode(WORDS)
    backwards = ids[::-1]
    assert tokenizer.encode(tokenizer.decode(backwards)) == backwards
    assert len(ids) == len(WORDS.split())


@pytest.mark.parametrize("policy", ["dynamic", "static"])
def test_whole_batches_are_served_too(policy: str) -> None:
    service = set_up(Settings(LLAMA, Batching(policy, max_seqs=4, max_wait_ms=20.0)))
    assert isinstance(service.live.scheduler, BatchScheduler)

    async def all_of_them() -> list[int]:
        async with server.async_client() as client:
            answers = await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model="llama-3.1-8b", messages=ask(str(n)), max_tokens=1 + n
                    )
                    for n in range(10)
                )
            )
        return [answer.usage.completion_tokens for answer in answers if answer.usage]

    with running(service) as server:
        assert asyncio.run(all_of_them()) == list(range(1, 11))
        impatient = server.client().chat.completions.create(
            model="llama-3.1-8b", messages=ask(), max_tokens=500, stream=True
        )
        next(iter(impatient))
        impatient.close()
        wait_until(lambda: server.idle, "freeing the blocks")
