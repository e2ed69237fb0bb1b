"""More than the server can take: told so, and taken later."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest

from finops.engine.policy import Policy
from tests.engine.serve.running import (
    MODEL,
    Pace,
    Running,
    ask,
    make_service,
    running,
    wait_until,
    waiting,
)

ONE = Policy(blocks=256, max_seqs=1, max_model_len=4096)


async def fill(server: Running, client: openai.AsyncOpenAI) -> list[asyncio.Task[object]]:
    """One that runs and one that waits: no room for more."""
    tasks: list[asyncio.Task[object]] = []
    for _ in range(2):
        before = server.service.live.submitted
        tasks.append(
            asyncio.create_task(
                client.chat.completions.create(model=MODEL, messages=ask(), max_tokens=60)
            )
        )
        while server.service.live.submitted == before:
            await asyncio.sleep(0.005)
        while len(server.service.live.scheduler.running) == 0:
            await asyncio.sleep(0.005)
    return tasks


def test_a_full_queue_answers_429_and_the_clients_retry_is_taken() -> None:
    async def overload(server: Running) -> None:
        async with server.async_client() as client:
            tasks = await fill(server, client)
            with pytest.raises(openai.RateLimitError) as refused:
                await client.chat.completions.create(model=MODEL, messages=ask())
            assert refused.value.code == "queue_full"
            assert refused.value.type == "rate_limit_error"
            assert refused.value.response.headers["retry-after"] == "1"
            patient = client.with_options(max_retries=5)
            raw = await patient.chat.completions.with_raw_response.create(
                model=MODEL, messages=ask(), max_tokens=2
            )
            assert raw.retries_taken > 0
            assert raw.parse().choices[0].finish_reason == "length"
            await asyncio.gather(*tasks)

    service = make_service(Pace(10.0), ONE, answer_tokens=200, batching=waiting(1))
    with running(service) as server:
        asyncio.run(overload(server))
        wait_until(lambda: server.idle, "the end")


def test_metrics_and_models_answer_under_overload() -> None:
    async def overload(server: Running) -> None:
        async with server.async_client() as client:
            tasks = await fill(server, client)
            assert [model.id async for model in client.models.list()] == [MODEL]
            status, _, text = await asyncio.to_thread(server.send, "GET", "/metrics")
            assert status == 200
            labels = f'{{engine="0",model_name="{MODEL}"}}'
            assert f"vllm:num_requests_waiting{labels} 1.0" in text.decode()
            assert f"vllm:num_requests_running{labels} 1.0" in text.decode()
            await asyncio.gather(*tasks)

    service = make_service(Pace(10.0), ONE, answer_tokens=200, batching=waiting(1))
    with running(service) as server:
        asyncio.run(overload(server))


def test_a_server_that_drains_says_so_in_openais_form() -> None:
    with running(make_service()) as server:
        server.service.live.close()
        status, headers, body = server.send(
            "POST", "/v1/chat/completions", {"model": MODEL, "messages": ask()}
        )
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body)["error"]["code"] == "draining"
        assert server.send("GET", "/health")[0] == 503
