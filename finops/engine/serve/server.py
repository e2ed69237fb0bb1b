"""The process: a socket, uvicorn, and a drain at SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
import socket

import uvicorn

from finops.engine.serve.app import App
from finops.engine.serve.errors import PortTaken, ServeError
from finops.engine.serve.protocol import BoundedProtocol

BACKLOG = 1024
KEEP_ALIVE_S = 75
# Connections beside those of requests that run or wait: scrapes, health checks, idle clients.
SPARE_CONNECTIONS = 512


def bind(host: str, port: int) -> socket.socket:
    """Take host and port; nobody listens there until the server runs.

    Raises PortTaken, and ServeError for a number that is no port.
    """
    if not 0 <= port <= 65_535:
        raise ServeError(f"--port must be from 0 to 65535, not {port}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"Port {port} on {host} can't be used ({error.strerror}): choose another with --port."
        ) from None
    return listener


def make_server(app: App) -> uvicorn.Server:
    """Make the server; it drains for `app.drain_s` at its end. Nothing listens yet."""
    live = app.service.live
    connections = live.max_waiting + live.scheduler.policy.max_seqs + SPARE_CONNECTIONS
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=connections,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(app.drain_s)),
    )
    return uvicorn.Server(config)


def run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; then take nothing new and finish what is being answered."""
    # Uvicorn repeats the signal to whoever had it before; that must not end us too soon.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
