"""numba, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Protocol, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])
# Nothing is allocated in compiled code, so it needn't count who refers to an array: a third of the
# time.
translate: Callable[..., object] = njit
PLAIN = {"error_model": "numpy", "_nrt": False}


class Stats(Protocol):
    """What numba counts of a function."""

    cache_path: str | None


class Dispatcher(Protocol):
    """What numba makes of a function."""

    stats: Stats
    py_func: FunctionType


def compiled(function: Function) -> Function:
    """`function` in machine code, as a part of what calls it."""
    return cast(Function, translate(function, **PLAIN))


def kept(function: Function, version: str) -> Function:
    """`function` in machine code with all that it calls, kept on disk for the next process.

    numba looks for changes in the function's own file alone; so its name on disk has a version.
    Where neither the package's folder nor the user's can be written, it is compiled each time.
    """
    function.__qualname__ = f"{function.__name__}_{version}"
    try:
        return cast(Function, translate(function, cache=True, **PLAIN))
    except RuntimeError:
        return compiled(function)


def is_on_disk(function: Callable[..., object]) -> bool:
    """Whether a kept function needn't be compiled any more."""
    dispatcher = cast(Dispatcher, function)
    folder, name = dispatcher.stats.cache_path, dispatcher.py_func.__qualname__
    return folder is not None and any(Path(folder).glob(f"*{name}*.nbi"))


def digest(*files: str) -> str:
    """A digest of these files beside this one."""
    folder = Path(__file__).parent
    found = sha256(b"".join((folder / name).read_bytes() for name in files))
    return found.hexdigest()[:16]
