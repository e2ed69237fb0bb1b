"""Run a script against the fake providers and the sink, and write what it sent as recordings.

    python -m tests.recordings.write -- PYTHON tests/recordings/make/NAME.py

The script gets the addresses in its environment, runs one scenario after another, and after each,
its exporter flushed, posts a JSON object with the members `dialect`, `name`, `scenario`, `packages`
to RECORDING_URL: all that came since the last one becomes tests/recordings/DIALECT/NAME.json. With
`"keep": false` it is thrown away. Before a scenario it may post {"plan": ["error-500", ""]} or
{"answer": "SECRET-ANSWER …"}, the text of the following answers, to RECORDING_URL too.

`calls` and `counted` begin as a draft that is made from the bill and nothing else; see check.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.recordings.draft import draft
from tests.recordings.otlp_json import Json, change_ids, from_protobuf, shorten
from tests.recordings.provider import ANSWER, Provider
from tests.recordings.sink import Received, Sink

HERE = Path(__file__).parent
MEMBERS = (
    "packages",
    "made_by",
    "built_from_source",
    "scenario",
    "bill",
    "requests",
    "calls",
    "counted",
    "unknowable",
)


class Writer:
    """The fakes, and an address where the script says which recording just ended."""

    def __init__(self, made_by: str) -> None:
        self.made_by = made_by
        self.provider, self.sink = Provider(), Sink()
        writer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                said = writer.take(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, told: Json) -> bytes:
        """Follow what the script says; the answer says what was done."""
        if "name" not in told:
            self.provider.plan[:] = told.get("plan", [])
            if "answer" in told:
                text = str(told["answer"] or ANSWER)
                self.provider.answer = lambda exchange: text
            return b"planned"
        bill, received = self.provider.take_bill(), self.sink.take()
        if not told.get("keep", True):
            return b"thrown away"
        path = HERE / told["dialect"] / f"{told['name']}.json"
        recording = self.compose(told, bill, received)
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(recording, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text)
        spans = len(recording["calls"])
        print(f"{path.relative_to(HERE)}: {len(text)} bytes, {len(bill)} billed, {spans} drafted")
        return b"written"

    def compose(self, told: Json, bill: list[Json], received: list[Received]) -> Json:
        requests = [
            shorten(read_body(request))
            for request in received
            if request.path.endswith(("/traces", "/otel"))
        ]
        made = (
            {"built_from_source": told["built_from_source"]} if "built_from_source" in told else {}
        )
        calls = draft(bill, requests)
        return {
            "packages": told["packages"],
            "made_by": self.made_by,
            **made,
            "scenario": told["scenario"],
            "bill": bill,
            "requests": requests,
            "calls": calls,
            "counted": [call["span_id"] for call in calls],
            "unknowable": "",
        }

    def environment(self) -> dict[str, str]:
        url = self.provider.url
        port = self.server.server_address[1]
        return {
            **os.environ,
            "RECORDING_URL": f"http://127.0.0.1:{port}",
            "PROVIDER_URL": url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.sink.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": "shop",
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "sk-test",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sk-test",
            "GOOGLE_GEMINI_BASE_URL": url,
            "GEMINI_API_KEY": "test",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def read_body(received: Received) -> Json:
    if received.content_type == "application/json":
        found: Json = json.loads(received.body)
        change_ids(found, str.lower)
        return found
    return from_protobuf(received.body)


def main(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    script = next((word for word in command if word.endswith((".py", ".mjs", ".js"))), command[0])
    made_by = f"tests/recordings/make/{Path(script).name}"
    writer = Writer(made_by)
    return subprocess.run(command, env=writer.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
