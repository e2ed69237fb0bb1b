"""The profile of a deployment: constants, how far off they are, and what they were fitted to.

A profile is a JSON file that a person can read. It holds the shapes of its model and GPU, so it
means the same whatever a catalogue says later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from finops.engine.constants import Constants
from finops.engine.decode import Undecodable, decode
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidProfile
from finops.engine.points import Point
from finops.engine.text_file import text_of

SCHEMA = "inferledger-engine-profile/1"
# The step-time model that constants belong to. Raised when the same constants no longer mean the
# same times; then fits have to be made again. tests/engine/test_profile.py holds a prediction.
ENGINE = 1

TTFT, TPOT, E2E = "ttft", "tpot", "e2e"
METRICS = (TTFT, TPOT, E2E)


@dataclass(frozen=True)
class Deviation:
    """|predicted ÷ measured − 1| over so many measured figures."""

    points: int
    mean: float
    median: float
    largest: float


@dataclass(frozen=True)
class Spread:
    """Bounds of log(measured ÷ predicted) that hold in 80 of 100 cases."""

    low: float
    high: float


@dataclass(frozen=True)
class Seen:
    """What was measured: how many points, and the lowest and the highest of what they asked for.

    All zero where nothing was measured. `tp` lists each number of GPUs that was.
    """

    points: int = 0
    clients: tuple[int, int] = (0, 0)
    prompt: tuple[int, int] = (0, 0)
    output: tuple[int, int] = (0, 0)
    tp: tuple[int, ...] = ()


@dataclass(frozen=True)
class Habits:
    """How the engine treats its requests, as finops.engine.points.Point says it."""

    budget: int = 8192
    reserve: bool = False
    wait_steps: int = 0


@dataclass(frozen=True)
class ProfileRecord:
    """What is known of a deployment. Mappings are by metric: ttft, tpot and e2e.

    `deployment` says what all points share; `seen.tp` on how many GPUs they were measured. `errors`
    are those of the points that were fitted to, `held_out` those of points that a fit didn't see,
    and `held_out_by` says how; both are empty where there are too few points. `spread_by` says
    where the spread is from. `made_at` is a time in ISO 8601.
    """

    deployment: Deployment
    constants: Constants
    held_back: int
    habits: Habits
    seen: Seen
    errors: Mapping[str, Deviation]
    held_out: Mapping[str, Deviation]
    held_out_by: str
    spread: Mapping[str, Spread]
    spread_by: str
    sources: tuple[str, ...]
    made_at: str
    engine: int = ENGINE

    def point(self, clients: int, prompt: int, output: int, tp: int | None = None) -> Point:
        """A load to be predicted: so many clients in a closed loop, on `tp` GPUs."""
        at = replace(self.deployment, tp=tp or self.deployment.tp)
        habits = asdict(self.habits)
        return Point(at, clients, prompt, output, held_back=self.held_back, **habits)


def write_profile(record: ProfileRecord, path: Path) -> None:
    """Write the profile; the file appears whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(as_json(record), indent=2, ensure_ascii=False) + "\n", "utf-8")
    partial.replace(path)


def as_json(record: ProfileRecord) -> dict[str, object]:
    """The profile as JSON has it. Fields of a shape that say nothing (0, none) are left out."""
    content = {"schema": SCHEMA, **asdict(record)}
    at = record.deployment
    for name, shape in (("model", at.model), ("gpu", at.gpu)):
        unsaid = {field.name: field.default for field in fields(shape)}
        content["deployment"][name] = {
            key: value for key, value in asdict(shape).items() if value != unsaid[key]
        }
    return content


def read_profile(path: Path) -> ProfileRecord:
    """The profile in a file; raises InvalidProfile that says what is wrong with it."""
    try:
        content = json.loads(text_of(path, InvalidProfile))
    except ValueError as error:
        raise InvalidProfile(f"{path.name} is no JSON: {error}.") from error
    return profile_of(content, path.name)


def profile_of(content: object, name: str) -> ProfileRecord:
    """The profile that JSON holds; `name` is said in errors."""
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise InvalidProfile(
            f"{name} is not a profile: its schema must be {SCHEMA}. "
            "Profiles are written by `manage.py calibrate`."
        )
    if content.get("engine") != ENGINE:
        raise InvalidProfile(
            f"{name} was made for step-time model {content.get('engine')}, and this is {ENGINE}: "
            "calibrate again with the same points."
        )
    fields_only = {key: value for key, value in content.items() if key != "schema"}
    try:
        record = decode(ProfileRecord, fields_only)
    except Undecodable as error:
        raise InvalidProfile(f"{name}: {error}.") from error
    check(record, name)
    return record


def check(record: ProfileRecord, name: str) -> None:
    """Raise InvalidProfile for a record that can't be predicted with."""
    low = [field for field, value in asdict(record.constants).items() if value <= 0]
    if low:
        raise InvalidProfile(f"{name}: constants.{low[0]} must be above 0.")
    for metric in METRICS:
        spread = record.spread.get(metric)
        if spread is None or spread.low > spread.high:
            raise InvalidProfile(f"{name}: spread.{metric} needs low and high, in this order.")
