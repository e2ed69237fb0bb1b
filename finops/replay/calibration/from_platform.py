"""Calibration from what the platform has captured: calls, and what servers said of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.engine.deployment import Deployment
from finops.engine.observed.replay import policy_of
from finops.engine.observed.run import Mask, Run
from finops.engine.policy import Policy
from finops.queries.calibration_calls import (
    CapturedCall,
    captured_calls,
    models_called,
    servers,
)
from finops.queries.range import Range
from finops.queries.serving import serving_load
from finops.replay.calibration.asked import Asked
from finops.replay.calibration.captured import (
    CAPTURED_WELL,
    ServerView,
    capture,
    captured_share,
    kv_blocks,
    server_view,
)
from finops.replay.calibration.errors import InvalidInput

STEPS = 1000  # of the servers' samples, over the range


@dataclass(frozen=True)
class Wanted:
    """Which calls: of a workspace, in a range, to a model by the name that calls have for it."""

    workspace_id: int
    span: Range
    served: str
    provider: str = ""
    limit: int = 2000


@dataclass(frozen=True)
class Replayable:
    """A run with the settings it is replayed with, which of its requests count, and remarks."""

    run: Run
    policy: Policy
    chosen: Mask
    notes: tuple[str, ...]


def replayable(ch: Warehouse, wanted: Wanted, asked: Asked, deployment: Deployment) -> Replayable:
    """What a workspace's calls and samples give; raises InvalidInput for what can't be used."""
    span = wanted.span
    calls = captured_calls(
        ch, wanted.workspace_id, span, wanted.served, provider=wanted.provider, limit=wanted.limit
    )
    check_calls(ch, wanted, calls)
    end = span.end if len(calls) < wanted.limit else calls[-1].started_at
    view = view_of_server(ch, wanted, end)
    share = captured_share(calls, view)
    found = capture(calls, span.start, asked.setup(), f"calls to {wanted.served}")
    policy, said = policy_seen(policy_of(asked.setup(), deployment), view, kv_blocks(calls, view))
    notes = [f"left out: {count} calls that {reason}" for reason, count in found.left_out.items()]
    if len(calls) == wanted.limit:
        notes.append(f"used: the first {wanted.limit} calls, until {end:%Y-%m-%d %H:%M:%S} UTC")
    notes += captured_notes(share, view)
    return Replayable(found.run, policy, found.in_range, (*notes, *said))


def view_of_server(ch: Warehouse, wanted: Wanted, end: datetime) -> ServerView:
    """What the model's server said of itself from the start of the range to `end`."""
    step_s = max(1, int(wanted.span.length.total_seconds() / STEPS))
    loads = serving_load(ch, wanted.workspace_id, wanted.span, step_s)
    own = [load for load in loads if load.model == wanted.served and load.at < end]
    return server_view(own, step_s)


def check_calls(ch: Warehouse, wanted: Wanted, calls: list[CapturedCall]) -> None:
    """Raise InvalidInput unless one server answered these calls, as far as is known."""
    if not calls:
        there = ", ".join(models_called(ch, wanted.workspace_id, wanted.span))
        raise InvalidInput(
            f"No calls to {wanted.served} in this time. "
            + (
                f"There were calls to {there}: name one with --served."
                if there
                else "There were none to any model."
            )
        )
    providers = sorted({call.provider for call in calls})
    if len(providers) > 1:
        raise InvalidInput(
            f"Calls to {wanted.served} went to several providers: choose one of "
            f"{', '.join(providers)} with --provider."
        )
    count = servers(ch, wanted.workspace_id, wanted.span, wanted.served)
    if count > 1:
        raise InvalidInput(
            f"{count} servers of {wanted.served} were running, and calls don't say which of them "
            "answered. Choose a time with one, or calibrate with a benchmark of one."
        )


def policy_seen(policy: Policy, view: ServerView, blocks: int | None) -> tuple[Policy, list[str]]:
    """The policy with what the server's samples say of its limits, and how that was known."""
    notes = []
    if blocks is not None:
        policy = replace(policy, blocks=blocks)
        notes.append(f"KV cache: {blocks} blocks of 16 tokens, from its usage and the tokens held")
    if view.most_running is not None:
        policy = replace(policy, max_seqs=view.most_running)
        notes.append(f"most requests at a time: {view.most_running}, since others waited")
    return policy, notes


def captured_notes(share: float | None, view: ServerView) -> Iterator[str]:
    """How much of the server's load the calls are."""
    if share is None:
        yield (
            "The server sent no metrics: whether all of its requests were captured isn't known. "
            "Calls that weren't make it look slower."
        )
    elif share < CAPTURED_WELL:
        yield f"Only {share:.0%} of the server's requests were captured: it will look slower."
    else:
        yield f"{share:.0%} of the server's requests in flight were captured"
