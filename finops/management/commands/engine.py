"""`manage.py engine serve`: the batching engine as a server that speaks OpenAI's API."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import inferledger
from finops.config import read_variable
from finops.engine.errors import EngineError
from finops.engine.serve.app import App
from finops.engine.serve.errors import ServeError
from finops.engine.serve.server import bind, make_server, run
from finops.engine.serve.service import Limits, Service
from finops.engine.serve.set_up import set_up
from finops.engine.serve.settings import POLICIES, Batching, Real, Settings, Simulated

LEDGER = ("INFERLEDGER_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
LEDGER_KEY = "INFERLEDGER_API_KEY"
MOST_BODY_MB = 1024
MOST_DRAIN_S = 3600


class Command(BaseCommand):
    help = "Serve a model behind OpenAI's API: simulated in real time, or run by PyTorch."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="serve")
        serve = commands.add_parser(
            "serve", help="offer /v1/chat/completions, /v1/completions, /v1/models and /metrics"
        )
        add_model(serve)
        add_batching(serve)
        add_door(serve)

    def handle(self, **options: Any) -> None:
        try:
            api_key = secret(options["api_key_env"], "--api-key-env")
            ledger = start_ledger(options)
            service = set_up(settings_of(options, api_key, ledger))
            listener = bind(options["host"], options["port"])
        except EngineError as error:
            raise CommandError(str(error)) from None
        self.tell(service, {**options, "port": listener.getsockname()[1]}, ledger)
        server = make_server(App(service, options["drain_s"]))
        try:
            run(server, listener)
        finally:
            inferledger.shutdown()
        self.stdout.write("stopped")

    def tell(self, service: Service, options: Mapping[str, Any], ledger: bool) -> None:
        """Say what is served, and where."""
        offer, pool = service.offer, service.live.scheduler.pool
        self.stdout.write(
            f"{offer.model} on http://{options['host']}:{options['port']}/v1 "
            f"({options['executor']}, {options['policy']} batching, {pool.total} blocks of "
            f"{pool.block_size} tokens)"
        )
        self.stdout.write(
            "Each attempt is recorded in the ledger."
            if ledger
            else "Nothing is recorded: give --ledger and --key-env, or INFERLEDGER_API_KEY."
        )
        self.stdout.write("Ctrl-C stops.")
        self.stdout.flush()


def add_model(serve: ArgumentParser) -> None:
    """What is served."""
    serve.add_argument("--executor", choices=("simulated", "torch"), default="simulated")
    serve.add_argument("--model", help="simulated: by its name in the catalogue, as llama-3.1-8b")
    serve.add_argument("--gpu", help="simulated: by its name in the catalogue, as h100")
    serve.add_argument("--precision", help="simulated: of the weights (bf16)")
    serve.add_argument("--kv", help="simulated: of the KV cache (bf16)")
    serve.add_argument("--tp", type=int, help="simulated: GPUs that share a layer (1)")
    serve.add_argument("--pp", type=int, help="simulated: stages of a pipeline (1)")
    serve.add_argument("--ep", type=int, help="simulated: groups that share out the experts (1)")
    serve.add_argument("--backend", help="simulated: whose kernels, as vllm or trtllm")
    serve.add_argument("--profile", type=Path, help="simulated: what `calibrate` wrote")
    serve.add_argument(
        "--catalogue", type=Path, action="append", default=[], help="YAML with entries of your own"
    )
    serve.add_argument("--tokenizer", type=Path, help="simulated: a tokenizer.json")
    serve.add_argument(
        "--answer-tokens", type=int, default=200, help="simulated: of a mean answer (200)"
    )
    serve.add_argument(
        "--speed-up", type=float, default=1.0, help="simulated: so many times as fast (1)"
    )
    serve.add_argument("--weights", type=Path, metavar="FOLDER", help="torch: the model's folder")
    serve.add_argument("--device", default="cpu", help="torch: cpu, cuda … (cpu)")
    serve.add_argument("--dtype", default="fp32", help="torch: fp32 or bf16 (fp32)")
    serve.add_argument("--quantize", help="torch: int8 or int4 weights")
    serve.add_argument("--name", help="the model's name for clients")


def add_batching(serve: ArgumentParser) -> None:
    """How requests share steps."""
    serve.add_argument("--policy", choices=POLICIES, default="continuous")
    serve.add_argument("--blocks", type=int, help="blocks of 16 tokens in the KV cache")
    serve.add_argument("--max-seqs", type=int, help="sequences in a batch (256; whole batches 32)")
    serve.add_argument("--max-tokens", type=int, help="tokens in a step (8192)")
    serve.add_argument("--max-model-len", type=int, help="tokens of prompt and answer together")
    serve.add_argument(
        "--max-wait-ms", type=float, default=50.0, help="dynamic batching: of the oldest (50)"
    )
    serve.add_argument(
        "--max-waiting", type=int, default=1000, help="requests that wait; more get 429 (1000)"
    )


def add_door(serve: ArgumentParser) -> None:
    """Where it listens, who may ask, and where it is recorded."""
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8100, help="0: any that is free (8100)")
    serve.add_argument("--api-key-env", metavar="NAME", help="variable with the key to ask for")
    serve.add_argument("--max-body-mb", type=float, default=4.0, help="of a request (4)")
    serve.add_argument("--timeout-s", type=float, help="of a whole answer; then 504 (none)")
    serve.add_argument(
        "--drain-s", type=float, default=30.0, help="to finish answers at the end (30)"
    )
    serve.add_argument("--ledger", metavar="URL", help="an Inferledger collector, to record calls")
    serve.add_argument("--key-env", metavar="NAME", help="variable with the collector's API key")
    serve.add_argument(
        "--provider", default="inferledger", help="the provider's name in the ledger (inferledger)"
    )


def settings_of(options: Mapping[str, Any], api_key: str, ledger: bool) -> Settings:
    """The options as settings; raises ServeError for those that don't go together."""
    batching = Batching(
        options["policy"],
        options["blocks"],
        options["max_seqs"],
        options["max_tokens"],
        options["max_model_len"],
        options["max_wait_ms"],
        options["max_waiting"],
    )
    return Settings(
        runs_of(options),
        batching,
        options["name"],
        limits_of(options),
        api_key,
        options["provider"] if ledger else None,
    )


