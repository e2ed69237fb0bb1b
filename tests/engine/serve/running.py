"""A real server on a free port, in a thread of the test's process; its answers mean nothing."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import openai

from finops.engine.policy import Policy
from finops.engine.scheduler import Scheduler
from finops.engine.serve.app import App
from finops.engine.serve.clock import Clock, SystemClock
from finops.engine.serve.server import bind, make_server
from finops.engine.serve.service import Limits, Offer, Service
from finops.engine.serve.set_up import END, Chosen, assemble
from finops.engine.serve.settings import Batching, Settings, Simulated
from finops.engine.serve.simulated import WORDS, SimulatedAnswers
from finops.engine.serve.tokens import PieceTokenizer

MODEL = "llama-3.1-8b"
MS = 10**9
WAIT_S = 60
TOKENIZER = PieceTokenizer((END, WORDS))


class Pace:
    """A step time that a test may change while the server runs."""

    kv_ps = pair_ps = 0

    def __init__(self, step_ms: float = 0.1) -> None:
        self.step_ms = step_ms

    def fixed_ps(self, tokens: int, rows: int) -> int:
        return round(self.step_ms * MS)


class FakeClock:
    """Time that passes only when someone waits."""

    def __init__(self) -> None:
        self.now = 0

    def now_ps(self) -> int:
        return self.now

    def wait_ps(self, duration_ps: int) -> None:
        self.now += max(0, duration_ps)

    def wall(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC)


def make_service(
    pace: Pace | None = None,
    policy: Policy | None = None,
    *,
    clock: Clock | None = None,
    answer_tokens: int = 8,
    **settings: Any,
) -> Service:
    """A service whose steps take what `pace` says."""
    policy = policy or Policy(blocks=256, max_model_len=4096)
    clock = clock or SystemClock()
    words, (end,) = TOKENIZER.encode(WORDS), TOKENIZER.encode(END)
    chosen = Chosen(
        Offer(MODEL, TOKENIZER, policy.max_model_len or 4096, ends=frozenset((end,))),
        SimulatedAnswers(pace or Pace(), clock, words, end, answer_tokens=answer_tokens),
        Scheduler(policy),
    )
    return assemble(chosen, Settings(Simulated(), **settings), clock)


def waiting(most: int) -> Batching:
    """No more than `most` requests wait."""
    return Batching(max_waiting=most)


def limits(**given: Any) -> Limits:
    return Limits(**given)


@dataclass
class Running:
    """A server that runs."""

    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def client(self, **options: Any) -> openai.OpenAI:
        """OpenAI's client as it is."""
        return openai.OpenAI(**self.options(options))

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(**self.options(options))

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"base_url": self.url, "api_key": "k", "max_retries": 0, "timeout": WAIT_S, **given}

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """A bare request; status, headers by lower-case name, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        sent = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path, sent, dict(headers or {}))
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, named, found

    @property
    def idle(self) -> bool:
        """Nobody is served, and every block is free."""
        live = self.service.live
        pool = live.scheduler.pool
        return not live.servings and not live.waiting and pool.available == pool.total


def wait_until(holds: Callable[[], bool], what: str = "it") -> None:
    """Return as soon as something holds; fails when it never does."""
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until, f"{what} didn't happen"
        time.sleep(0.005)


@contextmanager
def running(service: Service, drain_s: float = 5.0) -> Iterator[Running]:
    """Serve until the end of the block."""
    server = make_server(App(service, drain_s))
    listener = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started, "the start")
        yield Running(service, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        assert not service.live.thread.is_alive()


def ask(text: str = "what did it cost") -> list[Any]:
    """Messages of a chat."""
    return [{"role": "user", "content": text}]
