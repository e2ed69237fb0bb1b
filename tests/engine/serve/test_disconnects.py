"""Clients that leave, wait too long or read too slowly; blocks come back and the reason is kept."""

from __future__ import annotations

import asyncio
import json
import socket

import openai
import pytest

from finops.engine.policy import Policy
from tests.engine.serve.running import (
    MODEL,
    Pace,
    Running,
    ask,
    limits,
    make_service,
    running,
    wait_until,
)


def finished(server: Running, reason: str) -> float:
    value: float = server.service.metrics.finished.labels(MODEL, "0", reason)._value.get()
    return value


def test_a_stream_that_is_closed_early_frees_its_blocks() -> None:
    with running(make_service(Pace(5.0), answer_tokens=2000)) as server:
        stream = server.client().chat.completions.create(
            model=MODEL, messages=ask(), max_tokens=1900, stream=True
        )
        next(iter(stream))
        assert not server.idle
        stream.close()
        wait_until(lambda: server.idle, "freeing the blocks")
        assert finished(server, "abort") == 1


def test_a_client_that_times_out_frees_its_blocks() -> None:
    with running(make_service(Pace(5.0), answer_tokens=2000)) as server:
        with pytest.raises(openai.APITimeoutError):
            server.client(timeout=0.3).chat.completions.create(
                model=MODEL, messages=ask(), max_tokens=1900
            )
        wait_until(lambda: server.idle, "freeing the blocks")
        assert finished(server, "abort") == 1
        assert server.service.live.scheduler.pool.available == 256


def test_a_client_that_leaves_the_queue_is_never_admitted() -> None:
    policy = Policy(blocks=256, max_seqs=1, max_model_len=4096)

    async def leave(server: Running) -> None:
        async with server.async_client() as client:
            long = asyncio.create_task(
                client.chat.completions.create(model=MODEL, messages=ask(), max_tokens=300)
            )
            while not server.service.live.scheduler.running:
                await asyncio.sleep(0.005)
            impatient = client.with_options(timeout=0.2)
            with pytest.raises(openai.APITimeoutError):
                await impatient.chat.completions.create(model=MODEL, messages=ask(), max_tokens=5)
            assert (await long).usage is not None

    with running(make_service(Pace(10.0), policy, answer_tokens=800)) as server:
        asyncio.run(leave(server))
        wait_until(lambda: server.idle, "freeing the blocks")
        assert (finished(server, "abort"), finished(server, "length")) == (1, 1)
        assert server.service.live.scheduler.admissions == 1  # type: ignore[union-attr]


def test_a_deadline_is_a_clear_error_before_and_inside_a_stream() -> None:
    service = make_service(Pace(20.0), answer_tokens=2000, limits=limits(request_s=1.0))
    with running(service) as server:
        client = server.client()
        with pytest.raises(openai.InternalServerError) as whole:
            client.chat.completions.create(model=MODEL, messages=ask(), max_tokens=1000)
        assert (whole.value.status_code, whole.value.code) == (504, "deadline_passed")
        stream = client.chat.completions.create(
            model=MODEL, messages=ask(), max_tokens=1000, stream=True
        )
        texts: list[object] = []
        with pytest.raises(openai.APIError, match="longer than this server allows"):
            texts.extend(chunk for chunk in stream)
        assert texts
        wait_until(lambda: server.idle, "freeing the blocks")


def test_a_client_that_doesnt_read_is_given_up() -> None:
    service = make_service(Pace(0.0), Policy(blocks=20_000, max_model_len=300_000),
                           answer_tokens=200_000, limits=limits(send_s=0.3))  # fmt: skip
    with running(service) as server:
        body = json.dumps(
            {"model": MODEL, "messages": ask(), "max_tokens": 250_000, "stream": True}
        ).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )
            wait_until(lambda: finished(server, "abort") == 1, "giving up")
        wait_until(lambda: server.idle, "freeing the blocks")
