"""The secret key: made once, private, the same for every process."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from finops.config import Config, ConfigError
from finops.secret import load_secret_key, write_once


def config(folder: Path, key: str | None = None) -> Config:
    secret = SecretStr(key) if key else None
    return Config.model_construct(data_dir=folder, secret_key=secret)


def test_a_key_that_is_set_is_used_and_no_file_made(tmp_path: Path) -> None:
    assert load_secret_key(config(tmp_path, "k" * 40)) == "k" * 40
    assert list(tmp_path.iterdir()) == []


def test_the_first_start_makes_a_key_and_the_next_reads_it(tmp_path: Path) -> None:
    first = load_secret_key(config(tmp_path))
    assert len(first) >= 50
    assert load_secret_key(config(tmp_path)) == first


def test_only_the_owner_can_read_key_and_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    load_secret_key(config(folder))
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_was_written_first_stays_and_no_draft_is_left(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    write_once(path, "first")
    write_once(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_many_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_secret_key(config(tmp_path)), range(32)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_folder_that_is_a_file_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="FINOPS_DATA_DIR="):
        load_secret_key(config(tmp_path / "file"))
