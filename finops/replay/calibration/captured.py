"""Calls that the platform has captured, as a run that the engine can replay and be fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from finops.engine.observed.run import Calls, Mask, Run, SeenBy, Setup, run_of
from finops.engine.result import Floats
from finops.engine.workload import Column
from finops.queries.calibration_calls import CapturedCall
from finops.queries.serving import ServingLoad
from finops.replay.calibration.errors import InvalidInput

GENERATING = ("chat", "completion", "text_completion", "generate_content", "")
BLOCK = 16
# Below the first of these, calls that weren't captured made the server slower than it looks from
# those that were; below the second, that much that a fit would be wrong.
CAPTURED_WELL = 0.9
CAPTURED_ENOUGH = 0.6
LEAST_KV_USAGE = 0.02


@dataclass(frozen=True)
class Capture:
    """A run; which of its requests began in the range; and what was left out, by reason."""

    run: Run
    in_range: Mask
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class ServerView:
    """What the server said of itself, in means from `start` to `end`; None for what it didn't say.

    `most_running` is set where requests waited although there was room for their keys and values:
    then it is the engine's own limit.
    """

    start: datetime | None = None
    end: datetime | None = None
    in_flight: float | None = None
    kv_usage: float | None = None
    most_running: int | None = None


def capture(calls: Rows[CapturedCall], start: datetime, setup: Setup, source: str) -> Capture:
    """The calls as a run; raises InvalidInput without any that can be replayed.

    Where calls say how many tokens of their prompts were cached, these are left out of the prompts;
    else, where each has a hash chain, the engine's own prefix cache decides.
    """
    left_out: Counter[str] = Counter()
    used = []
    for call in calls:
        reason = why_not(call)
        if reason:
            left_out[reason] += 1
        else:
            used.append(call)
    if not used:
        reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InvalidInput(f"No call can be replayed: {reasons or 'there is none'}.")
    knows_cached = any(call.cached_tokens for call in used)
    has_chains = not knows_cached and all(call.chain for call in used)
    columns = Calls(
        arrival_s=np.array([call.started_at.timestamp() for call in used]),
        prompt=lengths([call.prompt_tokens for call in used]),
        output=lengths([call.output_tokens for call in used]),
        ttft_s=np.array([np.nan if c.ttft_ms is None else c.ttft_ms / 1e3 for c in used]),
        e2e_s=np.array([call.duration_ms / 1e3 for call in used]),
        cached=lengths([call.cached_tokens for call in used]) if knows_cached else None,
        hashes=[chain_of(call) for call in used] if has_chains else None,
    )
    run = run_of(columns, setup, SeenBy.CLIENT, source)
    return Capture(run, np.array([call.started_at >= start for call in used]), left_out)


def why_not(call: CapturedCall) -> str:
    """Why a call can't be replayed; '' if it can."""
    if call.operation not in GENERATING:
        return "generate no text"
    if call.outcome != "ok":
        return "failed or were cut off"
    if not call.prompt_tokens or not call.output_tokens:
        return "don't say how many tokens they had"
    if call.duration_ms <= 0:
        return "don't say how long they took"
    if call.ttft_ms is not None and not 0 < call.ttft_ms <= call.duration_ms:
        return "have a first token outside of their duration"
    return ""


def chain_of(call: CapturedCall) -> tuple[int, ...]:
    """The hashes of the prompt's whole blocks."""
    return call.chain[: (call.prompt_tokens or 0) // BLOCK]


def lengths(tokens: Rows[int | None]) -> Column:
    return np.array([count or 0 for count in tokens], np.int64)


def in_flight(calls: Rows[CapturedCall], start: datetime, end: datetime) -> float:
    """How many of the calls were on their way at a time, in the mean over the range."""
    return float(overlaps(calls, start, end).sum()) / (end - start).total_seconds()


def tokens_held(calls: Rows[CapturedCall], start: datetime, end: datetime) -> float:
    """Tokens whose keys and values the calls held in the mean, answers growing evenly."""
    held = np.array([(c.prompt_tokens or 0) + (c.output_tokens or 0) / 2 for c in calls])
    return float((overlaps(calls, start, end) * held).sum()) / (end - start).total_seconds()


def overlaps(calls: Rows[CapturedCall], start: datetime, end: datetime) -> Floats:
    """Seconds that each call spent in the range."""
    begun = np.array([call.started_at.timestamp() for call in calls])
    done = begun + np.array([call.duration_ms for call in calls]) / 1e3
    inside = np.minimum(done, end.timestamp()) - np.maximum(begun, start.timestamp())
    return np.asarray(np.maximum(0.0, inside))


def server_view(loads: Rows[ServingLoad], step_s: int) -> ServerView:
    """What a server showed, from the platform's samples by steps of so many seconds."""
    levels = [load.levels for load in loads]
    running, waiting, usage = (
        [level[name] for level in levels if name in level]
        for name in ("running", "waiting", "kv_cache_usage")
    )
    if not running:
        return ServerView()
    queue = sum(level.mean for level in waiting) / len(waiting) if waiting else 0.0
    kv = sum(level.mean for level in usage) / len(usage) if usage else None
    most = max(level.highest for level in running)
    has_room = bool(usage) and max(level.highest for level in usage) < 0.9
    return ServerView(
        start=loads[0].at,
        end=loads[-1].at + timedelta(seconds=step_s),
        in_flight=sum(level.mean for level in running) / len(running) + queue,
        kv_usage=kv,
        most_running=round(most) if queue >= 1 and has_room else None,
    )


def captured_share(calls: Rows[CapturedCall], view: ServerView) -> float | None:
    """Share of the server's load that the calls make up; None if the server didn't say.

    Raises InvalidInput below CAPTURED_ENOUGH.
    """
    if not view.in_flight or view.start is None or view.end is None:
        return None
    share = in_flight(calls, view.start, view.end) / view.in_flight
    if share < CAPTURED_ENOUGH:
        raise InvalidInput(
            f"Only {share:.0%} of the server's requests were captured: what made it slow is not to "
            "be seen. Choose a time in which all its clients report, or use a benchmark."
        )
    return share


def kv_blocks(calls: Rows[CapturedCall], view: ServerView) -> int | None:
    """Blocks of the server's KV cache, from its usage and the tokens held; None if unknown."""
    if view.kv_usage is None or view.kv_usage < LEAST_KV_USAGE:
        return None
    if view.start is None or view.end is None:
        return None
    return round(tokens_held(calls, view.start, view.end) / view.kv_usage / BLOCK)
