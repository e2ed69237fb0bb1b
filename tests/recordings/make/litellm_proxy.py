"""pip install litellm[proxy] opentelemetry-exporter-otlp-proto-http.

The real proxy in front of the fake provider. LITELLM_MODE=default (as it comes), v1, semconv or v2
as in litellm_sdk.py. Who asks is told by a custom authentication, since keys would need a database.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from running import PROVIDER, Recorder

MODE = os.environ.get("LITELLM_MODE", "v1")
SINK = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
SETTINGS = {
    "OTEL_EXPORTER": "otlp_http",
    "OTEL_ENDPOINT": SINK + "/v1/traces",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "LITELLM_MASTER_KEY": "sk-" + "4f92b7d1" * 8,
}
if MODE in ("v1", "semconv"):
    # Without it the attributes go to FastAPI's span, which may have ended by then.
    SETTINGS["USE_OTEL_LITELLM_REQUEST_SPAN"] = "true"
if MODE == "semconv":
    SETTINGS["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
if MODE == "v2":
    SETTINGS["LITELLM_OTEL_V2"] = "true"
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth

async def authenticate(request, api_key):
    return UserAPIKeyAuth(
        api_key=api_key, token="88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        key_alias="shop-key", team_id="t-1", team_alias="acme", user_id="dev-1", org_id="o-1",
    )
"""
CONFIG = {
    "model_list": [
        {
            "model_name": "smart",
            "litellm_params": {
                "model": "openai/gpt-4o",
                "api_base": f"{PROVIDER}/v1",
                "api_key": "k",
                "max_retries": 0,
            },
        },
        {
            "model_name": "claude",
            "litellm_params": {
                "model": "anthropic/claude-haiku-4-5",
                "api_base": PROVIDER,
                "api_key": "k",
                "max_retries": 0,
            },
        },
        {
            "model_name": "embed",
            "litellm_params": {
                "model": "openai/text-embedding-3-small",
                "api_base": f"{PROVIDER}/v1",
                "api_key": "k",
            },
        },
    ],
    "litellm_settings": {
        "callbacks": ["otel"],
        "cache": True,
        "cache_params": {"type": "local", "mode": "default_off"},
        "num_retries": 1,
    },
    "router_settings": {
        "fallbacks": [{"smart": ["claude"]}],
        "num_retries": 1,
        "retry_after": 0,
        "disable_cooldowns": True,
    },
    "general_settings": {"custom_auth": "auth.authenticate"},
}


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    (folder / "auth.py").write_text(AUTH)
    (folder / "config.yaml").write_text(json.dumps(CONFIG))
    command = Path(sys.executable).parent / "litellm"
    log = (folder / "log").open("wb")
    proxy = subprocess.Popen(
        [command, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env={**os.environ, **SETTINGS},
        stdout=log,
        stderr=log,
    )
    for _ in range(120):
        time.sleep(1)
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=1).read()
            return proxy
        except OSError:
            if proxy.poll() is not None:
                break
    raise SystemExit((folder / "log").read_text()[-3000:])


class Wait:
    """The proxy exports by itself."""

    def force_flush(self):
        time.sleep(2.5)


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = free.getsockname()[1]
record = Recorder("litellm", f"proxy-{MODE}", ["litellm"], Wait())


def post(path, body, **headers):
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}",
        json.dumps(body).encode(),
        {"authorization": "Bearer sk-shop", "content-type": "application/json", **headers},
    )
    return urllib.request.urlopen(request, timeout=30).read()


def ask(words="", **more):
    body = {
        "model": "smart",
        "user": "u-7",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": f"SECRET-PROMPT {words}"}],
        "metadata": {"session_id": "s-1"},
    }
    return post("/v1/chat/completions", body | more)


FAILING = ["error-500", "error-500", "cached,write5m"]
with tempfile.TemporaryDirectory() as name:
    proxy = start(Path(name), PORT)
    try:
        time.sleep(2)
        with record.recorded("chat", "chat, cached prompt, of a team and an end user"):
            ask("[[cached]] [[reasoning]]")
        with record.recorded("stream", "streamed with usage, cached prompt"):
            ask("[[cached]]", stream=True, stream_options={"include_usage": True})
        with record.recorded("anthropic", "Anthropic, prompt read from and written to the cache"):
            ask("[[cached]] [[write5m]]", model="claude")
        with record.recorded("messages", "Anthropic's own API, passed through"):
            body = {
                "model": "claude",
                "max_tokens": 300,
                "messages": [{"role": "user", "content": "SECRET-PROMPT [[cached]] [[write5m]]"}],
            }
            post("/v1/messages", body)
        with record.recorded("responses", "responses, cached prompt, reasoning"):
            post("/v1/responses", {"model": "smart", "input": "SECRET-PROMPT [[cached]]"})
        with record.recorded("embeddings", "an embedding"):
            post("/v1/embeddings", {"model": "embed", "input": "SECRET-PROMPT"})
        with record.recorded("retry", "a retry after a 500", plan=["error-500", "cached"]):
            ask()
        with record.recorded("fallback", "a fallback after a retry", plan=FAILING):
            ask()
        with record.recorded("error-400", "a bad request, which nobody repeats"):
            ask("[[error-400]]", model="claude")
        with record.recorded("cache-hit", "the same question again: the proxy's cache answers"):
            ask("[[cached]] again", cache={"use-cache": True})
            time.sleep(1)
            ask("[[cached]] again", cache={"use-cache": True})
        with record.recorded("caller", "a call of an application that traces itself"):
            parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            ask("[[cached]]", model="claude")
            body = {"model": "smart", "messages": [{"role": "user", "content": "SECRET-PROMPT"}]}
            post("/v1/chat/completions", body, traceparent=parent)
    finally:
        proxy.terminate()
        proxy.wait(10)
