"""How long the Overview and the API take with a million calls in the ledger.

Measured in a process of its own, through every middleware and the embedded ClickHouse server; the
peer of the rollup is the same question asked of the charges themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.clickhouse_server import server_url

if TYPE_CHECKING:
    from django.test import Client

    from finops.clickhouse.client import Warehouse
    from finops.queries import Range

CALLS = 1_000_000
DAYS = 7
ROUNDS = 15
TENANTS, MODELS = 50, 20

FILL = """
INSERT INTO charges (workspace_id, trace_id, span_id, started_at, tenant, model, provider,
    operation, input_tokens, output_tokens, counted, last_attempt, request_succeeded, waste_class,
    cost_usd, unpriced_reason, version)
SELECT {workspace_id:UInt64}, leftPad(toString(number), 16, '0'), leftPad(toString(number), 8, '0'),
    {end:DateTime64(6, 'UTC')} - toIntervalMicrosecond(number * {step_us:UInt64} + 1),
    concat('tenant-', toString(intHash64(number) % {tenants:UInt32})),
    concat('model-', toString(intHash64(number + 7) % {models:UInt32} AS m)), 'provider', 'chat',
    intHash64(number + 1) % 4000, intHash64(number + 2) % 900, 1,
    intHash64(number + 3) % 20 != 0 AS last, intHash64(number + 4) % 50 != 0,
    if(last, 'clean', 'retry'),
    if(m = 0, NULL, toDecimal128((intHash64(number + 5) % 100000) / 1000000, 12)),
    if(m = 0, 'no_rate', ''), 1
FROM numbers({calls:UInt64})
"""

Figure = tuple[str, float, str, str]


def measure(workdir: Path) -> list[Figure]:
    """Start ClickHouse, and measure in a process whose settings lead to it."""
    with server_url(workdir) as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.pages"],
            env={
                **os.environ,
                "FINOPS_DATA_DIR": str(workdir / "data"),
                "FINOPS_CLICKHOUSE_URL": url,
                "DJANGO_SETTINGS_MODULE": "finops.settings",
            },
            stdout=subprocess.PIPE,
            check=True,
        )
    return [tuple(figure) for figure in json.loads(done.stdout.splitlines()[-1])]


def measure_here() -> list[Figure]:
    """Fill a new workspace and time its pages."""
    import django

    django.setup()
    from finops.clickhouse.client import warehouse
    from finops.queries import Range, totals

    client, workspace_id = prepare()
    now = datetime.now(UTC)
    week = Range(now - timedelta(days=DAYS), now)
    with warehouse() as ch:
        fill(ch, workspace_id, now)
        rollup_ms = time_of(lambda: totals(ch, workspace_id, week))
        charges_ms = time_of(lambda: totals_from_charges(ch, workspace_id, week))
    page = "Overview at 1M calls, "
    return [
        (page + "24 hours", time_of(lambda: fetch(client, "/?range=24h")), "ms", "< 300"),
        (page + "7 days", time_of(lambda: fetch(client, "/?range=7d")), "ms", "< 300"),
        (page + "7 days, one tenant", time_of(lambda: fetch(client, "/?range=7d&tenant=tenant-1")),
         "ms", "< 300"),
        ("API at 1M calls, 7 days by tenant and model, JSON",
         time_of(lambda: fetch(client, api(week))), "ms", "< 300"),
        ("API at 1M calls, 7 days by tenant and model, CSV",
         time_of(lambda: fetch(client, api(week) + "&format=csv")), "ms", "< 300"),
        ("totals of 7 days: rollup ÷ charges", rollup_ms / charges_ms, "ratio", "< 1"),
    ]  # fmt: skip


def prepare() -> tuple[Client, int]:
    """A database, static files, and a browser with an owner logged in."""
    from django.core.management import call_command
    from django.test import Client

    from finops.accounts.models import Role, User
    from finops.accounts.workspaces import create_workspace, set_role
    from finops.static import collect_static

    call_command("migrate", verbosity=0)
    collect_static()
    workspace = create_workspace("bench", "Bench")
    user = User.objects.create_user("bench@example.com", None)
    set_role(user, workspace, Role.OWNER)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, workspace.pk


def fill(ch: Warehouse, workspace_id: int, now: datetime) -> None:
    """Make the schema, the calls inside ClickHouse, and their rollup."""
    from finops.clickhouse.migrate import Shape, bring_up_to_date
    from tests.queries.rows import roll_up

    bring_up_to_date(ch, Shape(), now)
    step = timedelta(days=DAYS) / CALLS
    ch.command(
        FILL,
        {
            "workspace_id": workspace_id,
            "end": now,
            "step_us": step // timedelta(microseconds=1),
            "tenants": TENANTS,
            "models": MODELS,
            "calls": CALLS,
        },
    )
    roll_up(ch)


def totals_from_charges(ch: Warehouse, workspace_id: int, span: Range) -> None:
    """The same measures as `totals`, without the rollup."""
    from finops.queries.dimensions import NO_FILTERS
    from finops.queries.ledger import MEASURES, SETTINGS, ledger

    source = ledger(workspace_id, span, NO_FILTERS, (), tuple(MEASURES), by_call=True)
    sums = ", ".join(f"sum(m_{name})" for name in MEASURES)
    ch.query(f"SELECT {sums} FROM ({source.sql})", source.params, settings=SETTINGS)


def api(span: Range) -> str:
    return (
        f"/api/v1/unit-costs?from={span.start:%Y-%m-%dT%H:%M:%SZ}&to={span.end:%Y-%m-%dT%H:%M:%SZ}"
    )


def fetch(client: Client, address: str) -> None:
    """Get an address whole; anything but a good answer ends the measurement."""
    response: Any = client.get(address)
    body = b"".join(response) if response.streaming else response.content
    if response.status_code != 200 or b"tenant-1" not in body:
        raise RuntimeError(f"{address}: HTTP {response.status_code}")


def time_of(act: Callable[[], object]) -> float:
    """The median of some rounds, in milliseconds, after one that warms up."""
    act()
    took_ms = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        act()
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return median(took_ms)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_here()) + "\n")
