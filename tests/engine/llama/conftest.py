"""Without PyTorch only test_installed.py is collected, and says so."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("torch") else ["test_[!i]*.py"]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Products this small are slower on several threads, most of all beside other tests."""
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
