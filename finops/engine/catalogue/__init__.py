"""GPUs and models that the engine knows, from YAML; a user's own file adds to them or corrects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from finops.engine.catalogue.names import find, plain
from finops.engine.errors import InvalidCatalogue
from finops.engine.shapes import Gpu, Model
from finops.engine.text_file import text_of

HERE = Path(__file__).parent
Entry = TypeVar("Entry", Gpu, Model)
# The least that a figure can be; below it, it is in another unit or missing. Others may be 0.
LEAST = {
    "memory_gb": 1.0, "bandwidth_gb_s": 10.0, "bf16_tflops": 0.1, "link_gb_s": 1.0,
    "layers": 1, "hidden": 1, "heads": 1, "kv_heads": 1, "head_dim": 1, "vocab": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Catalogue:
    """Entries by name and by alias, both plain."""

    gpus: Mapping[str, Gpu]
    models: Mapping[str, Model]

    def gpu(self, name: str) -> Gpu:
        """The GPU of that name; raises UnknownEntry."""
        return find("GPU", self.gpus, name)

    def model(self, name: str) -> Model:
        """The model of that name, with or without its maker; raises UnknownEntry."""
        return find("model", self.models, name)


def load(*paths: Path) -> Catalogue:
    """The catalogue that comes with the engine, then each of `paths`; later entries win.

    A file holds `gpus:` and/or `models:`, as gpus.yaml and models.yaml here do. Raises
    InvalidCatalogue with the entry and the field that is wrong.
    """
    gpus: dict[str, Gpu] = {}
    models: dict[str, Model] = {}
    for path in (HERE / "gpus.yaml", HERE / "models.yaml", *paths):
        content = read(path)
        gpus |= entries_of(Gpu, content.get("gpus") or {}, path)
        models |= entries_of(Model, content.get("models") or {}, path)
    return Catalogue(gpus, models)


def read(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds."""
    try:
        content = yaml.safe_load(text_of(path, InvalidCatalogue))
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidCatalogue(f"{path.name} can't be read as YAML: {error}") from error
    if not isinstance(content, dict) or set(content) - {"gpus", "models"}:
        raise InvalidCatalogue(f"{path.name} must hold `gpus:` or `models:` and nothing else.")
    return content


def entries_of(kind: type[Entry], rows: Any, path: Path) -> dict[str, Entry]:
    """Entries by name and alias."""
    if not isinstance(rows, dict):
        raise InvalidCatalogue(f"{path.name}: expected names with fields under each.")
    found: dict[str, Entry] = {}
    for name, row in rows.items():
        values: dict[str, Any] = dict(row) if isinstance(row, dict) else {}
        aliases: list[str] = names_in(values.pop("aliases", []), f"{path.name}: aliases of {name}")
        check_fields(kind, str(name), values, path)
        entry = kind(name=str(name), **values)
        for key in [str(name), *aliases]:
            found[plain(key)] = entry
    return found


def names_in(value: object, what: str) -> list[str]:
    """A list of names; raises InvalidCatalogue for anything else."""
    if not isinstance(value, list):
        raise InvalidCatalogue(f"{what} must be a list.")
    return [str(each) for each in value]


def check_fields(kind: type[Gpu] | type[Model], name: str, row: dict[str, Any], path: Path) -> None:
    """Raise InvalidCatalogue for a field that is missing, unknown or of the wrong type."""
    wanted = {field.name: field for field in fields(kind) if field.name != "name"}
    for key, value in row.items():
        if key not in wanted:
            raise InvalidCatalogue(f"{path.name}: {name} has an unknown field {key}.")
        check_value(str(wanted[key].type), key, value, f"{path.name}: {key} of {name}")
    missing = [
        key
        for key, field in wanted.items()
        if key not in row and field.default is field.default_factory
    ]
    if missing:
        raise InvalidCatalogue(f"{path.name}: {name} lacks {', '.join(missing)}.")


def check_value(kind: str, key: str, value: object, what: str) -> None:
    """Raise InvalidCatalogue for text where a number belongs, parts of a head, another unit."""
    wanted: tuple[type, ...] = (
        (str,) if "str" in kind else (int,) if kind == "int" else (int, float)
    )
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise InvalidCatalogue(f"{what} can't be {value!r}.")
    if isinstance(value, int | float) and not LEAST.get(key, 0) <= value < math.inf:
        raise InvalidCatalogue(f"{what} can't be {value!r}: at least {LEAST.get(key, 0):g}.")
