"""`manage.py publish_rates`: make the newest list prices and contracts known to the charge job."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.pricing.publish import publish_rates


class Command(BaseCommand):
    help = "Publish list prices and workspace overrides; does nothing when neither has changed."

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        try:
            with warehouse() as ch:
                version = publish_rates(ch, now=now)
        except (WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None
        state = "published" if version.published_at == now else "already published"
        self.stdout.write(
            f"rates {version.number}: {version.rows} from {version.catalogue_version}, {state}"
        )
