"""What `manage.py up` can't do it says in one line, with a status that a script can trust."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.stack import MANAGE, Stack, free_ports


def refused(stack: Stack, changes: Mapping[str, str]) -> str:
    """Start the product with these settings changed; returns the one line that it says."""
    run = subprocess.run(
        [*MANAGE, "up"],
        env={**stack.environment, **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode not in (0, None), run.stdout
    [line] = run.stderr.splitlines()
    return line


def test_a_data_folder_in_use_names_its_holder(stack: Stack) -> None:
    line = refused(stack, {})
    assert str(stack.data_dir) in line
    assert str(stack.process.pid) in line


def test_a_taken_port_names_the_setting_that_moves_it(stack: Stack, tmp_path: Path) -> None:
    line = refused(stack, {"FINOPS_DATA_DIR": str(tmp_path / "data")})
    assert "FINOPS_WEB_PORT" in line
    assert str(stack.web_port) in line


def test_a_wrong_setting_is_named_with_what_is_allowed(stack: Stack) -> None:
    line = refused(stack, {"FINOPS_WEB_PORT": "eighty"})
    assert "FINOPS_WEB_PORT='eighty'" in line
    assert "a port from 1 to 65535" in line


def test_a_database_that_does_not_answer_names_its_setting(stack: Stack, tmp_path: Path) -> None:
    ports = [f"FINOPS_{name}_PORT" for name in ("WEB", "OTLP", "OTLP_GRPC", "CLICKHOUSE")]
    line = refused(
        stack,
        {
            "FINOPS_DATA_DIR": str(tmp_path / "data"),
            "FINOPS_DATABASE_URL": "postgresql://nobody:hidden@127.0.0.1:1/none",
            **dict(zip(ports, map(str, free_ports(4)), strict=True)),
        },
    )
    assert "FINOPS_DATABASE_URL" in line
    assert "hidden" not in line
