"""`manage.py collect_static`: bring the static files up to date; an image's build runs it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from finops.static import collect_static


class Command(BaseCommand):
    help = "Collect, hash and compress the static files, where any has changed since last time."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        self.stdout.write("Collected." if collect_static() else "Nothing has changed.")
