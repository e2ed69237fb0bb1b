"""What the product must have for itself before it starts: the data folder and its ports."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class ClaimError(Exception):
    """A folder or port can't be had; the message is the line to show."""

    code = "claim_refused"
    retryable = True


@contextmanager
def claim_folder(folder: Path) -> Iterator[None]:
    """Hold the data folder; raises ClaimError naming the process that has it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ClaimError(f"The data folder {folder} can't be used: {error.strerror}.") from None
    with os.fdopen(handle, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = file.read().strip() or "unknown"
            raise ClaimError(
                f"Inferledger already runs on {folder} (process {holder}): stop it first, or set "
                "FINOPS_DATA_DIR to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_ports(ports: Mapping[str, tuple[str, int]]) -> None:
    """Raise ClaimError for the first port that is taken; setting name -> (host, port)."""
    for setting, (host, port) in ports.items():
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise ClaimError(
                    f"Port {port} on {host} can't be used ({error.strerror}): stop what has it, "
                    f"or set {setting} to a free one."
                ) from None
