"""Who may come in, and with how much."""

from __future__ import annotations

import contextlib
import json
import socket

import openai
import pytest

from finops.engine.serve import protocol
from tests.engine.serve.running import MODEL, ask, limits, make_service, running

CHAT = "/v1/chat/completions"


def error_of(body: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(body)["error"]
    return found


def test_a_key_is_asked_for_where_one_is_set() -> None:
    with running(make_service(api_key="open-sesame")) as server:
        for wrong in ("k", "open-sesame-and-more", "ö"):
            status, _, body = server.send(
                "GET", "/v1/models", headers={"Authorization": f"Bearer {wrong}"}
            )
            assert (status, error_of(body)["code"]) == (401, "invalid_api_key")
        with pytest.raises(openai.AuthenticationError):
            server.client().chat.completions.create(model=MODEL, messages=ask())
        right = server.client(api_key="open-sesame")
        assert [model.id for model in right.models.list()] == [MODEL]
        assert server.send("GET", "/metrics")[0] == server.send("GET", "/health")[0] == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    with running(make_service(limits=limits(body_bytes=1000))) as server:
        declared = server.send("POST", CHAT, b"x" * 1001)
        assert (declared[0], error_of(declared[2])["code"]) == (413, "request_too_large")
        chunked = server.send("POST", CHAT, (b"x" * 100 for _ in range(20)))
        assert chunked[0] == 413


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    with (
        running(make_service(limits=limits(read_s=0.2))) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow,
    ):
        slow.sendall(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_headers_that_come_too_slowly_or_are_too_many_end_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN_S", 0.2)
    with running(make_service()) as server:
        for sent in (b"GET /health HT", b"GET /health HTTP/1.1\r\nx: " + b"y" * 40_000):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
                slow.sendall(sent)
                with contextlib.suppress(ConnectionResetError):
                    assert slow.recv(100) == b""


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", CHAT, None, 405, "Use POST"),
        ("POST", "/v1/models", b"{}", 405, "Use GET"),
        ("GET", "/v1/embeddings", None, 404, "/v1/completions"),
        ("GET", "/v1/models/gpt-4o", None, 404, "isn't here"),
        ("POST", CHAT, b"{", 400, "not JSON"),
        ("POST", CHAT, b"[]", 400, "body"),
        ("POST", CHAT, b'{"model": "m"}', 400, "messages: Field required"),
        ("POST", "/v1/completions", b'{"model": "m", "prompt": 1}', 400, "token ids"),
        ("POST", "/v1/completions", b'{"model": "llama-3.1-8b", "prompt": []}', 400, "prompts"),
        ("POST", "/v1/completions", b'{"model": "llama-3.1-8b", "prompt": ""}', 400, "no tokens"),
        ("POST", "/v1/completions", b'{"model": "m", "prompt": [-1]}', 400, "token ids"),
        ("POST", CHAT, b"\xff\xfe", 400, "not JSON"),
    ],
)
def test_what_is_wrong_is_said_in_openais_form(
    method: str, path: str, body: bytes | None, status: int, said: str
) -> None:
    with running(make_service()) as server:
        found, headers, answer = server.send(method, path, body)
        assert found == status
        assert headers["content-type"] == "application/json"
        error = error_of(answer)
        assert said in error["message"]
        assert set(error) == {"message", "type", "param", "code"}


def test_health_is_200_while_the_engine_runs() -> None:
    with running(make_service()) as server:
        assert server.send("GET", "/health")[0] == 200
        assert server.send("HEAD", "/health")[2] == b""
