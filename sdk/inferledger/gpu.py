"""Sample the GPUs of this machine: `python -m inferledger.gpu`.

Reads INFERLEDGER_ENDPOINT, INFERLEDGER_API_KEY, INFERLEDGER_ENVIRONMENT and INFERLEDGER_POOL as
`inferledger.init` does. Exit status: 0 when it was told to stop, and when this machine has no GPU
or no driver, so that it may run on every machine of a cluster; 1 when a person has to act: a
setting or a package is missing, or, with --once, the sample was not delivered; 2 for wrong
arguments.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from inferledger import _init
from inferledger._gpu_read import NoGpu, open_gpus
from inferledger._gpu_sampler import DEFAULT_INTERVAL_S

_ONCE_TIMEOUT_S = 15.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        gpus = open_gpus()
    except NoGpu as error:
        print(f"inferledger: {error}", file=sys.stderr)  # noqa: T201
        return error.status
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sampler = _init.gpu_sampler(gpus, pool=chosen.pool, interval_s=chosen.interval)
    if sampler is None:
        return 1  # Why was said in a line.
    if chosen.once:
        count = sampler.sample()
        delivered = sampler.close(_ONCE_TIMEOUT_S)
        print(f"{count} GPUs and instances sampled")  # noqa: T201
        return 0 if delivered and count else 1
    sampler.start()
    stop.wait()
    sampler.close(_init.EXIT_TIMEOUT_S)
    return 0


def _interval(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be 0.1 to 3600 seconds")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inferledger.gpu",
        description="Sample the GPUs of this machine and send utilisation, memory, power, energy "
        "and temperature to Inferledger.",
    )
    parser.add_argument(
        "--interval",
        type=_interval,
        default=DEFAULT_INTERVAL_S,
        metavar="SECONDS",
        help="how often to read (default: %(default)g)",
    )
    parser.add_argument("--pool", help="the GPU pool that this machine belongs to")
    parser.add_argument("--once", action="store_true", help="read and send once, then end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
