"""The words of the tables of names: which metric of which sender means what to us.

One metric has many spellings: `vllm:prompt_tokens_total` is `vllm_prompt_tokens` after a push
gateway and `vllm.prompt_tokens` from an SDK. `spell` makes one of them; the tables hold these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Labels = Mapping[str, tuple[str, ...]]
# '' is the metric itself; the others are what Prometheus makes of a histogram when it is taken
# apart, each a counter of its own.
Part = Literal["", "bucket", "sum", "count"]
Kind = Literal["gauge", "counter", "histogram"]


def spell(name: str) -> str:
    """Return the one spelling of a metric's name."""
    return name.lower().replace(":", "_").replace(".", "_").removesuffix("_total")


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric that fills one column of gpu_samples.

    Its value times `scale` has the column's unit, and is no reading outside the column's bounds
    (see gpu_names.BOUNDS). `where` says which labels it must have; '' stands for a label that
    isn't there. What `of_card` is measured for the whole card, even where it is reported once for
    each of its MIG instances.
    """

    name: str
    column: str
    scale: float = 1.0
    where: Labels = field(default_factory=dict)
    of_card: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of an inference server: what it is to us, and in which unit it comes."""

    name: str
    system: str
    measure: str
    kind: Kind
    scale: float = 1.0
    where: Labels = field(default_factory=dict)
    part: Part = ""


# Metrics of the clients of models. Each repeats what the spans of the same calls say.
REPEATS_SPANS = (
    "gen_ai_client_",
    "gen_ai_invoke_",
    "gen_ai_execute_",
    "gen_ai_usage",
    "gen_ai_total",
    "gen_ai_cost",
    "gen_ai_operation",
    "gen_ai_agent_",
    "gen_ai_workflow_",
    "llm_",
    "openai_",
    "anthropic_",
    "litellm_",
    "langfuse_",
    "traceloop_",
    "pydantic_ai_",
    "operation_cost",
    "ai_client_",
)


def repeats_spans(spelled: str) -> bool:
    """Say whether a metric tells the usage of calls that come as spans, too."""
    return spelled.startswith(REPEATS_SPANS)
