"""The rules that a correct scheduler follows, whatever the traffic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy, ServiceClass
from finops.engine.sequence import State
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Retry, Workload, closed_loop
from tests.engine.drawn import cases, difference, policies, step_times, workloads
from tests.engine.watched import run_watched

few = settings(max_examples=40, deadline=None)
Case = tuple[Workload, Policy, LinearStepTime]


@given(cases())
@settings(max_examples=250, deadline=None)
def test_every_step_keeps_budget_order_and_blocks(case: Case) -> None:
    # Rules 1 to 6 and 9, and the freed blocks of rule 14: see tests/engine/watched.py.
    assert difference(run_watched(*case), simulate(*case, compiled=False)) == []


@given(cases())
@few
def test_running_twice_gives_the_same(case: Case) -> None:
    assert difference(simulate(*case), simulate(*case)) == []


@given(cases(patient=True))
@few
def test_what_can_never_fit_is_rejected_and_all_else_finishes(case: Case) -> None:
    workload, policy, step_time = case
    policy = replace(policy, classes=tuple(replace(c, max_queue=None) for c in policy.classes))
    result = simulate(workload, policy, step_time)
    longest = workload.prompt + workload.output - 1
    fits = -(-longest // policy.block_size) <= policy.blocks
    if policy.max_model_len is not None:
        fits &= workload.prompt + workload.output <= policy.max_model_len
    assert (result.finished == fits).all()
    assert (result.status[~fits] == State.REJECTED).all()


@given(cases())
@few
def test_times_are_in_order_and_the_engine_is_busy_at_most_all_the_time(case: Case) -> None:
    result = simulate(*case)
    done = result.finished
    assert (result.arrival_ps[done] <= result.scheduled_ps[done]).all()
    assert (result.scheduled_ps[done] < result.first_ps[done]).all()
    assert (result.first_ps[done] <= result.finish_ps[done]).all()
    assert (result.first_ps == result.finish_ps)[done & (result.output == 1)].all()
    assert 0 <= result.busy_ps <= result.end_ps - result.start_ps
    assert (result.status >= State.FINISHED).all()


@given(cases())
@few
def test_waiting_prefill_and_decoding_add_up_to_the_whole(case: Case) -> None:
    result = simulate(*case)
    queue, ttft, e2e = result.queue_s(), result.ttft_s(), result.e2e_s()
    assert (queue >= 0).all()
    assert (ttft > queue).all()
    several = result.output[result.finished] > 1
    tokens = result.output[result.finished][several]
    assert (ttft[several] + result.tpot_s() * (tokens - 1)) == pytest.approx(e2e[several])
    assert ttft[~several] == pytest.approx(e2e[~several])


@given(cases(patient=True))
@few
def test_every_token_is_computed_once_where_nobody_is_preempted(case: Case) -> None:
    workload, policy, step_time = case
    result = simulate(workload, policy, step_time)
    assume(not result.preempted.any())
    done = result.finished
    needed = workload.prompt + workload.output - 1 - result.cached
    assert result.computed_tokens == needed[done].sum()


@given(cases())
@few
def test_a_client_sees_an_end_when_it_gives_up_and_its_next_turn_comes_from_there(
    case: Case,
) -> None:
    workload, policy, step_time = case
    result = simulate(workload, policy, step_time)
    waited = result.finish_ps - result.arrival_ps
    assert (result.attempts <= workload.retry.attempts).all()
    assert ((result.attempts > 0) == (result.status != State.NOT_SENT)).all()
    once = (result.status == State.TIMED_OUT) & (result.attempts == 1)
    assert (waited == workload.timeout_ps)[once].all()
    if workload.cancel_ps is not None:
        assert (waited == workload.cancel_ps)[result.status == State.CANCELLED].all()
    turned = (workload.after >= 0) & (result.status != State.NOT_SENT)
    before = result.finish_ps[workload.after]
    assert (result.arrival_ps == before + workload.arrival_ps)[turned].all()
    # Next turns of who has gone are never sent; nor those of one that went before trying again.
    gone = np.isin(result.status[workload.after], (State.CANCELLED, State.NOT_SENT))
    never = result.status == State.NOT_SENT
    assert never[(workload.after >= 0) & gone].all()
    if workload.cancel_ps is not None:
        gone |= workload.cancel_ps[workload.after] > 0
    assert gone[never].all()


@given(cases(patient=True))
@few
def test_within_a_class_who_comes_first_starts_first(case: Case) -> None:
    workload, policy, step_time = case
    result = simulate(workload, policy, step_time)
    for klass in range(len(policy.classes)):
        chosen = result.finished & (workload.klass == klass)
        order = np.argsort(result.arrival_ps[chosen], kind="stable")
        arrivals, starts = result.arrival_ps[chosen][order], result.scheduled_ps[chosen][order]
        later = np.diff(arrivals) > 0
        assert (np.diff(starts)[later] >= 0).all()


def test_ageing_lets_the_background_pass_those_who_came_much_later() -> None:
    classes = (ServiceClass("interactive"), ServiceClass("background", priority=1))
    policy = Policy(blocks=100, max_seqs=1, max_tokens=64, age_ps=5_000, classes=classes)
    chats = [Request(at * 100, prompt=8, output=10) for at in range(100)]
    chats.insert(0, Request(0, prompt=8, output=10, klass=1))
    aged = simulate(Workload.of(chats), policy, LinearStepTime(100))
    # Each chat takes 1,000 ps; those that came before 5,000 ps go first: 50 of them, so it starts
    # when they are done. Without ageing it would be the last.
    assert aged.scheduled_ps[0] == 50 * 1_000
    patient = simulate(Workload.of(chats), replace(policy, age_ps=10**12), LinearStepTime(100))
    assert patient.scheduled_ps[0] == patient.scheduled_ps.max()


@given(cases())
@few
def test_enough_blocks_mean_no_preemption_and_no_cache_no_hits(case: Case) -> None:
    workload, policy, step_time = case
    roomy = simulate(workload, replace(policy, blocks=25 * 100), step_time)
    assert roomy.preempted.sum() == 0
    bare = simulate(workload, replace(policy, prefix_cache=False), step_time)
    assert bare.cached.sum() == 0


@given(cases())
@few
def test_a_hit_is_whole_blocks_of_the_prompt_and_never_its_last_token(case: Case) -> None:
    workload, policy, step_time = case
    result = simulate(workload, policy, step_time)
    assert (result.cached % policy.block_size == 0).all()
    assert (result.cached < workload.prompt).all()


@given(policies(), step_times(), st.integers(1, 90), st.integers(1, 40))
@few
def test_one_request_alone_takes_what_the_formula_says(
    policy: Policy, time: LinearStepTime, prompt: int, output: int
) -> None:
    policy = replace(policy, max_model_len=None)
    assume((prompt + output - 1) <= policy.blocks * policy.block_size)
    alone = simulate(Workload.of([Request(50, prompt, output)]), policy, time)
    ttft, at = 0, 0
    while at < prompt:
        chunk = min(policy.max_tokens, prompt - at)
        pairs = chunk * at + chunk * (chunk + 1) // 2 if chunk > 1 else 0
        ttft += time.fixed_ps(chunk, 1) + time.kv_ps * (at + chunk) + time.pair_ps * pairs
        at += chunk
    assert alone.first_ps[0] - 50 == ttft
    steps = output - 1
    decode = steps * time.fixed_ps(1, 1) + time.kv_ps * (prompt * steps + steps * output // 2)
    assert alone.finish_ps[0] - alone.first_ps[0] == decode


@given(policies(), step_times(), st.integers(2, 9), st.data())
@few
def test_a_closed_system_scales_with_its_step_time(
    policy: Policy, time: LinearStepTime, factor: int, data: st.DataObject
) -> None:
    drawn = data.draw(workloads(policy, patient=True))
    workload = closed_loop(drawn.prompt, drawn.output, clients=3)
    slow = LinearStepTime(
        time.step_ps * factor,
        time.token_ps * factor,
        time.row_ps * factor,
        time.kv_ps * factor,
        time.pair_ps * factor,
    )
    policy = replace(policy, classes=(ServiceClass(),))
    one, other = simulate(workload, policy, time), simulate(workload, policy, slow)
    assert (one.finish_ps * factor == other.finish_ps)[one.finished].all()
    assert one.steps == other.steps


@given(policies(), st.integers(1, 60), st.data())
@few
def test_more_blocks_never_let_anyone_finish_later_where_steps_cost_the_same(
    policy: Policy, more: int, data: st.DataObject
) -> None:
    policy, workload = plain_queue(policy, data)
    few_blocks = simulate(workload, policy, LinearStepTime(100))
    many = simulate(workload, replace(policy, blocks=policy.blocks + more), LinearStepTime(100))
    both = few_blocks.finished & many.finished
    assume((few_blocks.finished == many.finished).all())
    # Steps start when someone comes to an idle engine: so the two may be out of step by one.
    assert (many.finish_ps < few_blocks.finish_ps + 100)[both].all()


def plain_queue(policy: Policy, data: st.DataObject) -> tuple[Policy, Workload]:
    """First come, first served, with prompts in one step and without preemption; who comes when."""
    policy = replace(policy, max_tokens=10_000, classes=(ServiceClass(),), prefix_cache=False)
    policy = replace(policy, reserve=True)
    drawn = data.draw(workloads(policy, patient=True))
    zeros = np.zeros_like(drawn.klass)
    arrivals = np.sort(drawn.arrival_ps)
    return policy, replace(drawn, arrival_ps=arrivals, klass=zeros, after=zeros - 1, hashes=None)


@given(policies(), st.integers(1, 99), st.data())
@few
def test_faster_steps_never_let_anyone_finish_later(
    policy: Policy, step_ps: int, data: st.DataObject
) -> None:
    policy, workload = plain_queue(policy, data)
    slow = simulate(workload, policy, LinearStepTime(100))
    faster = simulate(workload, policy, LinearStepTime(step_ps))
    assert (slow.status == faster.status).all()
    # Whoever comes just after a step has begun waits for its end.
    assert (faster.finish_ps < slow.finish_ps + step_ps)[slow.finished].all()


def test_littles_law_holds_for_a_steady_load() -> None:
    rng = np.random.default_rng(3)
    size = 4_000
    arrivals = np.cumsum(rng.exponential(2_000, size)).astype(np.int64)
    lengths = rng.integers(5, 60, (2, size))
    workload = Workload.of_columns(arrivals, lengths[0], lengths[1])
    result = simulate(workload, Policy(blocks=5_000, max_seqs=64), LinearStepTime(80, 1, 2))
    marks = np.concatenate([result.arrival_ps, result.finish_ps])
    change = np.concatenate([np.ones(size), -np.ones(size)])
    order = np.argsort(marks, kind="stable")
    inside = np.cumsum(change[order])[:-1]
    mean_inside = (inside * np.diff(marks[order])).sum() / (marks.max() - marks.min())
    assert mean_inside == pytest.approx(result.requests_per_s * result.e2e_s().mean(), rel=1e-9)
    assert 0.3 < result.utilisation <= 1


def test_a_timeout_is_tried_again_as_the_same_request_and_the_next_turn_waits_for_it() -> None:
    first = Request(0, prompt=4, output=10, timeout_ps=450)
    second = Request(100, prompt=4, output=2, after=0)
    workload = Workload.of([first, second], Retry(attempts=2, backoff_ps=1_000))
    result = simulate(workload, Policy(blocks=10), LinearStepTime(100))
    # Cut off at 450, again at 1,450, cut off at 1,900; the next turn comes 100 later.
    assert result.status.tolist() == [State.TIMED_OUT, State.FINISHED]
    assert result.attempts.tolist() == [2, 1]
    assert result.finish_ps.tolist() == [1_900, 2_200]
    assert result.arrival_ps.tolist() == [0, 2_000]
    # What it costs counts both attempts (five steps each, four tokens and four times one), and the
    # next turn's two steps; what was answered counts one.
    assert (result.computed_tokens, result.busy_ps) == (8 + 8 + 5, 1_200)
    assert result.requests_per_s * result.span_s == pytest.approx(1)
    assert result.output_tokens_per_s * result.span_s == pytest.approx(2)
