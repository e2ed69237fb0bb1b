"""The receivers' process: HTTP on uvicorn and gRPC in one loop, with the spools behind them."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

import uvicorn
from grpc import aio

from finops.config import Config
from ingest.body import Limits
from ingest.entrances import ENTRANCES
from ingest.exposition import Exposition
from ingest.grpc_receiver import make_grpc_server
from ingest.health import Health
from ingest.identity import Identities
from ingest.intake import Intake
from ingest.protocol import PromptProtocol
from ingest.rates import Allowance, Rates
from ingest.receiver import Receiver
from ingest.refusals import Refusals
from ingest.spool import Spool
from ingest.tls import Certificate

BACKLOG = 1024
MAX_CONNECTIONS = 1000
KEEP_ALIVE_S = 75
DRAIN_S = 8
HANDSHAKE_S = 10
# glibc's names. What is larger than the first goes back to the system as soon as it is freed, free
# memory at the end of the heap above the second too, and threads share one heap.
M_MMAP_THRESHOLD, MMAP_FROM_BYTES = -3, 1024**2
M_TRIM_THRESHOLD, TRIM_FROM_BYTES = -1, 16 * 1024**2
M_ARENA_MAX, ARENAS = -8, 1
# Objects made, less those freed, between two looks for garbage; Python's own number is 700.
COLLECT_AFTER = 20_000


class PortTaken(Exception):
    """The port can't be had; the message is the line to show."""

    code = "port_taken"
    retryable = False


def bind(host: str, port: int, setting: str = "FINOPS_OTLP_PORT") -> socket.socket:
    """Take host and port; nobody listens there until the server runs. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"Port {port} on {host} can't be used ({error.strerror}): set {setting} to a free one."
        ) from None
    return listener


class Server(uvicorn.Server):
    """Uvicorn's server with a gRPC server beside it, which starts and drains with it."""

    def __init__(
        self, config: uvicorn.Config, intake: Intake, certificate: Certificate | None = None
    ) -> None:
        super().__init__(config)
        self.intake = intake
        self.certificate = certificate
        self.grpc_address = ""
        self.grpc_max_message_bytes = 4 * 1024**2
        self.grpc_port = 0
        self._grpc: aio.Server | None = None
        self._fresh: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on the sockets, and on the address for gRPC if there is one."""
        loop = asyncio.get_running_loop()
        certificate = self.certificate
        if self.grpc_address:
            self._grpc = make_grpc_server(self.intake, self.grpc_max_message_bytes)
            self.grpc_port = self._add_grpc_port(self._grpc)
            await self._grpc.start()
        self.servers = [
            await loop.create_server(
                self._connect,
                sock=listener,
                ssl=certificate.context if certificate else None,
                ssl_handshake_timeout=HANDSHAKE_S if certificate else None,
                backlog=self.config.backlog,
            )
            for listener in sockets or ()
        ]
        if certificate:
            self._fresh = loop.create_task(certificate.keep_fresh())
        self.started = True

    def _connect(self) -> asyncio.Protocol:
        return PromptProtocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _add_grpc_port(self, server: aio.Server) -> int:
        try:
            if self.certificate:
                credentials = self.certificate.grpc_credentials()
                return server.add_secure_port(self.grpc_address, credentials)
            return server.add_insecure_port(self.grpc_address)
        except RuntimeError as error:
            raise PortTaken(
                f"{self.grpc_address} can't be used for gRPC ({error}): set FINOPS_OTLP_GRPC_PORT "
                "to a free one."
            ) from None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, and give those that run time to end."""
        if self._fresh:
            self._fresh.cancel()
        drains = [super().shutdown(sockets)]
        if self._grpc:
            drains.append(self._grpc.stop(DRAIN_S))
        await asyncio.gather(*drains)


def make_server(receiver: Receiver, certificate: Certificate | None = None) -> Server:
    """Make the server around a receiver; nothing listens yet."""
    config = uvicorn.Config(
        receiver,
        loop="uvloop",
        http=PromptProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    return Server(config, receiver.intake, certificate)


@contextmanager
def open_spools(config: Config) -> Iterator[Mapping[str, Spool]]:
    """Write to a spool for each signal that is stored; what is queued is written at the end."""
    with ExitStack() as stack:
        spools = {}
        for entrance in ENTRANCES:
            if entrance.folder is not None:
                spool = Spool(config.spool / entrance.folder, config.spool_max_bytes)
                spool.start()
                stack.callback(spool.close)
                spools[entrance.name] = spool
        yield spools


def serve(config: Config, listener: socket.socket, certificate: Certificate | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is being received and seal the spool."""
    give_back_large_blocks()
    allow_many_connections()
    collect_rarely()
    with open_spools(config) as spools:
        limits = Limits(config.ingest_max_body_bytes, config.ingest_max_decoded_bytes)
        allowance = Allowance(
            config.ingest_spans_per_second,
            config.ingest_bytes_per_second,
            config.ingest_spans_per_request,
        )
        refusals = Refusals()
        intake = Intake(spools, Identities(), limits, Rates(allowance), refusals)
        health = Health(config.spool, config.spool_max_bytes)
        token = config.metrics_token.get_secret_value() if config.metrics_token else ""
        exposition = Exposition(intake.counts, config.spool, token)
        server = make_server(Receiver(intake, health, exposition), certificate)
        if config.otlp_grpc_port:
            server.grpc_address = address_of(config.otlp_host, config.otlp_grpc_port)
            server.grpc_max_message_bytes = config.otlp_grpc_max_message_bytes
        # Uvicorn repeats the signal to whoever had it before; that must not end us too soon.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
        refusals.start()
        try:
            server.run(sockets=[listener])
        finally:
            refusals.close()


def address_of(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def collect_rarely() -> None:
    """Leave what was imported to itself: looking through it for garbage takes long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 50, 100)


def allow_many_connections() -> None:
    """Use as many open files as the system allows: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def give_back_large_blocks() -> None:
    """Keep glibc from learning that large blocks are common, after which it would keep them."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MMAP_FROM_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_FROM_BYTES)
        mallopt(M_ARENA_MAX, ARENAS)
