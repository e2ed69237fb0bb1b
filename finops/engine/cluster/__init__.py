"""Several replicas behind one door: routers, pools, disaggregation, autoscaling, escalation."""

from finops.engine.cluster.autoscaling import Scaling, Signal
from finops.engine.cluster.disaggregation import Disaggregation
from finops.engine.cluster.escalation import Escalation, failures
from finops.engine.cluster.loop import simulate_cluster
from finops.engine.cluster.result import ClusterResult, ReplicaUse
from finops.engine.cluster.router import ByClass, LeastLoaded, PrefixAware, RoundRobin, Router
from finops.engine.cluster.settings import Cluster, InvalidCluster, ReplicaGroup

__all__ = [
    "ByClass",
    "Cluster",
    "ClusterResult",
    "Disaggregation",
    "Escalation",
    "InvalidCluster",
    "LeastLoaded",
    "PrefixAware",
    "ReplicaGroup",
    "ReplicaUse",
    "RoundRobin",
    "Router",
    "Scaling",
    "Signal",
    "failures",
    "simulate_cluster",
]
