"""Show what the collector makes of recordings beside the bill, for the person who checks them.

    python -m tests.recordings.check [--fill] [--accept=COLUMN,…] FILE…

--fill adds to `calls` the columns that the bill says nothing of, as they come out, and rows for
spans that the draft doesn't have, and takes the counted rows where their tokens are the bill's.
What the bill does say stays, but for the columns of --accept: say so where no attribute carries
them. It needs a ClickHouse: FINOPS_TEST_CLICKHOUSE_URL, or it starts the embedded one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.test.utils import setup_databases  # noqa: E402

from finops.clickhouse.client import connect  # noqa: E402
from finops.clickhouse.migrate import Shape, bring_up_to_date  # noqa: E402
from tests.clickhouse_server import server_url  # noqa: E402
from tests.recordings.draft import BUCKETS, tokens  # noqa: E402
from tests.recordings.loading import Outcome, replay  # noqa: E402
from tests.recordings.otlp_json import Json  # noqa: E402
from tests.recordings.replay import HERE, Recording, names, read  # noqa: E402

BILLED = {
    "operation",
    "provider",
    "model_requested",
    "model_served",
    "response_id",
    "service_tier",
    "stream",
    "outcome",
    "usage_source",
    *(f"{bucket}_tokens" for bucket in BUCKETS),
}


def fill(recording: Recording, outcome: Outcome, accepted: set[str]) -> None:
    """Write the columns that the bill says nothing of into the file."""
    path = HERE / recording.name
    given = json.loads(path.read_text())
    calls = {row["span_id"]: row for row in given["calls"]}
    for row in outcome.rows:
        mine = calls.setdefault(row["span_id"], {})
        new = not mine
        mine |= {key: value for key, value in row.items() if new or key not in BILLED - accepted}
        mine |= {key: 0 for key, value in row.items() if value == 0 and key not in mine}
        for key in accepted - row.keys():
            mine.pop(key, None)
    rows = {row["span_id"] for row in outcome.rows}
    given["calls"] = [row for span, row in calls.items() if span in rows or not accepted]
    counted = [row for row in given["calls"] if row["span_id"] in outcome.counted]
    if tokens(counted, "_tokens") == tokens(given["bill"], ""):
        given["counted"] = sorted(outcome.counted)
    path.write_text(json.dumps(given, indent=1, ensure_ascii=False) + "\n")


def show(recording: Recording, outcome: Outcome) -> bool:
    """Print the differences; says whether there are any."""
    rows = {row["span_id"]: row for row in outcome.rows}
    wanted = {row["span_id"]: row for row in recording.calls}
    said = []
    for span in sorted(rows.keys() | wanted.keys()):
        got, want = rows.get(span), wanted.get(span)
        if got is None or want is None:
            said.append(f"  {span}: {'no row' if got is None else f'unexpected {got}'}")
            continue
        for key in sorted(got.keys() | want.keys()):
            if differ(got.get(key), want.get(key)):
                said.append(f"  {span} {key}: {got.get(key)!r}, expected {want.get(key)!r}")
    if sorted(outcome.counted) != sorted(recording.counted):
        said.append(f"  counted {sorted(outcome.counted)}, expected {sorted(recording.counted)}")
    said += [f"  secret in {place}" for place in outcome.secrets]
    said += [f"  billed {brief(entry)}" for entry in recording.bill] if said else []
    print("\n".join([f"{recording.name}: {'differs' if said else 'ok'}", *said]))
    return bool(said)


def differ(got: object, want: object) -> bool:
    if isinstance(got, float) and isinstance(want, float):
        return abs(got - want) > 0.01
    return got != want


def brief(entry: Json) -> str:
    return " ".join(f"{key}={value}" for key, value in entry.items() if value not in (None, ""))


def run(chosen: list[str], *, filling: bool, accepted: set[str]) -> int:
    recordings = [read(name) for name in chosen]
    setup_databases(verbosity=0, interactive=False)
    call_command("migrate", verbosity=0, interactive=False)
    with tempfile.TemporaryDirectory() as folder, server_url(Path(folder)) as url:
        name = f"check_{uuid.uuid4().hex[:8]}"
        connect(url).command(f"CREATE DATABASE {name} ENGINE = Atomic")
        ch = connect(url.rpartition("/")[0] + f"/{name}")
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        spool = Path(folder) / "recordings"
        spool.mkdir()
        outcomes, _ = replay(ch, spool, recordings)
        if filling:
            for recording, outcome in zip(recordings, outcomes, strict=True):
                fill(recording, outcome, accepted)
            recordings = [read(name) for name in chosen]
        differing = [show(*pair) for pair in zip(recordings, outcomes, strict=True)]
        ch.close()
    return int(any(differing))


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if not word.startswith("--")]
    columns = [word.removeprefix("--accept=") for word in sys.argv if word.startswith("--accept=")]
    accepted = {column for word in columns for column in word.split(",")}
    files = [str(Path(word).resolve().relative_to(HERE)) for word in given] or names()
    sys.exit(run(files, filling="--fill" in sys.argv or bool(accepted), accepted=accepted))
