"""Numbered SQL files, applied once each and frozen afterwards.

Each file in migrations/ is rendered for the installation ({on_cluster}, {replicated}), split at its
semicolons and applied in order of its number; its name and the hash of its text are written to
`schema_migrations`. A file that changed after it was applied, or is missing, is drift: nothing is
applied until a person has looked. Statements are idempotent (IF NOT EXISTS), so a run that was cut
off is simply run again.

MigrationError
└── Drift     what was applied isn't what the files say
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from finops.clickhouse.client import Warehouse

FOLDER = Path(__file__).parent / "migrations"
NAME = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")


class MigrationError(Exception):
    """The schema can't be brought up to date."""

    code = "migration_failed"
    retryable = False


class Drift(MigrationError):
    """What was applied differs from the files of this release."""

    code = "schema_drift"


@dataclass(frozen=True)
class Migration:
    """One file: its name orders it, its hash freezes it."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Shape:
    """Where the tables live: one server (cluster '') or every node of a cluster."""

    cluster: str = ""

    def render(self, text: str) -> str:
        """Fill the placeholders in; the name of the cluster is checked by the configuration."""
        return text.replace(
            "{on_cluster}", f"ON CLUSTER {self.cluster}" if self.cluster else ""
        ).replace("{replicated}", "Replicated" if self.cluster else "")


JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migrations {on_cluster}
(
    name       String,
    sha256     String,
    applied_at DateTime64(3, 'UTC')
)
ENGINE = {replicated}MergeTree
ORDER BY name
"""


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the files in order; raises MigrationError for a name or number that can't be."""
    files = sorted(folder.glob("*.sql"))
    numbers = [file.name[:4] for file in files]
    wrong = [file.name for file in files if not NAME.match(file.name)]
    if wrong or len(set(numbers)) != len(numbers):
        raise MigrationError(
            f"Migrations need a number of their own, as 0001_name.sql: {wrong or numbers}"
        )
    return [Migration(file.name, file.read_text()) for file in files]


def split_statements(text: str) -> Iterator[str]:
    """Yield the statements of a file without comments; no text in them may hold a semicolon."""
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return (part.strip() for part in bare.split(";") if part.strip())


def read_applied(ch: Warehouse) -> dict[str, str]:
    """Return name -> hash of what was applied to this database, in order."""
    if not ch.query("EXISTS TABLE schema_migrations")[0]["result"]:
        return {}
    rows = ch.query(
        "SELECT name, any(sha256) AS sha256 FROM schema_migrations GROUP BY name ORDER BY name"
    )
    return {row["name"]: row["sha256"] for row in rows}


def plan(applied: dict[str, str], migrations: Iterable[Migration]) -> list[Migration]:
    """Return what is still to apply; raises Drift where history and files disagree."""
    files = {migration.name: migration for migration in migrations}
    gone = sorted(applied.keys() - files.keys())
    if gone:
        raise Drift(
            f"The database has {gone[0]}, which this release doesn't know: run the release that "
            "made it, or a newer one."
        )
    changed = [name for name, sha256 in applied.items() if files[name].sha256 != sha256]
    if changed:
        raise Drift(
            f"{changed[0]} was changed after it had been applied: put the file back and write a "
            "new one for the change."
        )
    waiting = [migration for name, migration in files.items() if name not in applied]
    newest = max(applied, default="")
    late = [migration.name for migration in waiting if migration.name < newest]
    if late:
        raise Drift(
            f"{late[0]} comes before {newest}, which is applied already: give it a new number."
        )
    return waiting


def apply(ch: Warehouse, migration: Migration, shape: Shape, now: datetime) -> None:
    """Apply one file and write it down."""
    ch.command(shape.render(JOURNAL))
    for statement in split_statements(shape.render(migration.text)):
        ch.command(statement)
    ch.insert(
        "schema_migrations",
        {"name": [migration.name], "sha256": [migration.sha256], "applied_at": [now]},
    )


def bring_up_to_date(ch: Warehouse, shape: Shape, now: datetime) -> list[Migration]:
    """Apply everything that waits and return it; raises Drift, MigrationError or WarehouseError."""
    waiting = plan(read_applied(ch), read_migrations())
    for migration in waiting:
        apply(ch, migration, shape, now)
    return waiting


def keep_spans_for(ch: Warehouse, days: int, shape: Shape) -> None:
    """Set how long spans are kept, where the setting differs from what the table says."""
    wanted = f"toIntervalDay({int(days)})"
    (row,) = ch.query(
        "SELECT create_table_query FROM system.tables"
        " WHERE database = currentDatabase() AND name = 'spans'"
    )
    if wanted not in row["create_table_query"]:
        ch.command(
            shape.render(
                f"ALTER TABLE spans {{on_cluster}} MODIFY TTL toDateTime(received_at) + {wanted}"
            )
        )
