"""A play: what it sends, and how one that was cut off goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from finops.accounts.models import Workspace
from finops.accounts.workspaces import create_workspace
from finops.demo.arrivals import measure
from finops.demo.models import DemoPlay
from finops.demo.play import SETTLED, Plan, begin, deliver, earlier_play
from inferledger.testing import Captured, capture

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class CutOff(Exception):
    """Stands for Ctrl-C between two chunks."""


class Watching:
    """Progress that is interrupted after so many acknowledgements."""

    def __init__(self, interrupted_after: int = 1000) -> None:
        self.acknowledged: list[int] = []
        self._interrupted_after = interrupted_after

    def sent(self, requests: int) -> None:
        self.acknowledged.append(requests)
        if len(self.acknowledged) == self._interrupted_after:
            raise CutOff

    def charged(self, calls: int, of: int) -> None:
        pass


@pytest.fixture
def workspace(db: None) -> Workspace:
    return create_workspace("demo", "Demo")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """25 requests, a second apart, of three clients."""
    path = tmp_path / "trace.csv"
    rows = "".join(f"{i},{(7, 16, 41)[i % 3]},{1000 + i},{i}\n" for i in range(25))
    path.write_text(f"t,client,input,output\n{rows}")
    return Plan([measure(path, "servegen")], "test", 25, "http://127.0.0.1:9", chunk=10)


def request_ids(captured: Captured) -> list[str]:
    return [str(call["attributes"]["finops.request.id"]) for call in captured.calls]


def test_every_recorded_request_is_sent_with_its_tokens_and_ends_when_asked(
    workspace: Workspace, plan: Plan
) -> None:
    with capture() as captured:
        sent = deliver(plan, begin(plan, workspace, NOW), Watching())
    assert (sent.requests, sent.calls) == (len(set(request_ids(captured))), len(captured.calls))
    firsts = [c for c in captured.calls if c["attributes"]["finops.request.attempt"] == 0]
    inputs = [c["attributes"].get("gen_ai.usage.input_tokens") for c in firsts]
    assert {1000 + i for i in range(25)} >= set(inputs) - {None}
    assert len(set(inputs) - {None}) >= 20
    assert firsts[0]["started_at"] == NOW - SETTLED - timedelta(seconds=24)
    assert all(call["started_at"] + timedelta(minutes=1) < NOW for call in captured.calls[:20])


def test_ids_of_a_play_start_with_its_token_and_differ_from_another_play(
    workspace: Workspace, plan: Plan
) -> None:
    plays = []
    for _ in range(2):
        with capture() as captured:
            play = begin(plan, workspace, NOW)
            deliver(plan, play, Watching())
        DemoPlay.objects.filter(pk=play.pk).update(delivered_at=NOW)
        assert all(name.startswith(play.token) for name in request_ids(captured))
        plays.append(set(request_ids(captured)))
    assert not plays[0] & plays[1]


def test_a_play_that_was_cut_off_goes_on_with_what_was_not_acknowledged(
    workspace: Workspace, plan: Plan
) -> None:
    with capture() as whole:
        deliver(plan, DemoPlay(token="whole", ends_at=NOW), Watching())
    with capture() as before, pytest.raises(CutOff):
        deliver(plan, begin(plan, workspace, NOW), Watching(interrupted_after=1))
    assert len(set(request_ids(before))) == 10
    with capture() as after:
        play = begin(plan, workspace, NOW + timedelta(hours=1))
        deliver(plan, play, Watching())
    assert play.ends_at == NOW - SETTLED
    both = [*request_ids(before), *request_ids(after)]
    assert [name.removeprefix(play.token) for name in both] == [
        name.removeprefix("whole") for name in request_ids(whole)
    ]


def test_only_a_complete_play_of_the_same_traffic_counts_as_played(
    workspace: Workspace, plan: Plan
) -> None:
    play = begin(plan, workspace, NOW)
    assert earlier_play(workspace, "test") is None
    DemoPlay.objects.filter(pk=play.pk).update(delivered_at=NOW)
    assert earlier_play(workspace, "test") == play
    assert earlier_play(workspace, "other") is None
