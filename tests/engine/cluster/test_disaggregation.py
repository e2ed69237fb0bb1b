"""Prefill and decode apart: worked out by hand, and the limits of a transfer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finops.engine.cluster import Cluster, ClusterResult, Disaggregation, ReplicaGroup
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.sequence import State
from finops.engine.workload import Request, Workload
from tests.engine.cluster.watched import Watched

POLICY = Policy(blocks=100, block_size=10, max_seqs=8, max_tokens=64)


def run(
    requests: list[Request], prefill: Policy = POLICY, decode: Policy = POLICY
) -> tuple[ClusterResult, Watched]:
    """A prefill step takes 100 ps, a decode step 10, a transfer 5 and 2 for each token."""
    groups = (
        ReplicaGroup(prefill, LinearStepTime(100), name="prefill"),
        ReplicaGroup(decode, LinearStepTime(10), name="decode"),
    )
    apart = Disaggregation(latency_ps=5, token_ps=2)
    watched = Watched(Workload.of(requests), Cluster(groups, disaggregation=apart))
    return watched.run(), watched


def test_prompts_go_over_the_link_one_after_the_other_and_decode_from_then_on() -> None:
    # Both prompts are computed by 100, with their first tokens. A's 10 tokens take the link until
    # 125, B's 20 until 170. A's three other tokens: 135, 145, 155; B's one: 180.
    result, watched = run([Request(0, 10, 4), Request(0, 20, 2)])
    assert result.first_ps.tolist() == [100, 100]
    assert result.finish_ps.tolist() == [155, 180]
    assert result.scheduled_ps.tolist() == [0, 0]
    assert [use.busy_ps for use in result.replicas] == [100, 40]
    assert [use.tokens for use in result.replicas] == [30, 4]
    assert watched.hand_over is not None
    assert watched.hand_over.transfers == 2


def test_an_answer_of_one_token_is_never_sent() -> None:
    result, watched = run([Request(0, 10, 1)])
    assert (result.finish_ps.tolist(), result.replica.tolist()) == ([100], [0])
    assert watched.hand_over is not None
    assert watched.hand_over.transfers == 0


def test_without_room_to_decode_the_prompt_waits_where_it_was_computed() -> None:
    # One seat: A decodes from 125 to 155, and only then B's place is kept and B is sent: 155 to
    # 200, done at 210.
    result, _ = run([Request(0, 10, 4), Request(0, 20, 2)], decode=replace(POLICY, max_seqs=1))
    assert result.finish_ps.tolist() == [155, 210]


def test_a_prompt_on_its_way_still_takes_its_blocks_at_the_sender() -> None:
    # Two blocks, and A takes one of them until its transfer ends at 125; B needs two, so its
    # prefill lasts from 125 to 225. Its transfer takes 45, its second token 10.
    result, _ = run([Request(0, 10, 4), Request(0, 20, 2)], prefill=replace(POLICY, blocks=2))
    assert result.scheduled_ps.tolist() == [0, 125]
    assert result.finish_ps.tolist() == [155, 280]


def test_what_decode_could_never_hold_is_rejected_before_its_prompt_is_computed() -> None:
    result, _ = run([Request(0, 10, 12), Request(0, 10, 11)], decode=replace(POLICY, blocks=2))
    assert result.status.tolist() == [State.REJECTED, State.FINISHED]
    assert result.replicas[0].tokens == 10


def test_who_gives_up_on_the_way_is_over_then_and_its_blocks_are_free_at_the_end() -> None:
    # A's transfer lasts from 100 to 125, but its client goes at 110. B's follows all the same.
    result, watched = run([Request(0, 10, 4, timeout_ps=110), Request(0, 20, 2)])
    assert result.status.tolist() == [State.TIMED_OUT, State.FINISHED]
    assert result.finish_ps.tolist() == [110, 180]
    assert watched.hand_over is not None
    assert watched.hand_over.transfers == 2


def test_who_gives_up_between_the_arrival_and_the_next_step_leaves_no_blocks_behind() -> None:
    # A's steps end at 165 and 175. B arrives at 170 and goes at 173: what was kept for it is free
    # at 175, which the watch sees at the end.
    result, watched = run([Request(0, 10, 9), Request(0, 20, 9, timeout_ps=173)])
    assert result.status.tolist() == [State.FINISHED, State.TIMED_OUT]
    assert result.finish_ps.tolist() == [205, 173]
    assert result.replica.tolist() == [1, 1]
    assert watched.end == 205


def test_a_victim_on_the_decode_side_computes_its_prompt_there_again() -> None:
    # Six blocks of 10 tokens. Both come with 2, and end with 4 each: the later one has to go once.
    tight = replace(POLICY, blocks=6)
    result, watched = run([Request(0, 19, 15), Request(0, 19, 15)], decode=tight)
    assert result.finished.all()
    assert result.preempted.tolist() == [0, 1]
    assert result.replicas[1].tokens > 28
    assert watched.hand_over is not None
    assert watched.hand_over.transfers == 2


def test_a_link_is_told_in_bytes() -> None:
    # 131,072 bytes a token over 50 GB/s: 2.62 µs.
    apart = Disaggregation.over(131_072, 50.0, latency_ps=10)
    assert apart.transfer_ps(1_000) == pytest.approx(10 + 131_072 * 1_000 / 50e9 * 1e12, rel=1e-6)
