"""Makes finops/engine/catalogue/constants.yaml: where fits start, what dense models start with.

`python -m tests.bench.engine_prior [--points CSV]` fits all recorded points of dense models
together and all of mixtures together (finops.engine.fit_engines), from the round figures of PRIOR
in tests/bench/engine.py. Constants' own defaults are "any" of "dense".
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from finops.engine.catalogue import HERE
from finops.engine.constants import Constants
from tests.bench.engine import KINDS, POINTS, fit_groups, read_groups

HEAD = "# Made by `python -m tests.bench.engine_prior` from tests/engine/recorded; don't edit.\n"


def fitted(points: Path) -> dict[str, dict[str, Constants]]:
    """Constants by kind of model and engine; "any" is what the engines have in common."""
    groups = read_groups(points)
    found: dict[str, dict[str, Constants]] = {}
    for kind, mixture in KINDS.items():
        common, engines = fit_groups([group for group in groups if group.is_mixture is mixture])
        found[kind.removesuffix("s")] = {"any": common, **engines}
    return found


def text_of(found: Mapping[str, Mapping[str, Constants]]) -> str:
    """The file, with four significant digits."""
    rows = {
        kind: {
            engine: {name: float(f"{value:.4g}") for name, value in asdict(constants).items()}
            for engine, constants in engines.items()
        }
        for kind, engines in found.items()
    }
    return HEAD + yaml.safe_dump(rows, sort_keys=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=Path, default=POINTS)
    text = text_of(fitted(parser.parse_args().points))
    (HERE / "constants.yaml").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
