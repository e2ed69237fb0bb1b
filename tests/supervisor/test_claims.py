"""What the product claims before it starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from finops.supervisor.claims import ClaimError, check_ports, claim_folder


def test_a_data_folder_in_use_is_refused_with_the_name_of_its_holder(tmp_path: Path) -> None:
    with (
        claim_folder(tmp_path),
        pytest.raises(ClaimError, match=rf"already runs on .* \(process {os.getpid()}\)"),
        claim_folder(tmp_path),
    ):
        pass


def test_a_data_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with claim_folder(tmp_path):
            assert (tmp_path / "up.lock").read_text() == str(os.getpid())


def test_a_data_folder_that_is_made_is_closed_to_other_users(tmp_path: Path) -> None:
    with claim_folder(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_data_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClaimError, match="can't be used"), claim_folder(tmp_path / "file"):
        pass


def test_a_taken_port_names_the_setting_that_moves_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClaimError, match=f"Port {port} .* set FINOPS_WEB_PORT"):
            check_ports({"FINOPS_WEB_PORT": ("127.0.0.1", port)})


def test_a_free_port_is_not_held_by_the_check() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    check_ports({"FINOPS_WEB_PORT": ("127.0.0.1", port)})
    check_ports({"FINOPS_WEB_PORT": ("127.0.0.1", port)})
