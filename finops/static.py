"""Static files: collected, hashed and compressed once, again only when one of them changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

STAMP = ".fingerprint"


class StaticConfig(StaticFilesConfig):
    """Leaves out what nobody loads: Plotly's sample data, its themes and the notebook widget."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "datasets",
        "templates",
        "widgetbundle.js",
    ]


def collect_static() -> bool:
    """Bring STATIC_ROOT up to date; says whether anything had to be done.

    Only a folder that was filled here is emptied first: it could be somebody's by mistake.
    """
    stamp = Path(settings.STATIC_ROOT) / STAMP
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    call_command("collectstatic", interactive=False, clear=stamp.exists(), verbosity=0)
    stamp.write_text(wanted)
    return True


def fingerprint() -> str:
    """A digest of name, size and time of every static file; reads none of them."""
    lines = []
    for finder in get_finders():
        for name, storage in finder.list(StaticConfig.ignore_patterns):
            stat = Path(storage.path(name)).stat()
            lines.append(f"{getattr(storage, 'prefix', '')} {name} {stat.st_size} {stat.st_mtime}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
