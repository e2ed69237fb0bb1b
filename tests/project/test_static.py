"""Static files are collected once, hashed and compressed, and nothing more than is used."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import finops.settings
from finops.static import STAMP, collect_static


@pytest.fixture
def root(tmp_path: Path, settings: object) -> Path:
    """A STATIC_ROOT with the product's own storage and a source folder of two files."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "page.css").write_text("body { background: url(dot.svg) }" + " " * 500)
    (source / "dot.svg").write_text("<svg/>")
    settings.STATIC_ROOT = str(tmp_path / "static")  # type: ignore[attr-defined]
    settings.STORAGES = finops.settings.STORAGES  # type: ignore[attr-defined]
    settings.STATICFILES_FINDERS = [  # type: ignore[attr-defined]
        "django.contrib.staticfiles.finders.FileSystemFinder"
    ]
    settings.STATICFILES_DIRS = [str(source)]  # type: ignore[attr-defined]
    return tmp_path / "static"


def test_files_get_hashed_names_and_a_compressed_twin(root: Path) -> None:
    assert collect_static()
    names = json.loads((root / "staticfiles.json").read_text())["paths"]
    assert names["page.css"].startswith("page.")
    assert (root / names["page.css"]).exists()
    assert (root / f"{names['page.css']}.gz").exists()


def test_a_second_start_collects_nothing(root: Path) -> None:
    collect_static()
    before = (root / "staticfiles.json").stat().st_mtime_ns
    assert not collect_static()
    assert (root / "staticfiles.json").stat().st_mtime_ns == before


def test_a_changed_file_is_collected_and_the_old_one_goes(root: Path, tmp_path: Path) -> None:
    collect_static()
    old = json.loads((root / "staticfiles.json").read_text())["paths"]["page.css"]
    page = tmp_path / "source" / "page.css"
    page.write_text("body { color: red }")
    os.utime(page, (1, 1))
    assert collect_static()
    assert not (root / old).exists()


def test_an_interrupted_run_is_done_again(root: Path) -> None:
    collect_static()
    (root / STAMP).unlink()
    assert collect_static()


def test_a_folder_that_was_not_filled_here_is_never_emptied(root: Path) -> None:
    root.mkdir()
    (root / "precious.txt").write_text("mine")
    collect_static()
    assert (root / "precious.txt").read_text() == "mine"


def test_of_plotly_only_the_library_is_collected() -> None:
    from django.contrib.staticfiles.finders import get_finders

    from finops.static import StaticConfig

    found = {
        name
        for finder in get_finders()
        for name, storage in finder.list(StaticConfig.ignore_patterns)
        if getattr(storage, "prefix", "") == "plotly"
    }
    assert found == {"plotly.min.js"}
