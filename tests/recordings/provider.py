"""A fake of the model providers over real HTTP: it answers, and it keeps the bill.

What it answers is steered by words in double square brackets anywhere in a request's body, or by
the header `x-scenario` (words with commas), or by `plan`, the words of the next requests in order:

    cached, write5m, write1h   tokens read from or written to the prompt cache
    reasoning, audio, image    tokens of these kinds
    error-429 (any status)     an error instead of an answer
    retry-429 (any status)     the error first, and when asked again the answer
    timeout                    no answer for TIMEOUT_S seconds
    cut                        a stream that breaks off before its end
    tier-flex (any tier)       the service tier of the answer
    tool                       a tool call, unless the request brings a tool's result
    bare                       usage without the details; no-usage: none at all

Each endpoint is a handler in a file provider_*.py of this folder: `ROUTES` there holds pairs of a
pattern, searched in the path, and a function from Exchange to Answer. A path may begin with the
name of a provider (`/groq/openai/v1/...`), which then is the one on the bill.
"""

from __future__ import annotations

import importlib
import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TIMEOUT_S = 4.0
ANSWER = "SECRET-ANSWER The sky is blue."
WORD = re.compile(r"\[\[([a-z0-9_-]+)\]\]")
RESULT_OF_TOOL = re.compile(
    r'"role": ?"tool"|"function_call_output"|"tool_result"|"functionResponse"|"toolResult"'
    r'|"function_response"|"TOOL_RESULT"|"tool_results"'
)
# The providers that a path may begin with.
PROVIDERS = [
    "openai",
    "anthropic",
    "gemini",
    "vertexai",
    "bedrock",
    "azure",
    "cohere",
    "mistral",
    "groq",
    "ollama",
    "deepseek",
    "xai",
    "together",
    "fireworks",
    "perplexity",
    "openrouter",
    "vllm",
    "voyage",
]
# What providers serve when asked for an alias; other names get a date of ours.
SERVED = {
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "o4-mini": "o4-mini-2025-04-16",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "text-embedding-3-small": "text-embedding-3-small-v2",
    "text-embedding-3-large": "text-embedding-3-large-v2",
}


def primes(first: int, last: int) -> list[int]:
    return [n for n in range(first, last) if all(n % d for d in range(2, int(n**0.5) + 1))]


# The n-th request of a recording takes the n-th of each: no two counts are the same. Parts are
# smaller than the rest, so that who takes inclusive for exclusive can't be saved by a guess.
COUNTS = {
    "input": primes(1000, 1400),
    "output": primes(600, 1000),
    "cache_read": primes(320, 600),
    "cache_write_5m": primes(200, 320),
    "cache_write_1h": primes(120, 200),
    "reasoning": primes(60, 120),
    "audio_in": primes(37, 60),
    "audio_out": primes(17, 37),
    "image_in": primes(3, 17),
}
NEEDED_WORD = {
    "cache_read": "cached",
    "cache_write_5m": "write5m",
    "cache_write_1h": "write1h",
    "reasoning": "reasoning",
    "audio_in": "audio",
    "audio_out": "audio",
    "image_in": "image",
}


@dataclass
class Usage:
    """What an answer costs in exclusive buckets; None where there is none of a kind."""

    input: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio_in: int | None = None
    audio_out: int | None = None
    image_in: int | None = None

    @property
    def all_input(self) -> int:
        parts = (self.input, self.cache_read, self.cache_write, self.audio_in, self.image_in)
        return sum(part or 0 for part in parts)

    @property
    def all_output(self) -> int:
        return sum(part or 0 for part in (self.output, self.reasoning, self.audio_out))

    @property
    def cache_write(self) -> int:
        return (self.cache_write_5m or 0) + (self.cache_write_1h or 0)


@dataclass
class Exchange:
    """One request: what was asked, and what the answer shall be."""

    path: str
    headers: Mapping[str, str]
    text: str
    body: dict[str, Any]
    words: set[str]
    provider: str
    usage: Usage
    error: int
    answer: str
    token: str = field(default_factory=lambda: secrets.token_hex(12))

    @property
    def asks_tool(self) -> bool:
        return "tool" in self.words and not RESULT_OF_TOOL.search(self.text)

    @property
    def tier(self) -> str:
        tiers = [word.removeprefix("tier-") for word in self.words if word.startswith("tier-")]
        return tiers[0] if tiers else ""

    @property
    def bare(self) -> bool:
        return "bare" in self.words


@dataclass
class Answer:
    """What a handler returns: a JSON body, or the chunks of a stream, and what goes on the bill."""

    model: str
    response_id: str
    asked: str = ""
    body: Any = None
    chunks: list[bytes] | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    usage: Usage | None = None
    service_tier: str = ""


Handler = Callable[[Exchange], Answer]


def served(asked: str) -> str:
    """The dated model that answers for the one that was asked for."""
    return SERVED.get(asked, f"{asked}-20251103")


def sse(events: list[tuple[str, Any]], *, done: bool = False) -> list[bytes]:
    """Write server-sent events; an event without a name has data alone."""
    chunks = []
    for name, data in events:
        head = f"event: {name}\n" if name else ""
        chunks.append(f"{head}data: {json.dumps(data)}\n\n".encode())
    return [*chunks, b"data: [DONE]\n\n"] if done else chunks


def failure(exchange: Exchange) -> Answer:
    """An error in words that the clients of all providers understand."""
    text = {429: "rate_limit_error", 400: "invalid_request_error"}.get(exchange.error, "api_error")
    said = {"message": "SECRET-ANSWER was refused", "type": text, "code": text, "param": None}
    body = {"type": "error", "error": {**said, "status": text}, "message": said["message"]}
    return Answer("", "", body=body, status=exchange.error, headers={"retry-after": "0"})


