"""The whole product on free ports and in a folder of its own, started as `make run` starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from finops.clickhouse.client import Warehouse, connect
from tests.e2e.processes import left_behind

ROOT = Path(__file__).resolve().parent.parent.parent
MANAGE = (sys.executable, str(ROOT / "manage.py"))
START_S = 120
STOP_S = 60


@dataclass
class Stack:
    """A running product; `log` is what `manage.py up` wrote."""

    data_dir: Path
    web_port: int
    otlp_port: int
    clickhouse_port: int
    process: subprocess.Popen[bytes]
    log: Path
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def otlp(self) -> str:
        return f"http://127.0.0.1:{self.otlp_port}"

    def manage(self, *arguments: str, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Run a management command of this installation."""
        return subprocess.run(
            [*MANAGE, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def key(self, workspace: str, *scopes: str) -> str:
        """Make an API key."""
        options = [part for scope in scopes for part in ("--scope", scope)]
        made = self.manage("create_api_key", "--workspace", workspace, *options)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def workspace(self, slug: str) -> str:
        """Make a workspace and return its slug."""
        made = self.manage("create_workspace", slug)
        assert made.returncode == 0, made.stderr
        return slug

    def get(self, path: str, key: str, **parameters: str) -> Any:
        """Ask the API; returns what the JSON says."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        request = urllib.request.Request(
            f"{self.url}{path}{query}", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, key: str, body: Mapping[str, Any]) -> Any:
        """Send JSON to the API; returns what it answers."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def clickhouse(self) -> Warehouse:
        """A connection to this installation's ClickHouse; close it."""
        password = (self.data_dir / "clickhouse" / "password").read_text().strip()
        return connect(f"clickhouse://finops:{password}@127.0.0.1:{self.clickhouse_port}/finops")

    def said(self) -> str:
        """What `manage.py up` wrote so far."""
        return self.log.read_text(errors="replace")

    def login(self) -> tuple[str, str]:
        """E-mail address and password of the first login, as it was printed."""
        found = re.search(r"First login .*: (\S+)\s+password (\S+)", self.said())
        assert found is not None, self.said()
        return found[1], found[2]

    def logs(self) -> str:
        """The ends of all logs: what to read when a test failed."""
        files = [self.log, *sorted((self.data_dir / "logs").glob("*.log"))]
        return "\n".join(
            f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-15:])
            for file in files
            if file.exists()
        )

    def wait(self, ready: Callable[[], bool], what: str, timeout_s: float = 90) -> None:
        """Wait until something holds; fails with the logs when it never does."""
        limit_s = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > limit_s:
                raise AssertionError(f"{what}: not within {timeout_s:.0f} s\n{self.logs()}")
            time.sleep(0.25)


@contextmanager
def running_stack(folder: Path, **settings: str) -> Iterator[Stack]:
    """Start the product in an empty folder, wait until it is up, stop it at the end.

    Settings are FINOPS_* variables without their prefix, in lower case; the demo is off unless
    they say otherwise.
    """
    stack = start(folder, {"demo": "0", **settings})
    try:
        stack.wait(
            lambda: "Inferledger is up" in stack.said() or stack.process.poll() is not None,
            "the start",
            START_S,
        )
        assert stack.process.poll() is None, stack.logs()
        yield stack
    finally:
        stop(stack)


def start(folder: Path, settings: Mapping[str, str]) -> Stack:
    web, otlp, grpc, clickhouse = free_ports(4)
    data_dir, log = folder / "data", folder / "up.log"
    folder.mkdir(parents=True, exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("FINOPS_")}
    ours.pop("DJANGO_SETTINGS_MODULE", None)
    environment = {
        **ours,
        "FINOPS_DATA_DIR": str(data_dir),
        "FINOPS_WEB_PORT": str(web),
        "FINOPS_OTLP_PORT": str(otlp),
        "FINOPS_OTLP_GRPC_PORT": str(grpc),
        "FINOPS_CLICKHOUSE_PORT": str(clickhouse),
        **{f"FINOPS_{name.upper()}": value for name, value in settings.items()},
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*MANAGE, "up"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Stack(data_dir, web, otlp, clickhouse, process, log, environment)


def stop(stack: Stack) -> None:
    """Ctrl-C; kill it only when that doesn't help."""
    if stack.process.poll() is None:
        stack.process.send_signal(signal.SIGINT)
    try:
        stack.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        stack.process.kill()
        stack.process.wait()
        raise AssertionError(f"Ctrl-C didn't stop the product\n{stack.logs()}") from None
    left = left_behind(stack.data_dir)
    assert not left, f"processes outlived their supervisor: {left}"


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
