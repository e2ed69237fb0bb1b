"""One file reads the environment; whoever else wants a setting asks the config."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from finops.config import ROOT

# These read no setting: one hands its environment on to its children, one sets the time zone of
# the library that it is about to load.
NO_READERS = {"finops/supervisor/service.py", "finops/clickhouse/embedded/session.py"}
READER = "finops/config.py"


def product_files() -> Iterator[Path]:
    yield ROOT / "manage.py"
    for room in ("finops", "ingest", "dashboards"):
        yield from (ROOT / room).rglob("*.py")


def reads(tree: ast.AST) -> list[int]:
    """Lines that touch the environment other than to name Django's settings module."""
    naming = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "setdefault"
        and [getattr(arg, "value", None) for arg in node.args][:1] == ["DJANGO_SETTINGS_MODULE"]
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if id(node) not in naming
        and (
            (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"))
            or (isinstance(node, ast.Name) and node.id in ("environ", "getenv"))
        )
    ]


def test_nobody_else_reads_the_environment() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in product_files()
        if (lines := reads(ast.parse(path.read_text())))
    }
    assert READER in found
    assert {name: lines for name, lines in found.items() if name not in {READER, *NO_READERS}} == {}
