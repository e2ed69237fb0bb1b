"""Readers of recorded traffic: one file for each public format, one record for all of them.

A reader is a function from a path to a stream of `TraceRequest`, in the file's order. It keeps no
more than a line in memory, and its errors name the file, the line and what is allowed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from finops.replay.readers.azure import read_azure
from finops.replay.readers.servegen import read_servegen
from finops.replay.readers.trace import TraceRequest

READERS: Mapping[str, Callable[[Path], Iterator[TraceRequest]]] = {
    "azure": read_azure,
    "servegen": read_servegen,
}
