"""`manage.py engine serve` as a person meets it."""

from __future__ import annotations

import builtins
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from django.core.management import CommandError, call_command

from finops.config import ROOT
from tests.engine.serve.running import WAIT_S, ask
from tests.ingest.serving import KEY, serving

MANAGE = (sys.executable, str(ROOT / "manage.py"), "engine", "serve")
LLAMA = ("--model", "llama-3.1-8b", "--gpu", "h100")
WRONG: list[tuple[tuple[str, ...], str]] = [
    (("--model", "llama-9", "--gpu", "h100"), "No model llama-9 in the catalogue"),
    (("--model", "llama-3.1-8b", "--gpu", "abacus"), "No GPU abacus in the catalogue"),
    (("--model", "mixtral-8x7b", "--gpu", "h100", "--tp", "2"), "mixture of experts: measure"),
    (("--model", "llama-3.1-8b"), "Say what to simulate: --model and --gpu, or --profile."),
    (("--model", "llama-3.1-405b", "--gpu", "l4"), "doesn't fit on 1 × l4"),
    ((*LLAMA, "--profile", "no-such.json"), "no-such.json can't be read"),
    ((*LLAMA, "--weights", "folder"), "--weights goes with --executor torch."),
    (("--executor", "torch"), "--executor torch needs --weights FOLDER"),
    ((*LLAMA, "--speed-up", "0"), "The speed-up must be above 0"),
    ((*LLAMA, "--max-seqs", "9000", "--max-tokens", "8"), "max_tokens (8) must be at least"),
    ((*LLAMA, "--max-seqs", "0"), "--max-seqs must be at least 1, not 0."),
    ((*LLAMA, "--max-tokens", "0"), "--max-tokens must be at least 1, not 0."),
    ((*LLAMA, "--max-model-len", "-1"), "--max-model-len must be at least 1, not -1."),
    ((*LLAMA, "--blocks", "0"), "--blocks must be at least 1, not 0."),
    ((*LLAMA, "--blocks", "100000000000"), "--blocks can be 16777216 at most"),
    ((*LLAMA, "--max-waiting", "-1"), "--max-waiting must be at least 1, not -1."),
    ((*LLAMA, "--max-wait-ms", "nan"), "--max-wait-ms must be from 0 to an hour, not nan."),
    ((*LLAMA, "--tp", "0"), "--tp must be at least 1, not 0."),
    ((*LLAMA, "--max-body-mb", "nan"), "--max-body-mb must be above 0"),
    ((*LLAMA, "--timeout-s", "-1"), "--timeout-s must be above 0, not -1.0."),
    ((*LLAMA, "--drain-s", "-1"), "--drain-s must be from 0 to 3600, not -1.0."),
    ((*LLAMA, "--port", "99999"), "--port must be from 0 to 65535, not 99999."),
    ((*LLAMA, "--api-key-env", "NO_SUCH_KEY"), "names NO_SUCH_KEY, which is not set"),
    ((*LLAMA, "--ledger", "http://127.0.0.1:4318"), "--ledger needs a key"),
]


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_a_wrong_setting_is_one_clear_line(
    options: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INFERLEDGER_API_KEY", raising=False)
    with pytest.raises(CommandError) as refused:
        call_command("engine", "serve", *options)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 can't be used"):
            call_command("engine", "serve", *LLAMA, "--port", str(port))


def test_without_torch_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_torch(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("torch", "finops.engine.torch_executor")):
            raise ImportError(name)
        return real_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(CommandError, match="needs PyTorch: `make engine` installs it"):
        call_command("engine", "serve", "--executor", "torch", "--weights", "folder")


@contextmanager
def started(
    folder: Path, *options: str, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """The server as a process of its own; no ledger is named but by `variables`."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("FINOPS_", "INFERLEDGER_"))}
    ours.pop("DJANGO_SETTINGS_MODULE", None)
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*MANAGE, *LLAMA, "--port", "0", *options],
            env=ours | {"FINOPS_DATA_DIR": str(folder / "data")} | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + WAIT_S
        while not (told := re.search(r" on http://[\d.]+:(\d+)/v1 ", log.read_text())):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        port = int(told[1])
        while not listening(port):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield process, port, log
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(WAIT_S)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_sigterm_lets_an_answer_be_finished_and_takes_nothing_new(tmp_path: Path) -> None:
    with started(tmp_path, "--answer-tokens", "400") as (process, port, log):
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="k", max_retries=0, timeout=WAIT_S
        )
        stream = client.chat.completions.create(
            model="llama-3.1-8b", messages=ask(), max_tokens=150, stream=True
        )
        chunks = iter(stream)
        next(chunks)
        process.send_signal(signal.SIGTERM)
        rest = list(chunks)
        assert rest[-1].choices[0].finish_reason == "length"
        assert process.wait(WAIT_S) == 0
        assert not listening(port)
        said = log.read_text()
    assert "llama-3.1-8b on http://127.0.0.1:" in said
    assert "Nothing is recorded: give --ledger and --key-env" in said
    assert said.rstrip().endswith("stopped")
    assert "Traceback" not in said
    assert not list((tmp_path / "data").glob("*.sqlite3"))  # no database is needed


def send_one(port: int) -> None:
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k", timeout=WAIT_S)
    client.completions.create(model="llama-3.1-8b", prompt="why", max_tokens=2)


def test_calls_go_to_the_collector_that_is_named_and_none_is_left_behind(tmp_path: Path) -> None:
    with serving(tmp_path / "spool") as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        by_option = ("--ledger", url, "--key-env", "LEDGER_KEY")
        with started(tmp_path, *by_option, LEDGER_KEY=KEY) as (process, port, log):
            send_one(port)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            assert receiver.intake.counts["spans"] == 1
            assert KEY not in log.read_text()
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "INFERLEDGER_API_KEY": KEY}
        with started(tmp_path, **named) as (process, port, _):
            send_one(port)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            assert receiver.intake.counts["spans"] == 2
