"""Play recorded traffic through the SDK into a workspace, and wait until the ledger has it.

DemoError
├── CollectorAway    the OTLP port doesn't answer, or stopped answering: retry
└── NotCharged       all was acknowledged, but the ledger needs longer than was allowed: retry
"""

from __future__ import annotations

import secrets
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Protocol

from django.db.models import F
from django.utils import timezone

import inferledger
from finops.accounts.keys import create_key, revoke_key
from finops.accounts.models import Scope, Workspace
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.demo.arrivals import Trace, arrivals
from finops.demo.draw import Drawing, Request
from finops.demo.gpus import gpu_time, share_out_when_loaded, show_gpus
from finops.demo.models import DemoPlay
from finops.demo.send import send
from finops.queries.charged import Charged, charged
from finops.queries.range import Range, ceil_hour, floor_hour
from finops.queries.unit_costs import totals

SEED = 20231116  # the day of the Azure recording
# The last request lies this far back, so that its last attempt is over when it is sent.
SETTLED = timedelta(minutes=2)
DELIVERY_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.5


class DemoError(Exception):
    """The traffic can't be played; the message is the line to show."""

    code = "demo_failed"
    retryable = True


class CollectorAway(DemoError):
    """Nothing takes the calls."""

    code = "collector_away"


class NotCharged(DemoError):
    """The calls are safe, but not yet all in the ledger."""

    code = "not_charged"


