"""GPUs and models that the engine knows, from YAML; a user's own file adds to them or corrects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from finops.engine.errors import InvalidCatalogue, UnknownEntry
from finops.engine.shapes import Gpu, Model

HERE = Path(__file__).parent
# What is added to names of models without changing their shape.
SUFFIX = re.compile(
    r"[-_.](instruct|hf|chat|base|it|thinking|v0\.\d|\d{4}|dynamic|quantized|kv|bf16|fp8|fp4|nvfp4"
    r"|mxfp4|awq|gptq|int4|int8|w8a8|w4a16|bnb-4bit|marlin)$"
)
Entry = TypeVar("Entry", Gpu, Model)


@dataclass(frozen=True)
class Catalogue:
    """Entries by name and by alias, in lower case."""

    gpus: Mapping[str, Gpu]
    models: Mapping[str, Model]

    def gpu(self, name: str) -> Gpu:
        """The GPU of that name; raises UnknownEntry."""
        return find("GPU", self.gpus, name)

    def model(self, name: str) -> Model:
        """The model of that name, with or without its maker; raises UnknownEntry."""
        return find("model", self.models, name)


def find(kind: str, entries: Mapping[str, Entry], name: str) -> Entry:
    """The entry of that name, its maker's prefix and the suffixes that change no shape aside."""
    key = name.lower().replace(" ", "-").rsplit("/", 1)[-1]
    while key not in entries and (shorter := SUFFIX.sub("", key)) != key:
        key = shorter
    if key in entries:
        return entries[key]
    raise UnknownEntry(f"No {kind} {name} in the catalogue; add it in a YAML file of your own.")


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
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
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
        values = dict(row) if isinstance(row, dict) else {}
        aliases: list[str] = values.pop("aliases", [])
        check_fields(kind, str(name), values, path)
        entry = kind(name=str(name), **values)
        for key in (name, *aliases):
            found[str(key).lower()] = entry
    return found


def check_fields(kind: type[Gpu] | type[Model], name: str, row: dict[str, Any], path: Path) -> None:
    """Raise InvalidCatalogue for a field that is missing, unknown or of the wrong type."""
    wanted = {field.name: field for field in fields(kind) if field.name != "name"}
    for key, value in row.items():
        if key not in wanted:
            raise InvalidCatalogue(f"{path.name}: {name} has an unknown field {key}.")
        text = "str" in str(wanted[key].type)
        good = isinstance(value, str) if text else isinstance(value, int | float) and value >= 0
        if not good or isinstance(value, bool):
            raise InvalidCatalogue(f"{path.name}: {key} of {name} can't be {value!r}.")
    missing = [
        key
        for key, field in wanted.items()
        if key not in row and field.default is field.default_factory
    ]
    if missing:
        raise InvalidCatalogue(f"{path.name}: {name} lacks {', '.join(missing)}.")