def limits_of(options: Mapping[str, Any]) -> Limits:
    """What a client may do to us; raises ServeError."""
    body_mb, timeout_s = options["max_body_mb"], options["timeout_s"]
    if not 0 < body_mb <= MOST_BODY_MB:
        raise ServeError(f"--max-body-mb must be above 0 and at most {MOST_BODY_MB}.")
    if timeout_s is not None and not timeout_s > 0:
        raise ServeError(f"--timeout-s must be above 0, not {timeout_s}.")
    if not 0 <= options["drain_s"] <= MOST_DRAIN_S:
        raise ServeError(f"--drain-s must be from 0 to {MOST_DRAIN_S}, not {options['drain_s']}.")
    return Limits(round(body_mb * 1024**2), request_s=timeout_s)


def runs_of(options: Mapping[str, Any]) -> Simulated | Real:
    """What computes the steps."""
    if options["executor"] == "torch":
        if options["weights"] is None:
            raise ServeError("--executor torch needs --weights FOLDER, with the model's files.")
        return Real(options["weights"], options["device"], options["dtype"], options["quantize"])
    if options["weights"] is not None:
        raise ServeError("--weights goes with --executor torch.")
    return Simulated(
        model=options["model"],
        gpu=options["gpu"],
        precision=options["precision"],
        kv=options["kv"],
        tp=options["tp"],
        pp=options["pp"],
        ep=options["ep"],
        backend=options["backend"],
        profile=options["profile"],
        catalogue=tuple(options["catalogue"]),
        tokenizer=options["tokenizer"],
        answer_tokens=options["answer_tokens"],
        speed_up=options["speed_up"],
    )


def start_ledger(options: Mapping[str, Any]) -> bool:
    """Set the SDK up where a collector and a key are told; whether calls are recorded.

    `--ledger` and `--key-env` come first, then INFERLEDGER_* and OpenTelemetry's endpoint.
    """
    key = secret(options["key_env"], "--key-env") or read_variable(LEDGER_KEY)
    if not key:
        if options["ledger"]:
            raise ServeError("--ledger needs a key: name its variable with --key-env.")
        return False
    endpoint = options["ledger"] or next(filter(None, map(read_variable, LEDGER)), None)
    inferledger.init(endpoint, key, service=read_variable("INFERLEDGER_SERVICE") or "engine")
    return True


def secret(variable: str | None, option: str) -> str:
    """What the variable holds; raises ServeError if it is named and empty."""
    if variable is None:
        return ""
    value = read_variable(variable)
    if not value:
        raise ServeError(f"{option} names {variable}, which is not set.")
    return value
