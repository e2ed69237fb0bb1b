"""The receiver's process: the ASGI application on uvicorn, with the spool behind it."""

from __future__ import annotations

import signal
import socket

import uvicorn

from finops.config import Config
from ingest.body import Limits
from ingest.health import Health
from ingest.identity import Identities
from ingest.protocol import PromptProtocol
from ingest.receiver import Receiver
from ingest.spool import Spool

BACKLOG = 1024
MAX_CONNECTIONS = 1000
KEEP_ALIVE_S = 75
DRAIN_S = 8


class PortTaken(Exception):
    """The port can't be had; the message is the line to show."""

    code = "port_taken"
    retryable = False


def bind(host: str, port: int) -> socket.socket:
    """Take host and port; nobody listens there until the server runs. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"Port {port} on {host} can't be used ({error.strerror}): set FINOPS_OTLP_PORT to a "
            "free one."
        ) from None
    return listener


def make_server(receiver: Receiver) -> uvicorn.Server:
    """Make the HTTP server around a receiver; nothing listens yet."""
    return uvicorn.Server(
        uvicorn.Config(
            receiver,
            loop="uvloop",
            http=PromptProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )


def serve(config: Config, listener: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is being received and seal the spool."""
    spool = Spool(config.spool, config.spool_max_bytes)
    spool.start()
    limits = Limits(config.ingest_max_body_bytes, config.ingest_max_decoded_bytes)
    health = Health(config.spool, config.spool_max_bytes)
    server = make_server(Receiver(spool, Identities(), limits, health))
    # Uvicorn repeats the signal to whoever had it before; that must not end us before the spool.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=[listener])
    finally:
        spool.close()
