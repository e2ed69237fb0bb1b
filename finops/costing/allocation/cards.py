"""From hours of single GPUs and MIG instances to what was seen of a pool.

A MIG instance is a part of its card by its compute slices: 3g.40gb is 3 of 7 (an A30 has 4), as
NVIDIA names profiles. Not by memory: slices are what limits the work. An instance's utilisation is
of its own slices; slices that belong to no instance are idle.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PROFILE = re.compile(r"(?:^|\bmig[ -])(\d)(?:c\.\d)?g\.\d+gb", re.IGNORECASE)
SLICES = 7
SLICES_OF_A30 = 4
HOUR_MS = 3_600_000
# Least common multiple of 4 and 7, so that slices are whole numbers.
TICKS = 28


@dataclass(frozen=True, slots=True)
class SampleHour:
    """What was observed of one GPU, or MIG instance of one, in an hour; GPU milliseconds.

    `covered_ms`: time between samples that are no further apart than the bound; `busy_ms`: the
    same, weighted by utilisation; `span_ms`: from the first to the last covered moment. Energy is
    the card's, in joules.
    """

    host: str
    gpu_uuid: str
    gpu_instance: str = ""
    gpu_model: str = ""
    profile: str = ""
    label: str = ""
    covered_ms: int = 0
    busy_ms: int = 0
    span_ms: int = 0
    energy_j: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of a pool's GPUs in an hour.

    Covered and busy time in ticks, TICKS to a GPU millisecond: so slices of cards stay exact.
    """

    gpus: int = 0
    covered_ticks: int = 0
    busy_ticks: int = 0
    span_ms: int = 0
    energy_j: int = 0


def slices_of(profile: str, gpu_model: str) -> tuple[int, int] | None:
    """Return compute slices of a MIG profile and of its card; None where no name tells.

    NVML names the profile in the model: NVIDIA H100 80GB HBM3 MIG 1g.10gb. 1c.3g.40gb is a compute
    instance: one slice of a GPU instance of three.
    """
    found = PROFILE.search(profile.strip()) or PROFILE.search(gpu_model)
    if found is None:
        return None
    whole = SLICES_OF_A30 if "A30" in gpu_model.upper() else SLICES
    return min(int(found[1]), whole), whole


def see(samples: Iterable[SampleHour]) -> Seen:
    """Add up GPUs; the instances of a card are one GPU."""
    cards: dict[tuple[str, str], list[SampleHour]] = defaultdict(list)
    for sample in samples:
        cards[sample.host, sample.gpu_uuid].append(sample)
    seen = [see_card(card) for card in cards.values()]
    return Seen(
        gpus=len(seen),
        covered_ticks=sum(card.covered_ticks for card in seen),
        busy_ticks=sum(card.busy_ticks for card in seen),
        span_ms=sum(card.span_ms for card in seen),
        energy_j=sum(card.energy_j for card in seen),
    )


def see_card(card: Sequence[SampleHour]) -> Seen:
    """Return what was seen of one card: of itself, or of its instances where it has any."""
    energy_j = sum(sample.energy_j for sample in card)
    instances = [sample for sample in card if sample.gpu_instance and sample.covered_ms]
    if not instances:
        # The longest covered row: a card that was cut up in this hour has silent ones, too.
        whole = max(card, key=lambda sample: (sample.covered_ms, sample.busy_ms))
        covered, busy = whole.covered_ms * TICKS, whole.busy_ms * TICKS
        return Seen(1, covered, busy, whole.span_ms, energy_j)
    return see_instances(instances, energy_j)


def see_instances(instances: Sequence[SampleHour], energy_j: int) -> Seen:
    """Add the instances of one card up, each as its part; slices of none of them are idle."""
    parts = parts_of(instances)
    covered = sum(sample.covered_ms * part for sample, part in parts)
    busy = sum(sample.busy_ms * part for sample, part in parts)
    watched_ms = max(sample.covered_ms for sample in instances)
    empty = max(0, TICKS - sum(part for _, part in parts)) * watched_ms
    # A card that was cut up anew within the hour has more instances than fit: each for a while.
    most = min(HOUR_MS * TICKS, max(watched_ms * TICKS, covered))
    if covered > most:
        covered, busy = most, busy * most // covered
    covered = min(covered + empty, most)
    span_ms = max(*(sample.span_ms for sample in instances), most // TICKS)
    return Seen(1, covered, busy, span_ms, energy_j)


def parts_of(instances: Sequence[SampleHour]) -> list[tuple[SampleHour, int]]:
    """Return each instance with its 28ths of the card.

    Instances of unknown profile share what the others leave in equal parts, rounded down.
    """
    known = {
        sample: found[0] * TICKS // found[1]
        for sample in instances
        if (found := slices_of(sample.profile, sample.gpu_model)) is not None
    }
    unknown = len(instances) - len(known)
    left = max(0, TICKS - sum(known.values())) // unknown if unknown else 0
    return [(sample, known.get(sample, left)) for sample in instances]
