"""How requests are put together into steps: the settings of the schedulers.

Times are integer picoseconds; lengths are tokens; memory is counted in blocks of the KV cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.errors import InvalidPolicy


@dataclass(frozen=True)
class ServiceClass:
    """Requests that are served alike, such as interactive chats or work in the background.

    A class of priority p waits as if it had come p × age_ps later (see `Policy.age_ps`).
    """

    name: str = "default"
    priority: int = 0
    max_seqs: int | None = None
    max_queue: int | None = None


@dataclass(frozen=True)
class Policy:
    """Continuous batching: each step is put together anew.

    `max_tokens` is the budget of a step; `max_seqs` bounds the sequences that run at once. `age_ps`
    is the time in which waiting makes up for one level of priority. Everybody ages at the same
    rate, so the order of two waiting requests never changes, and nobody starves.

    With `reserve` a sequence gets the blocks of its whole answer when it is admitted: nobody is
    ever preempted, and fewer run at once (TensorRT-LLM's "guaranteed no evict").
    """

    blocks: int
    block_size: int = 16
    max_seqs: int = 256
    max_tokens: int = 8192
    prefix_cache: bool = True
    reserve: bool = False
    max_model_len: int | None = None
    age_ps: int = 10 * 10**12
    classes: tuple[ServiceClass, ...] = (ServiceClass(),)

    def __post_init__(self) -> None:
        check_sizes(self.blocks, self.block_size, self.max_seqs, self.max_tokens)
        if self.max_tokens < self.max_seqs:
            raise InvalidPolicy(
                f"max_tokens ({self.max_tokens}) must be at least max_seqs ({self.max_seqs}): "
                "every running sequence gets a token in every step."
            )
        check_classes(self.classes)


@dataclass(frozen=True)
class BatchPolicy:
    """Whole batches: one is filled, prefilled at once and decoded until its last member is done.

    With `max_wait_ps` it is dynamic batching: a batch starts when it is full or when its oldest
    member has waited that long. Without, it is static batching: a batch starts when it is full, or
    when nothing more will come. `buckets` are upper bounds of prompt lengths; a batch holds prompts
    of one bucket only, so that less is padded. `max_tokens` bounds the padded prompts of a batch.
    """

    blocks: int
    block_size: int = 16
    max_seqs: int = 32
    max_tokens: int = 65536
    max_wait_ps: int | None = None
    buckets: tuple[int, ...] = ()
    max_model_len: int | None = None
    classes: tuple[ServiceClass, ...] = (ServiceClass(),)
    age_ps: int = 10 * 10**12

    def __post_init__(self) -> None:
        check_sizes(self.blocks, self.block_size, self.max_seqs, self.max_tokens)
        check_classes(self.classes)
        if list(self.buckets) != sorted(set(self.buckets)):
            raise InvalidPolicy("buckets must be prompt lengths that rise.")
        if self.max_wait_ps is not None and self.max_wait_ps < 0:
            raise InvalidPolicy("max_wait_ps must not be negative.")


def check_sizes(blocks: int, block_size: int, max_seqs: int, max_tokens: int) -> None:
    """Raise InvalidPolicy unless every size is at least 1."""
    sizes = (("blocks", blocks), ("block_size", block_size))
    for name, value in (*sizes, ("max_seqs", max_seqs), ("max_tokens", max_tokens)):
        if value < 1:
            raise InvalidPolicy(f"{name} must be at least 1, not {value}.")


def check_classes(classes: tuple[ServiceClass, ...]) -> None:
    """Raise InvalidPolicy for no class, a class that can't run, or two of one name."""
    if not classes:
        raise InvalidPolicy("A policy needs at least one class of requests.")
    if len({service.name for service in classes}) < len(classes):
        raise InvalidPolicy("Two classes have the same name.")
    for service in classes:
        if service.max_seqs is not None and service.max_seqs < 1:
            raise InvalidPolicy(f"The class {service.name} could never run: max_seqs is below 1.")
        if service.priority < 0:
            raise InvalidPolicy(f"The priority of {service.name} must be 0 (first) or more.")
