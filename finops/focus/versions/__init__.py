"""The versions of FOCUS that are written here, one file of columns each."""

from __future__ import annotations

from finops.focus.columns import Version
from finops.focus.errors import UnknownVersion
from finops.focus.versions.v1_2 import V1_2
from finops.focus.versions.v1_4 import V1_4

VERSIONS = (V1_2, V1_4)
NAMES = tuple(version.name for version in VERSIONS)


def version_named(name: str) -> Version:
    """Return a version; raises UnknownVersion, which lists them."""
    for version in VERSIONS:
        if version.name == name:
            return version
    raise UnknownVersion(f"FOCUS {name[:20]!r} is not written here; use {' or '.join(NAMES)}.")
