"""Which processes a running product consists of, by what they do."""

from __future__ import annotations

import contextlib
from pathlib import Path

# what a part's command line holds
SIGNS = {
    "clickhouse": ("finops.clickhouse.embedded",),
    "receiver": ("manage.py", "ingest"),
    "worker": ("celery", "worker"),
    "beat": ("celery", "beat"),
    "web": ("manage.py", "web"),
}


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it ended while we looked
            found += [int(child) for child in task.read_text().split()]
    return found


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def parts(supervisor: int) -> dict[str, int]:
    """Name -> process of each part that runs; the loader is the receiver's child."""
    found: dict[str, int] = {}
    for pid in children(supervisor):
        command = command_of(pid)
        for name, signs in SIGNS.items():
            if all(any(part.endswith(sign) for part in command) for sign in signs):
                found[name] = pid
    if "receiver" in found:
        for pid in children(found["receiver"]):
            found["loader"] = pid
    return found


def left_behind(data_dir: Path) -> dict[int, str]:
    """Processes, whoever's children, that still work in a data folder: pid -> command line."""
    mark = f"FINOPS_DATA_DIR={data_dir}\0".encode()
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended, or another user's
            if mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = " ".join(command_of(int(folder.name)))
    return found
