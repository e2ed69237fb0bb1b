"""A recorded run once more, on the same arrivals, by the simulated engine."""

from __future__ import annotations

from dataclasses import replace

from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidPolicy
from finops.engine.observed.engine_loop import EngineLoop, StepRow
from finops.engine.observed.run import Run, SeenBy, Setup, Times
from finops.engine.policy import Policy
from finops.engine.result import Result
from finops.engine.simulate import simulate
from finops.engine.step_time import SimulatedExecutor


def replay(run: Run, policy: Policy, deployment: Deployment, constants: Constants) -> Result:
    """What the engine would have done with the run's requests.

    `deployment` is that of one rank. Times are the engine's own; see `replayed_times` for what a
    client sees. Raises InvalidPolicy for ranks that don't share experts: these are replicas of
    their own.
    """
    if run.setup.plain:
        return simulate(run.workload, policy, SimulatedExecutor(deployment, constants))
    return replay_steps(run, policy, deployment, constants)[0]


def replay_steps(
    run: Run, policy: Policy, deployment: Deployment, constants: Constants
) -> tuple[Result, list[StepRow]]:
    """The same, step by step, and what each step did."""
    executor = SimulatedExecutor(shared(deployment, run.setup), constants)
    loop = EngineLoop(run.workload, policy, executor, run.setup)
    return loop.run(), loop.steps


def replayed_times(run: Run, result: Result, constants: Constants) -> Times:
    """The times of a replay as they were measured: at the client, the front end's time is added."""
    delay = round(constants.request_us * 1e6) if run.seen_by is SeenBy.CLIENT else 0
    return Times.of(result, delay)


def shared(deployment: Deployment, setup: Setup) -> Deployment:
    """The deployment whose step time is that of all ranks together.

    Ranks that share the experts of a mixture are one deployment over all their GPUs: each GPU holds
    its part of the experts, which the tokens of all ranks pass; what every rank computes of its own
    is as long as the same work divided among so many GPUs; and the two exchanges in every layer are
    those of a sum over GPUs.
    """
    if setup.ranks == 1:
        return deployment
    if not setup.expert_parallel:
        raise InvalidPolicy(
            f"{setup.ranks} ranks without expert parallelism are replicas of their own: simulate "
            "them with finops.engine.cluster."
        )
    return replace(deployment, tp=deployment.tp * setup.ranks)


def policy_of(setup: Setup, deployment: Deployment) -> Policy:
    """The scheduler's settings as recorded, with the blocks that fit beside the weights."""
    blocks = shared(deployment, setup).kv_blocks(setup.block_size, setup.memory_share)
    if not blocks // setup.ranks:
        raise InvalidPolicy(f"{deployment.model.name} doesn't fit into {deployment.gpu.name}.")
    return setup.policy(blocks // setup.ranks)
