"""`make bench`: measure each room beside its peer and print one table.

Each module of this folder offers `measure(workdir) -> list of (name, value, unit, bar)`. Figures
are medians of interleaved repeats; where a peer is named, both ran in the same run, so the ratio
means something although the machine does not. Names of rooms as arguments measure only these.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOMS = (
    "embedded",
    "sdk",
    "receiver",
    "ingest",
    "dialects",
    "freshness",
    "peers",
    "costing",
    "storage",
    "pages",
    "focus",
    "engine",
    "engine_speed",
    "engine_runs",
    "engine_intervals",
    "engine_cluster",
    "engine_selfcheck",
)
# Rooms that run a real model.
NEED_TORCH = ("engine_selfcheck",)

Figure = tuple[str, float, str, str]


def describe_machine() -> str:
    """Say what the figures were measured on, without naming the machine."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    )


def measure_room(room: str, workdir: Path) -> list[Figure]:
    module = importlib.import_module(f"tests.bench.{room}")
    figures: list[Figure] = module.measure(workdir)
    return figures


def as_table(room: str, figures: list[Figure], seconds: float) -> Table:
    table = Table(title=f"{room} ({seconds:.0f} s)", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("bar")
    for name, value, unit, bar in figures:
        table.add_row(name, f"{value:,.4g}" if value < 1000 else f"{value:,.0f}", unit, bar)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("rooms", nargs="*", choices=[*ROOMS, []], default=[], metavar="ROOM")
    wanted = parser.parse_args().rooms or ROOMS
    # Wide enough that a redirected table keeps its words.
    console = Console(width=None if os.isatty(1) else 120)
    console.print(describe_machine())
    for room in wanted:
        if room in NEED_TORCH and find_spec("torch") is None:
            console.print(f"{room}: left out, for PyTorch is missing (make engine)")
            continue
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"bench-{room}-") as folder:
            figures = measure_room(room, Path(folder))
        console.print(as_table(room, figures, time.monotonic() - began_s))


if __name__ == "__main__":
    main()
