"""`manage.py migrate_clickhouse`: bring the ClickHouse schema up to date."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.clickhouse.migrate import (
    MigrationError,
    Shape,
    bring_up_to_date,
    keep_spans_for,
    plan,
    read_applied,
    read_migrations,
)
from finops.config import ConfigError, load_config


class Command(BaseCommand):
    help = "Apply the ClickHouse migrations that wait; refuses when the applied ones were changed."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--plan", action="store_true", help="only list what would be applied")

    def handle(self, **options: Any) -> None:
        try:
            self.list_waiting() if options["plan"] else self.migrate()
        except (MigrationError, WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None

    def list_waiting(self) -> None:
        with warehouse() as ch:
            waiting = plan(read_applied(ch), read_migrations())
        for migration in waiting:
            self.stdout.write(f"would apply {migration.name}")
        if not waiting:
            self.stdout.write("Nothing to apply.")

    def migrate(self) -> None:
        config = load_config()
        shape = Shape(config.clickhouse_cluster)
        with warehouse() as ch:
            applied = bring_up_to_date(ch, shape, timezone.now())
            keep_spans_for(ch, config.span_retention_days, shape)
        for migration in applied:
            self.stdout.write(f"applied {migration.name}")
        if not applied:
            self.stdout.write("Nothing to apply.")
