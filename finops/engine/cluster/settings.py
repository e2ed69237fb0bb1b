"""What a cluster is made of: groups of like replicas, and the rule by which they share the work."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from finops.engine.cluster.autoscaling import Scaling
from finops.engine.cluster.disaggregation import Disaggregation
from finops.engine.cluster.escalation import Escalation
from finops.engine.cluster.router import ByClass, LeastLoaded, Router
from finops.engine.errors import EngineError
from finops.engine.executor import StepTime
from finops.engine.policy import BatchPolicy, Policy


class InvalidCluster(EngineError):
    """Parts of a cluster contradict each other, or one names another that isn't there."""

    code = "invalid_cluster"


@dataclass(frozen=True)
class ReplicaGroup:
    """Replicas that are alike: how each makes up its steps, how long they take, what it costs.

    Tensor and pipeline parallelism are inside a replica: its step time says what they bring. With
    `lockstep` the replicas are data-parallel ranks that step together (see lockstep.py), and to the
    router they are one. `replicas` is how many are up at the start; `scaling` changes that later.
    """

    policy: Policy | BatchPolicy
    step_time: StepTime
    replicas: int = 1
    name: str = "default"
    lockstep: bool = False
    usd_per_hour: Decimal = Decimal(0)
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        if not self.usd_per_hour.is_finite() or self.usd_per_hour < 0:
            raise InvalidCluster(f"{self.name} can't cost {self.usd_per_hour} USD an hour.")
        if self.scaling is not None:
            least, most = self.scaling.minimum, self.scaling.maximum
            if not least <= self.replicas <= most:
                raise InvalidCluster(f"{self.name} must start with {least} to {most} replicas.")
        elif self.replicas < 1:
            raise InvalidCluster(f"{self.name} needs a replica, or scaling that starts one.")
        if self.lockstep and (self.scaling is not None or isinstance(self.policy, BatchPolicy)):
            raise InvalidCluster(
                f"{self.name} is in lockstep: it can neither be scaled nor serve whole batches."
            )


@dataclass(frozen=True)
class Cluster:
    """Groups of replicas behind one door.

    Without more, every request may go to every replica, and `router` chooses. With `escalation`
    requests go to the small model's group first; with `disaggregation` to the prefill group first.
    Raises InvalidCluster.
    """

    groups: tuple[ReplicaGroup, ...]
    router: Router = field(default_factory=LeastLoaded)
    escalation: Escalation | None = None
    disaggregation: Disaggregation | None = None

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if not names or len(set(names)) < len(names):
            raise InvalidCluster("A cluster needs groups, each with a name of its own.")
        for name in self._named():
            if name not in names:
                raise InvalidCluster(f"There is no group {name}; there are {', '.join(names)}.")
        if self.disaggregation is not None:
            self._check_disaggregation(self.disaggregation)
        if self.escalation is not None and self.escalation.small == self.escalation.large:
            raise InvalidCluster("What the small group fails at must go to another group.")

    def _named(self) -> list[str]:
        named = []
        if isinstance(self.router, ByClass):
            named += [name for names in self.router.groups.values() for name in names]
            if not all(self.router.groups.values()):
                raise InvalidCluster("Each class that is routed needs a group.")
        if self.escalation is not None:
            named += [self.escalation.small, self.escalation.large]
        if self.disaggregation is not None:
            named += [self.disaggregation.prefill, self.disaggregation.decode]
        return named

    def _check_disaggregation(self, split: Disaggregation) -> None:
        if split.prefill == split.decode or len(self.groups) > 2 or self.escalation is not None:
            raise InvalidCluster(
                "A disaggregated cluster has two groups, prefill and decode, and no escalation."
            )
        for group in self.groups:
            if group.lockstep or isinstance(group.policy, BatchPolicy):
                raise InvalidCluster(f"{group.name} must batch continuously, not in lockstep.")
        decode = self.groups[self.number(split.decode)]
        if decode.scaling is not None:
            raise InvalidCluster("Only the prefill group of a disaggregated cluster can be scaled.")
        if any(service.max_queue is not None for service in decode.policy.classes):
            raise InvalidCluster("Limit the queue of the prefill group, not that of decode.")

    def number(self, name: str) -> int:
        """The place of a group among the groups."""
        return [group.name for group in self.groups].index(name)

    def door(self, klass: int) -> tuple[int, ...]:
        """The groups that a request of the class may go to when it comes."""
        if isinstance(self.router, ByClass) and klass in self.router.groups:
            return tuple(self.number(name) for name in self.router.groups[klass])
        if self.escalation is not None:
            return (self.number(self.escalation.small),)
        if self.disaggregation is not None:
            return (self.number(self.disaggregation.prefill),)
        return tuple(range(len(self.groups)))
