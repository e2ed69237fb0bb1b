"""`manage.py quarantine`: see what ClickHouse refused, and put it back when the cause is gone."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.config import load_config
from ingest.loaders import SIGNALS
from ingest.quarantine import (
    NothingWhole,
    NotQuarantined,
    Quarantined,
    find,
    list_quarantined,
    outlines,
    put_back,
    throw_away,
)

ACTIONS = ("list", "show", "retry", "drop")
REASON_CHARACTERS = 100


class Command(BaseCommand):
    help = (
        "List the requests that ClickHouse refused, show what one is made of (never its texts), "
        "put them back into the spool, or delete them for good. Works while the collector runs."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=ACTIONS, help="what to do")
        parser.add_argument("segments", nargs="*", metavar="SEGMENT", help="names from the list")
        parser.add_argument("--all", action="store_true", help="retry or drop every segment")
        parser.add_argument("--yes", action="store_true", help="really drop: it can't be undone")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, **options: Any) -> None:
        self.json: bool = options["json"]
        action, names, every = options["action"], options["segments"], options["all"]
        if action == "list":
            if names or every:
                raise CommandError("`list` takes no segments: it lists all.")
            self.list_all()
            return
        if bool(names) == every or (action == "show" and every):
            raise CommandError(f"Name the segments to {action}" + self.or_all(action))
        if action == "drop" and not options["yes"]:
            raise CommandError("What is dropped is gone: say --yes as well.")
        chosen = self.choose(names)
        getattr(self, action)(chosen)

    @staticmethod
    def or_all(action: str) -> str:
        return "." if action == "show" else ", or say --all, not both."

    def choose(self, names: Sequence[str]) -> list[Quarantined]:
        """Return the named segments, or all when none is named."""
        spool = load_config().spool
        if not names:
            return list_quarantined(spool, SIGNALS)
        try:
            return [find(spool, SIGNALS, name) for name in dict.fromkeys(names)]
        except NotQuarantined as error:
            raise CommandError(str(error)) from None

    def list_all(self) -> None:
        entries = list_quarantined(load_config().spool, SIGNALS)
        if self.json:
            self.stdout.write(json.dumps([describe(entry) for entry in entries], indent=1))
            return
        for entry in entries:
            about = describe(entry)
            self.stdout.write(
                f"{entry.segment}  {entry.signal.name}  {about['age']} ago  "
                f"workspace {', '.join(map(str, entry.workspaces)) or '?'}  "
                f"{entry.requests} requests  {entry.items} items  {entry.size} bytes\n"
                f"    {shorten(entry.reason)}"
            )
        self.stderr.write(f"{len(entries)} in quarantine")

    def show(self, entries: Sequence[Quarantined]) -> None:
        shown = [describe(entry) | {"contents": [*outlines(entry)]} for entry in entries]
        self.stdout.write(json.dumps(shown, indent=1))

    def retry(self, entries: Sequence[Quarantined]) -> None:
        """Put segments back; those that can't be are named at the end."""
        failed = []
        for entry in entries:
            try:
                self.say(entry, "put back as " + put_back(entry))
            except NothingWhole as error:
                failed.append(str(error))
            except FileNotFoundError:
                failed.append(f"{entry.segment} was taken by somebody else meanwhile.")
        if failed:
            raise CommandError("\n".join(failed))

    def drop(self, entries: Sequence[Quarantined]) -> None:
        for entry in entries:
            throw_away(entry)
            self.say(entry, "dropped")

    def say(self, entry: Quarantined, what: str) -> None:
        line = {"segment": entry.segment, "done": what}
        self.stdout.write(json.dumps(line) if self.json else f"{entry.segment}  {what}")


def describe(entry: Quarantined) -> dict[str, Any]:
    """Return what is known of a segment, ready for JSON."""
    return {
        "segment": entry.segment,
        "signal": entry.signal.name,
        "at": entry.at.isoformat() if entry.at else None,
        "age": age(entry.at, datetime.now(UTC)),
        "workspaces": [*entry.workspaces],
        "requests": entry.requests,
        "items": entry.items,
        "bytes": entry.size,
        "reason": entry.reason,
    }


def age(at: datetime | None, now: datetime) -> str:
    """Write how long ago something was, in its largest unit."""
    if at is None:
        return "some time"
    seconds = max(int((now - at).total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def shorten(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"
