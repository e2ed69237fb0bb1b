"""`manage.py web`: serve the dashboards and the REST API."""

from __future__ import annotations

from typing import Any

import waitress
from django.core.management.base import BaseCommand, CommandError

from finops.config import load_config
from finops.static import collect_static

THREADS = 8


class Command(BaseCommand):
    help = "Serve the dashboards and the REST API on FINOPS_WEB_HOST and FINOPS_WEB_PORT."

    def handle(self, **options: Any) -> None:
        config = load_config()
        collect_static()
        # it lists the static files as it is loaded
        from finops.wsgi import application  # noqa: PLC0415

        try:
            server = waitress.create_server(
                application,
                host=config.web_host,
                port=config.web_port,
                threads=THREADS,
                ident=None,
                max_request_body_size=1024**2,
                channel_timeout=60,
            )
        except OSError as error:
            raise CommandError(
                f"Port {config.web_port} on {config.web_host} can't be used ({error.strerror}): "
                "set FINOPS_WEB_PORT to a free one."
            ) from None
        self.stdout.write(f"serving on {config.site_url}")
        server.run()