def find_routes() -> list[tuple[re.Pattern[str], Handler]]:
    names = sorted(path.stem for path in Path(__file__).parent.glob("provider_*.py"))
    modules = [importlib.import_module(f"tests.recordings.{name}") for name in names]
    return [
        (re.compile(pattern), handle) for module in modules for pattern, handle in module.ROUTES
    ]


class Provider:
    """The server, on a free port of the loopback; `bill` has one entry for each request."""

    def __init__(self, port: int = 0) -> None:
        self.bill: list[dict[str, Any]] = []
        self.plan: list[str] = []
        self.answer: Callable[[Exchange], str] = lambda exchange: ANSWER
        self.seen: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.routes = find_routes()
        fake = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                fake.reply(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Door)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def take_bill(self) -> list[dict[str, Any]]:
        """Return the bill and start a new one."""
        with self.lock:
            bill, self.bill = self.bill, []
            self.seen.clear()
            self.plan.clear()
        return bill

    def open_exchange(self, path: str, headers: Mapping[str, str], raw: bytes) -> Exchange:
        text = raw.decode("utf-8", "replace")
        with suppress(ValueError):
            # Escapes would hide quotes and brackets that are inside a JSON text.
            text += " " + json.dumps(json.loads(raw), ensure_ascii=False).replace("\\", "")
        body: Any = {}
        with suppress(ValueError):
            body = json.loads(raw)
        words = set(WORD.findall(text))
        words |= {word for word in headers.get("x-scenario", "").split(",") if word}
        first, _, rest = path.lstrip("/").partition("/")
        provider = first if first in PROVIDERS else ""
        with self.lock:
            if self.plan:
                words |= set(self.plan.pop(0).split(","))
            number = len(self.bill)
            error = self.error_of(words)
            usage = Usage(
                **{
                    name: numbers[number % len(numbers)]
                    for name, numbers in COUNTS.items()
                    if name not in NEEDED_WORD or NEEDED_WORD[name] in words
                }
            )
            self.bill.append({})
        known = body if isinstance(body, dict) else {}
        exchange = Exchange(
            f"/{rest}" if provider else path,
            headers,
            text,
            known,
            words,
            provider,
            usage,
            error,
            "",
        )
        exchange.answer = self.answer(exchange)
        exchange.body.setdefault("_number", number)
        return exchange

    def error_of(self, words: set[str]) -> int:
        """The status of the error that is due, or 0."""
        for word in sorted(words):
            kind, _, status = word.partition("-")
            if kind == "error" and status.isdigit():
                return int(status)
            if kind == "retry" and status.isdigit():
                self.seen[word] += 1
                if self.seen[word] == 1:
                    return int(status)
        return 0

    def reply(self, door: BaseHTTPRequestHandler) -> None:
        raw = read_body(door)
        headers = {name.lower(): value for name, value in door.headers.items()}
        path = door.path.partition("?")[0]
        exchange = self.open_exchange(path, headers, raw)
        number = exchange.body.pop("_number")
        handle = next((h for p, h in self.routes if p.search(exchange.path)), None)
        if handle is None:
            answer = Answer("", "", body={"error": {"message": f"no such path {path}"}}, status=404)
        else:
            answer = handle(exchange)
            if exchange.error:
                failed = failure(exchange)
                failed.asked = answer.asked
                failed.headers["x-provider"] = answer.headers.get("x-provider", "")
                failed.chunks, answer = None, failed
        streamed = answer.chunks is not None or bool(exchange.body.get("stream"))
        self.bill[number] = entry(exchange, answer, streamed)
        if "timeout" in exchange.words:
            self.bill[number]["status"] = 0
            time.sleep(TIMEOUT_S)
        with suppress(OSError):
            send(door, answer, cut="cut" in exchange.words)


def entry(exchange: Exchange, answer: Answer, streamed: bool) -> dict[str, Any]:
    """One line of the bill: failed requests cost nothing."""
    usage = (answer.usage or exchange.usage) if answer.status == 200 else Usage()
    provider = exchange.provider or answer.headers.pop("x-provider", "")
    answer.headers.pop("x-provider", None)
    return {
        "provider": provider,
        "asked": answer.asked,
        "model": answer.model if answer.status == 200 else "",
        "response_id": answer.response_id if answer.status == 200 else "",
        "status": answer.status,
        "stream": streamed,
        "service_tier": answer.service_tier,
        **asdict(usage),
    }


def read_body(door: BaseHTTPRequestHandler) -> bytes:
    if "chunked" in door.headers.get("transfer-encoding", ""):
        return b"".join(read_chunks(door))
    return door.rfile.read(int(door.headers.get("content-length", 0)))


def read_chunks(door: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while size := int(door.rfile.readline().split(b";")[0], 16):
        yield door.rfile.read(size)
        door.rfile.readline()
    door.rfile.readline()


def send(door: BaseHTTPRequestHandler, answer: Answer, *, cut: bool) -> None:
    door.send_response(answer.status)
    for name, value in answer.headers.items():
        door.send_header(name, value)
    if answer.chunks is None:
        data = json.dumps(answer.body).encode()
        door.send_header("content-type", answer.content_type)
        door.send_header("content-length", str(len(data)))
        door.end_headers()
        door.wfile.write(data)
        return
    door.send_header("content-type", answer.content_type)
    door.send_header("transfer-encoding", "chunked")
    door.end_headers()
    chunks = answer.chunks[: len(answer.chunks) // 2] if cut else answer.chunks
    for chunk in chunks:
        door.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        door.wfile.flush()
        time.sleep(0.005)
    if cut:
        door.close_connection = True
        return
    door.wfile.write(b"0\r\n\r\n")
