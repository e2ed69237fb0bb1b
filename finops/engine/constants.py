"""What no data sheet says about the time of a step: the constants, and where a fit starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache

import yaml

from finops.engine.catalogue import HERE


@dataclass(frozen=True)
class Constants:
    """Shares of a data sheet's figures; times are µs.

    `memory`, `kv` and `link` are shares of the bandwidths; `compute` is relative to what large
    products reach on that GPU (Gpu.reached). `request_us` is spent before the scheduler sees a
    request and after its first token (front end, tokenizer, network): it is part of a measured TTFT
    and of no step. `door_us` a request and `token_us` a token are what the front end takes one
    after the other: clients can't be served faster than that.

    The defaults are fitted to all recorded points of dense models together, by
    `python -m tests.bench.engine_prior`; constants_for has those of each engine.
    """

    memory: float = 0.877
    compute: float = 0.8361
    kv: float = 0.7879
    link: float = 0.3119
    step_us: float = 631.4
    layer_us: float = 40.63
    row_us: float = 29.25
    allreduce_us: float = 4.852
    request_us: float = 27_030.0
    door_us: float = 12_950.0
    token_us: float = 64.29


@cache
def recorded() -> Mapping[str, Mapping[str, Constants]]:
    """Constants fitted to all recorded points: "dense" and "mixture", then by engine or "any"."""
    content = yaml.safe_load((HERE / "constants.yaml").read_text())
    names = {field.name for field in fields(Constants)}
    return {
        kind: {
            engine: Constants(**{name: float(values[name]) for name in names})
            for engine, values in engines.items()
        }
        for kind, engines in content.items()
    }


@dataclass(frozen=True)
class Link:
    """Sums over GPUs as measured by themselves: µs of a small one, share of link_gb_s of large."""

    allreduce_us: float
    share: float
    source: str


FITTED = "nvlink"  # what all recorded points ran on


@cache
def links() -> Mapping[str, Link]:
    """Links that no recorded point ran on, by kind."""
    content = yaml.safe_load((HERE / "links.yaml").read_text())
    return {kind: Link(**values) for kind, values in content["links"].items()}


def kind_of(link: str) -> str:
    """The kind of a GPU's link: "pcie" for "PCIe 5"."""
    return link.lower().partition(" ")[0]


def constants_for(backend: str, mixture: bool = False, link: str = FITTED) -> Constants:
    """Where a fit starts, and what a dense model is predicted with before anything was measured.

    An engine without recorded points (`backend` is the start of its name and version) gets what all
    engines have in common. All were recorded over NVLink. Another link changes the constants of
    sums by as much as it differs from NVLink's of dense models: for mixtures these constants hold
    more than sums, which stays. A link that isn't known counts as NVLink.
    """
    engines = recorded()["mixture" if mixture else "dense"]
    found = next(
        (found for name, found in engines.items() if backend.startswith(name)), engines["any"]
    )
    other, nvlink = links().get(kind_of(link)), recorded()["dense"]["any"]
    if other is None:
        return found
    return replace(
        found,
        link=found.link * other.share / nvlink.link,
        allreduce_us=found.allreduce_us + max(0.0, other.allreduce_us - nvlink.allreduce_us),
    )
