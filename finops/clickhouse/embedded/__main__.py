"""`python -m finops.clickhouse.embedded`: start, serve until a signal, stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import structlog

from finops.clickhouse.embedded.connection import House, Limits
from finops.clickhouse.embedded.engine_config import write_config
from finops.clickhouse.embedded.errors import StartupRefused
from finops.clickhouse.embedded.lock import hold
from finops.clickhouse.embedded.password import read_password
from finops.clickhouse.embedded.server import Server, listen
from finops.clickhouse.embedded.session import Engine
from finops.clickhouse.embedded.staging import open_staging
from finops.clickhouse.embedded.watcher import Watcher

DEFAULT_PORT = 19000
SWITCH_INTERVAL_S = 0.001
"""A query that returns from the engine waits this long for the interpreter at most, not 5 ms."""

log = structlog.get_logger("clickhouse.embedded")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server; the result is the exit status."""
    options = read_arguments(arguments)
    configure_logs()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with ExitStack() as stack:
            serve(options, stack, stopped)
    except StartupRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The data folder {options.data_dir} can't be used: {error}.\n")
        return 1
    log.info("stopped")
    return 0


def serve(options: argparse.Namespace, stack: ExitStack, stopped: threading.Event) -> None:
    """Open everything in order, wait, and let the stack close it in reverse."""
    data_dir = make_folder(options.data_dir)
    write_port = stack.enter_context(hold(data_dir, datetime.now(UTC)))
    listener = stack.enter_context(listen(options.host, options.port))
    host, port = listener.getsockname()[:2]
    write_port(port)
    password = read_password(data_dir)
    staging = open_staging(data_dir)
    stack.callback(staging.close)
    config, backups = data_dir / "config.xml", data_dir / "backups"
    backups.mkdir(exist_ok=True)
    write_config(config, backups, fsync=not options.no_fsync, query_log=options.query_log)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # The engine keeps the format schemas that it is sent in its working directory.
    os.chdir(data_dir)
    engine = Engine(data_dir / "store", config)
    stack.callback(engine.close)
    watcher = Watcher()
    stack.callback(watcher.stop)
    limits = Limits(connections=options.max_connections, idle_s=options.idle_timeout_s)
    server = Server(House(engine, staging, watcher, password, limits), listener)
    stack.callback(server.stop)
    server.start()
    log.info("ready", host=host, port=port, data_dir=str(data_dir), engine=engine.version)
    stopped.wait()
    log.info("stopping")


def make_folder(path: Path) -> Path:
    """Make the data folder, for this user alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartupRefused(f"The data folder {path} can't be made: {error.strerror}.") from None
    return path.resolve()


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m finops.clickhouse.embedded",
        description="Serve a chDB data folder as ClickHouse, on loopback, to user 'finops' with "
        "the password in DATA_DIR/password.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="made when it isn't there")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (127.0.0.1)")
    parser.add_argument(
        "--port",
        type=port_number,
        default=DEFAULT_PORT,
        help=f"0 takes a free one ({DEFAULT_PORT})",
    )
    parser.add_argument("--max-connections", type=int, default=100, metavar="N")
    parser.add_argument(
        "--idle-timeout-s",
        type=float,
        default=3600.0,
        metavar="S",
        help="close a connection that says nothing for so long (3600)",
    )
    parser.add_argument(
        "--no-fsync", action="store_true", help="faster; losing power may lose the last INSERTs"
    )
    parser.add_argument(
        "--query-log", action="store_true", help="keep system.query_log for three days"
    )
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 0 to 65535")
    return int(text)


def configure_logs() -> None:
    """One line an event, to stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
