"""`manage.py ingest`: take OTLP traces and bring them into ClickHouse."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.config import Config, load_config
from finops.supervisor.supervise import stop_signals
from ingest.loader_process import loader_beside, stop_with_parent
from ingest.loaders import LoaderFell, make_loaders, run_loaders
from ingest.serve import PortTaken, bind, serve
from ingest.tls import Certificate, CertificateError


class Command(BaseCommand):
    help = (
        "Receive OTLP/HTTP on FINOPS_OTLP_PORT and OTLP/gRPC on FINOPS_OTLP_GRPC_PORT of "
        "FINOPS_OTLP_HOST, spool it, and load it into ClickHouse. The loader is a process of "
        "its own, kept alive by the receiver."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--part",
            choices=("all", "receiver", "loader"),
            default="all",
            help="run only one part; several receivers may share a spool (default: all)",
        )

    def handle(self, **options: Any) -> None:
        config = load_config()
        if options["part"] == "loader":
            load_until_stopped(config)
            return
        try:
            certificate = certificate_of(config)
            listener = bind(config.otlp_host, config.otlp_port)
            self.say_where(config)
            if options["part"] == "receiver":
                serve(config, listener, certificate)
            else:
                with loader_beside():
                    serve(config, listener, certificate)
        except (PortTaken, CertificateError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The spool {config.spool} can't be used: {error}.") from None

    def say_where(self, config: Config) -> None:
        where = f"OTLP/HTTP on {config.otlp_scheme}://{config.otlp_host}:{config.otlp_port}"
        if config.otlp_grpc_port:
            bind(config.otlp_host, config.otlp_grpc_port, "FINOPS_OTLP_GRPC_PORT").close()
            where += f", OTLP/gRPC on {config.otlp_host}:{config.otlp_grpc_port}"
        self.stdout.write(where)
        self.stdout.flush()


def certificate_of(config: Config) -> Certificate | None:
    """Return the certificate for TLS if one is set; raises CertificateError."""
    if config.otlp_tls_cert is None or config.otlp_tls_key is None:
        return None
    return Certificate(config.otlp_tls_cert, config.otlp_tls_key)


def load_until_stopped(config: Config) -> None:
    stop = threading.Event()
    with stop_signals(stop):
        stop_with_parent(stop)
        try:
            run_loaders(make_loaders(config), stop)
        except LoaderFell as error:
            raise CommandError(str(error)) from None