class Progress(Protocol):
    """What is told while a play goes on."""

    def sent(self, requests: int) -> None:
        """So many more requests were acknowledged."""

    def charged(self, calls: int, of: int) -> None:
        """So many calls are in the ledger."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play, and where to; `traffic` names it, so that it is known when asked for again."""

    traces: Sequence[Trace]
    traffic: str
    requests: int
    endpoint: str
    seed: int = SEED
    chunk: int = 4000  # requests to send before the next wait; the SDK's queue holds more
    charged_within_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What a play consists of; `longest_s` is how long before its end its first request came.

    `gpu_busy_s`: how long its calls kept the demo's own GPU at work, by step (see gpus.py).
    """

    requests: int
    calls: int
    longest_s: float
    gpu_busy_s: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """What was played; `calls` counts every attempt, `cost_usd` those that have a price."""

    requests: int
    calls: int
    cost_usd: Decimal | None
    seconds: float


def earlier_play(workspace: Workspace, traffic: str) -> DemoPlay | None:
    """The last complete play of this traffic into the workspace."""
    plays = DemoPlay.objects.filter(workspace=workspace, traffic=traffic)
    return plays.exclude(delivered_at=None).order_by("-started_at").first()


def play_demo(plan: Plan, workspace: Workspace, progress: Progress, *, now: datetime) -> Summary:
    """Send the traffic so that it ends at `now`, and wait until it is charged.

    A play that was cut off goes on where it stopped. Raises DemoError, and TraceError for a trace
    that changed since it was measured.
    """
    began_s = time.monotonic()
    play = begin(plan, workspace, now)
    with recording(plan, workspace) as key:
        sent = deliver(plan, play, progress)
        show_gpus(workspace, sent.gpu_busy_s, play.ends_at, plan.endpoint, key)
    DemoPlay.objects.filter(pk=play.pk).update(delivered_at=timezone.now())
    found = wait_until_charged(plan, play, sent, progress)
    share_out_when_loaded(workspace, play.ends_at)
    return Summary(sent.requests, sent.calls, found.cost_usd, time.monotonic() - began_s)


def check_collector(endpoint: str) -> None:
    """Raise CollectorAway unless something answers at the OTLP port."""
    try:
        with urllib.request.urlopen(f"{endpoint}/healthz", timeout=5):  # noqa: S310
            return
    except urllib.error.HTTPError:
        return  # an answer all the same; what it lacks will show
    except OSError as error:
        raise CollectorAway(
            f"Nothing answers at {endpoint} ({error}): start the product with `make run` first."
        ) from None


def begin(plan: Plan, workspace: Workspace, now: datetime) -> DemoPlay:
    """Return the play of this plan that was cut off, or a new one that ends now."""
    cut_off = DemoPlay.objects.filter(
        workspace=workspace,
        traffic=plan.traffic,
        requests_wanted=plan.requests,
        seed=plan.seed,
        delivered_at=None,
    ).last()
    return cut_off or DemoPlay.objects.create(
        workspace=workspace,
        token=f"play{secrets.token_hex(4)}",
        traffic=plan.traffic,
        requests_wanted=plan.requests,
        seed=plan.seed,
        ends_at=now - SETTLED,
    )


@contextmanager
def recording(plan: Plan, workspace: Workspace) -> Iterator[str]:
    """Let the SDK record, with a key that lives as long as this block; yields its secret."""
    key, secret = create_key(workspace, "demo traffic", [Scope.INGEST])
    inferledger.init(plan.endpoint, secret, service="demo", on_full="wait")
    try:
        yield secret
    finally:
        inferledger.shutdown()
        revoke_key(key, now=timezone.now())


def drawn(plan: Plan) -> Iterator[Request]:
    """The requests of a plan: the same ones each time."""
    # Which calls fail in a demo is no secret, and has to be the same each time.
    drawing = Drawing(Random(plan.seed))  # noqa: S311
    return drawing.requests(arrivals(plan.traces, plan.requests))


def deliver(plan: Plan, play: DemoPlay, progress: Progress) -> Sent:
    """Send what the play has not sent yet; returns what the whole play consists of."""
    requests = calls = waiting = 0
    longest_s = 0.0
    gpu_busy_s: dict[int, float] = defaultdict(float)
    for request in drawn(plan):
        requests += 1
        calls += len(request.attempts)
        longest_s = max(longest_s, request.before_end_s)
        for step, inside_s in gpu_time(request, play.ends_at):
            gpu_busy_s[step] += inside_s
        if requests <= play.requests_sent:
            continue
        send(request, play.token, play.ends_at)
        waiting += 1
        if waiting == plan.chunk:
            acknowledge(plan, play, waiting, progress)
            waiting = 0
    acknowledge(plan, play, waiting, progress)
    return Sent(requests, calls, longest_s, gpu_busy_s)


def acknowledge(plan: Plan, play: DemoPlay, requests: int, progress: Progress) -> None:
    """Wait until the collector has taken these requests, and write down that it has.

    What was sent again because a play was cut off in between is counted once: its ids are the same.
    """
    if not inferledger.flush(DELIVERY_TIMEOUT_S):
        raise CollectorAway(
            f"{plan.endpoint} stopped taking calls: see that ingest runs, then play again; "
            "it goes on where it stopped."
        )
    DemoPlay.objects.filter(pk=play.pk).update(requests_sent=F("requests_sent") + requests)
    progress.sent(requests)


def wait_until_charged(plan: Plan, play: DemoPlay, sent: Sent, progress: Progress) -> Charged:
    """Wait until every call of the play is in the ledger, and in its sums by the hour."""
    first = play.ends_at - timedelta(seconds=sent.longest_s)
    span = Range(floor_hour(first), ceil_hour(play.ends_at + SETTLED))
    limit_s = time.monotonic() + plan.charged_within_s
    found, rolled_up = Charged(0, None), 0
    while time.monotonic() < limit_s:
        try:
            with warehouse() as ch:
                found = charged(ch, play.workspace_id, span, play.token)
                rolled_up = totals(ch, play.workspace_id, span).calls
        except WarehouseError as error:
            if not error.retryable:
                raise
        progress.charged(min(found.calls, sent.calls), sent.calls)
        if min(found.calls, rolled_up) >= sent.calls:
            return found
        time.sleep(LOOK_EVERY_S)
    raise NotCharged(
        f"{found.calls} of {sent.calls} calls are charged after {plan.charged_within_s:.0f} s. All "
        "were acknowledged and none is lost; see at /healthz which part is behind."
    )
