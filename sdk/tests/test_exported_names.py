from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import inferledger

HEAVY = (
    "google.protobuf",
    "opentelemetry.trace",
    "opentelemetry.sdk.trace",
    "opentelemetry.exporter.otlp.proto.common",
    "requests",
    "urllib.request",
    "http.client",
    "ssl",
    "asyncio",
    "pytest",
)


def test_the_public_names_are_these() -> None:
    assert inferledger.__all__ == [
        "Call",
        "Facts",
        "Usage",
        "__version__",
        "action",
        "attributes",
        "call",
        "current_call",
        "flush",
        "init",
        "record",
        "request",
        "score",
        "shutdown",
        "track",
    ]
    assert all(hasattr(inferledger, name) for name in inferledger.__all__)


def test_every_other_module_is_private_except_attributes_gpu_and_testing() -> None:
    folder = Path(inferledger.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")}

    assert {name for name in modules if not name.startswith("_")} == {
        "attributes",
        "gpu",
        "testing",
    }


def test_the_version_is_that_of_the_distribution() -> None:
    assert inferledger.__version__ == version("inferledger")


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = f"import sys, inferledger; print([m for m in {HEAVY!r} if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_attribute_names_are_unique_and_ours_have_our_prefix() -> None:
    names = {
        constant: value
        for constant, value in vars(inferledger.attributes).items()
        if constant.isupper() and constant != "SCOPE_NAME"
    }
    standard = ("gen_ai.", "openai.", "user.", "error.", "service.", "deployment.")

    assert len(set(names.values())) == len(names)
    assert all(value.startswith(("finops.", *standard)) for value in names.values())
