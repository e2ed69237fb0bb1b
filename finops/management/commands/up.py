"""`manage.py up`: the whole product on this machine, until Ctrl-C."""

from __future__ import annotations

import subprocess
import time
import urllib.error
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db.utils import OperationalError
from django.utils import timezone

from finops.accounts.first_login import ensure_first_login
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.clickhouse.migrate import MigrationError, Shape, bring_up_to_date, keep_spans_for
from finops.config import LOOPBACK, Config, ConfigError, load_config
from finops.health.own import open_own
from finops.pricing.publish import publish_rates
from finops.supervisor.claims import ClaimError, check_ports, claim_folder
from finops.supervisor.services import MANAGE, clickhouse_service, product_services
from finops.supervisor.supervise import Supervisor, stop_signals, wait_until

START_TIMEOUT_S = 90


class Command(BaseCommand):
    help = "Start every process, keep them alive, print the address; Ctrl-C stops all cleanly."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        config = load_config()
        began_s = time.monotonic()
        try:
            with claim_folder(config.data_dir):
                check_ports(ports_to_claim(config))
                supervisor = Supervisor(self.say)
                with stop_signals(supervisor.stopping):
                    self.run(config, supervisor, began_s)
        except (ClaimError, ConfigError, MigrationError, WarehouseError) as error:
            raise CommandError(str(error)) from None
        except OperationalError as error:
            reason = " ".join(str(error).split())
            raise CommandError(
                f"The database can't be used: {reason}. Is it up, and FINOPS_DATABASE_URL right?"
            ) from None

    def run(self, config: Config, supervisor: Supervisor, began_s: float) -> None:
        """Start in order, play the demo once, watch; in the end stop all that was started."""
        try:
            self.start_clickhouse(config, supervisor)
            self.prepare(config)
            for service in product_services(config):
                supervisor.add(service)
            self.wait_for(supervisor, config.web_healthz, "web")
            self.wait_for(supervisor, config.ingest_healthz, "ingest")
            if supervisor.stopping.is_set():
                return
            self.say(
                f"Inferledger is up after {time.monotonic() - began_s:.1f} s: {config.site_url}"
            )
            where = f"OTLP/HTTP on {config.otlp_scheme}://{config.otlp_host}:{config.otlp_port}"
            if config.otlp_grpc_port:
                where += f", OTLP/gRPC on {config.otlp_host}:{config.otlp_grpc_port}"
            self.say(f"{where}; Ctrl-C stops.")
            if config.demo:
                self.play_demo(supervisor)
            supervisor.watch()
        finally:
            self.say("Stopping ...")
            supervisor.stop()

    def start_clickhouse(self, config: Config, supervisor: Supervisor) -> None:
        if config.embedded_clickhouse:
            service = supervisor.add(clickhouse_service(config))
            if not wait_until(answers, supervisor, START_TIMEOUT_S):
                raise CommandError(f"ClickHouse didn't start:\n{service.last_lines()}")

    def prepare(self, config: Config) -> None:
        """Bring both databases up to date; all of it is safe to repeat."""
        call_command("migrate", verbosity=0, interactive=False)
        shape = Shape(config.clickhouse_cluster)
        now = timezone.now()
        with warehouse() as ch:
            bring_up_to_date(ch, shape, now)
            keep_spans_for(ch, config.span_retention_days, shape)
            publish_rates(ch, now=now)
        login = ensure_first_login(now)
        if login is not None:
            self.say(f"First login (shown once): {login.email}  password {login.password}")

    def wait_for(self, supervisor: Supervisor, url: str, name: str) -> None:
        if not wait_until(lambda: reachable(url), supervisor, START_TIMEOUT_S):
            if supervisor.stopping.is_set():
                return
            service = next(s for s in supervisor.services if s.name == name)
            raise CommandError(f"{name} didn't start ({url}):\n{service.last_lines()}")

    def play_demo(self, supervisor: Supervisor) -> None:
        """Play the recorded traffic the first time, beside the running product."""
        demo = subprocess.Popen((*MANAGE, "demo", "--once"), start_new_session=True)
        wait_until(lambda: demo.poll() is not None, supervisor, timeout_s=3600)
        if demo.poll() is None:
            demo.terminate()
            demo.wait()

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def ports_to_claim(config: Config) -> dict[str, tuple[str, int]]:
    ports = {
        "FINOPS_WEB_PORT": (config.web_host, config.web_port),
        "FINOPS_OTLP_PORT": (config.otlp_host, config.otlp_port),
    }
    if config.otlp_grpc_port:
        ports["FINOPS_OTLP_GRPC_PORT"] = (config.otlp_host, config.otlp_grpc_port)
    if config.embedded_clickhouse:
        ports["FINOPS_CLICKHOUSE_PORT"] = (LOOPBACK, config.clickhouse_port)
    return ports


def answers() -> bool:
    """Does ClickHouse answer a statement?"""
    try:
        with warehouse() as ch:
            ch.query("SELECT 1")
    except (ConfigError, WarehouseError):
        return False
    return True


def reachable(url: str) -> bool:
    """Does a process answer this address at all, whatever it says of its parts?"""
    try:
        with open_own(url, timeout_s=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
