"""`manage.py demo`: play recorded traffic through the SDK into a workspace."""

from __future__ import annotations

import fcntl
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console

from finops.accounts.management.workspace_option import find_workspace
from finops.accounts.models import Workspace
from finops.accounts.workspaces import create_workspace
from finops.clickhouse.errors import WarehouseError
from finops.config import LOOPBACK, ConfigError, load_config
from finops.demo.arrivals import measure, shipped_traces
from finops.demo.play import (
    DemoError,
    Plan,
    Summary,
    check_collector,
    earlier_play,
    play_demo,
)
from finops.demo.progress import Bar, Lines
from finops.replay.readers import READERS
from finops.replay.readers.trace import TraceError

DEMO = "demo"


class Command(BaseCommand):
    help = (
        "Play recorded traffic through the SDK, OTLP and the whole pipeline into a workspace, so "
        "that it ends now; the product has to run. What the traces lack is drawn by a seeded rule."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--trace", type=Path, help="a trace of your own, plain or gzipped")
        parser.add_argument("--format", choices=sorted(READERS), help="the format of --trace")
        parser.add_argument(
            "--calls",
            type=int,
            help="about how many requests to play: fewer than recorded thin the traffic, more "
            "repeat it in the hours before (default: FINOPS_DEMO_CALLS)",
        )
        parser.add_argument(
            "--endpoint", help="where OTLP is taken (default: FINOPS_OTLP_PORT on this machine)"
        )
        parser.add_argument("--workspace", default=DEMO, help="slug (default: demo)")
        parser.add_argument("--again", action="store_true", help="play although it was played")
        parser.add_argument("--once", action="store_true", help="say nothing if it was played")

    def handle(self, **options: Any) -> None:
        try:
            plan = self.plan(options)
            check_collector(plan.endpoint)
            workspace = workspace_to_fill(options["workspace"])
            with only_one():
                self.play(plan, workspace, options)
        except (TraceError, DemoError, WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped; the next play goes on where this one stopped.", returncode=130
            ) from None

    def plan(self, options: dict[str, Any]) -> Plan:
        """Read the traces once, so that a broken one is refused before anything is sent."""
        config = load_config()
        trace, wanted = options["trace"], options["calls"]
        if (trace is None) != (options["format"] is None):
            raise CommandError("--trace and --format belong together: give both or none.")
        if wanted is not None and not 1 <= wanted <= 1_000_000:
            raise CommandError("--calls must be from 1 to 1000000.")
        if trace is None:
            traces, traffic = shipped_traces(), "shipped"
            wanted = wanted or config.demo_calls
        else:
            traces, traffic = (measure(trace, options["format"]),), str(trace.absolute())
            wanted = wanted or min(traces[0].requests, config.demo_calls)
        endpoint = options["endpoint"] or f"http://{LOOPBACK}:{config.otlp_port}"
        return Plan(traces, traffic, wanted, endpoint.rstrip("/"))

    def play(self, plan: Plan, workspace: Workspace, options: dict[str, Any]) -> None:
        earlier = earlier_play(workspace, plan.traffic)
        if earlier is not None and not options["again"]:
            if not options["once"]:
                self.stdout.write(
                    f"This traffic was played into {workspace} on "
                    f"{earlier.started_at:%Y-%m-%d at %H:%M} UTC; --again plays it once more."
                )
            return
        terminal = self.stdout.isatty()
        with Bar(Console(), plan.requests) if terminal else self.lines(plan) as shown:
            summary = play_demo(plan, workspace, shown, now=timezone.now())
        self.stdout.write(describe(summary, workspace))

    def lines(self, plan: Plan) -> Lines:
        return Lines(self.stdout.write, plan.requests)


def workspace_to_fill(slug: str) -> Workspace:
    """Return the workspace; the demo's own is made where it is missing."""
    if slug == DEMO and not Workspace.objects.filter(slug=DEMO).exists():
        return create_workspace(DEMO, "Demo")
    return find_workspace(slug)


@contextmanager
def only_one() -> Iterator[None]:
    """Keep a second play out while one is under way: both would go on with the same one."""
    folder = load_config().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError("The demo is being played by another process already.") from None
        yield


def describe(summary: Summary, workspace: Workspace) -> str:
    cost = "no price is known" if summary.cost_usd is None else f"${summary.cost_usd:,.2f}"
    return (
        f"Played {summary.requests} requests in {summary.calls} calls into workspace "
        f"{workspace.name}; charged after {summary.seconds:.1f} s: {cost}."
    )
