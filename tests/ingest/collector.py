"""The collector as processes of its own, as production runs it."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finops.config import ROOT
from tests.ingest.waiting import wait_until

MANAGE = (sys.executable, str(ROOT / "manage.py"))
STOP_S = 120
PREPARE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
from finops.accounts.keys import create_key
from finops.accounts.models import Workspace
print(create_key(Workspace.objects.create(slug="shop", name="Shop"), "test", ["ingest"])[1])
"""


@dataclass(frozen=True)
class Installation:
    """A database with a workspace and a key, to be copied."""

    database: Path
    key: str


def install(folder: Path) -> Installation:
    """Make a database with one key that may send."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARE],
        cwd=ROOT,
        env=environment(folder, {}) | {"DJANGO_SETTINGS_MODULE": "finops.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Installation(folder / "db.sqlite3", done.stdout.strip())


def environment(data_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("FINOPS_")}
    ours.pop("DJANGO_SETTINGS_MODULE", None)
    given = {f"FINOPS_{name.upper()}": value for name, value in settings.items()}
    # Collectors that run at the same time would all want the one port for gRPC.
    return ours | {"FINOPS_DATA_DIR": str(data_dir), "FINOPS_OTLP_GRPC_PORT": "0"} | given


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Collector:
    """`manage.py ingest` in a folder of its own; it may be killed and started again."""

    folder: Path
    key: str
    port: int
    settings: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def log(self) -> str:
        return (self.folder / "ingest.log").read_text(errors="replace")

    def start(self, *arguments: str) -> None:
        with (self.folder / "ingest.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*MANAGE, "ingest", *arguments],
                env=environment(self.folder, {**self.settings, "otlp_port": str(self.port)}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def post(self, body: bytes) -> int:
        """Send a request; the HTTP status, or 0 when the connection broke."""
        headers = {
            "Content-Type": "application/x-protobuf",
            "Authorization": f"Bearer {self.key}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/v1/traces", body, headers)
            response = connection.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def loader(self) -> int | None:
        """The process of the loader, if there is one."""
        assert self.process is not None
        for tasks in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                for child in tasks.read_text().split():
                    return int(child)
        return None

    def kill(self) -> None:
        """kill -9, as the kernel does when memory is short."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


@contextmanager
def collector(folder: Path, installation: Installation, **settings: str) -> Iterator[Collector]:
    """A collector that isn't started yet; whatever runs of it is stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in installation.database.parent.glob(installation.database.name + "*"):
        shutil.copy(file, folder / file.name)
    made = Collector(folder, installation.key, free_port(), settings)
    try:
        yield made
    finally:
        if made.process is not None:
            made.stop()
