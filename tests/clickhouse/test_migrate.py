"""The runner of ClickHouse migrations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse
from finops.clickhouse.migrate import (
    Drift,
    Migration,
    MigrationError,
    Shape,
    bring_up_to_date,
    keep_spans_for,
    plan,
    read_applied,
    read_migrations,
    split_statements,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, TWO, THREE = (Migration(f"000{n}_step.sql", f"SELECT {n}") for n in (1, 2, 3))


def test_what_is_not_applied_yet_is_planned_in_order() -> None:
    assert plan({ONE.name: ONE.sha256}, [ONE, TWO, THREE]) == [TWO, THREE]


def test_a_file_changed_after_it_was_applied_is_drift() -> None:
    with pytest.raises(Drift, match=r"0001_step.sql was changed"):
        plan({ONE.name: "0" * 64}, [ONE, TWO])


def test_a_database_newer_than_the_release_is_drift() -> None:
    with pytest.raises(Drift, match=r"0003_step.sql, which this release doesn't know"):
        plan({m.name: m.sha256 for m in (ONE, TWO, THREE)}, [ONE, TWO])


def test_a_file_slipped_in_before_an_applied_one_is_drift() -> None:
    with pytest.raises(Drift, match=r"0001_step.sql comes before 0002_step.sql"):
        plan({TWO.name: TWO.sha256}, [ONE, TWO])


def test_two_files_with_one_number_are_refused(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match="number of their own"):
        read_migrations(tmp_path)


def test_statements_end_at_semicolons_and_comment_lines_are_left_out() -> None:
    text = "-- a; b\nCREATE TABLE t (x UInt8)\nENGINE = Memory;\n\n  -- end\nSELECT 1;\n"
    assert list(split_statements(text)) == ["CREATE TABLE t (x UInt8)\nENGINE = Memory", "SELECT 1"]


@pytest.mark.parametrize("migration", read_migrations(), ids=lambda m: m.name)
def test_on_a_cluster_every_table_is_replicated_everywhere(migration: Migration) -> None:
    statements = list(split_statements(Shape("main").render(migration.text)))
    assert statements
    for statement in statements:
        assert "{" not in statement
        if statement.startswith("INSERT INTO"):
            continue  # Rows of a replicated table go everywhere by themselves.
        assert "ON CLUSTER main" in statement
        changes_a_table = statement.startswith(
            ("DROP TABLE IF EXISTS", "ALTER TABLE", "CREATE MATERIALIZED VIEW IF NOT EXISTS")
        )
        assert changes_a_table or "ENGINE = Replicated" in statement


@pytest.mark.parametrize("migration", read_migrations(), ids=lambda m: m.name)
def test_on_one_server_no_placeholder_is_left(migration: Migration) -> None:
    rendered = "".join(split_statements(Shape().render(migration.text)))
    assert "{" not in rendered
    assert "ON CLUSTER" not in rendered
    assert "Replicated" not in rendered


def test_a_second_run_applies_nothing(ch: Warehouse) -> None:
    assert bring_up_to_date(ch, Shape(), NOW) == []
    assert list(read_applied(ch)) == [migration.name for migration in read_migrations()]


def test_a_run_cut_off_before_it_was_written_down_is_repeated(ch: Warehouse) -> None:
    ch.command("TRUNCATE TABLE schema_migrations")
    assert len(bring_up_to_date(ch, Shape(), NOW)) == len(read_migrations())


@pytest.mark.parametrize(
    ("table", "ttl"),
    [
        ("spans", "TTL toDateTime(received_at) + toIntervalDay(14)"),
        ("calls", "TTL toDateTime(started_at) + toIntervalDay(800)"),
        ("charges", "TTL toDateTime(started_at) + toIntervalDay(800)"),
        ("gpu_samples", "TTL ts + toIntervalDay(400)"),
        ("serving_samples", "TTL toDateTime(ts) + toIntervalDay(400)"),
        ("usage_hourly", "TTL hour + toIntervalDay(1600)"),
        ("segments", "TTL toDateTime(loaded_at) + toIntervalDay(400)"),
    ],
)
def test_every_growing_table_forgets(ch: Warehouse, table: str, ttl: str) -> None:
    assert ttl in create_statement(ch, table)


def test_the_retention_of_spans_follows_the_setting(ch: Warehouse) -> None:
    keep_spans_for(ch, 3, Shape())
    assert "toIntervalDay(3)" in create_statement(ch, "spans")


def create_statement(ch: Warehouse, table: str) -> str:
    rows = ch.query(
        "SELECT create_table_query FROM system.tables"
        " WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    return str(rows[0]["create_table_query"])
