"""Stands for this folder where PyTorch is missing."""

from __future__ import annotations

from importlib.util import find_spec

from tests.services import missing


def test_what_runs_real_models_is_there() -> None:
    for package in ("torch", "safetensors", "tokenizers"):
        if find_spec(package) is None:
            missing("PyTorch (make engine)")
