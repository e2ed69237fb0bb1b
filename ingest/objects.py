"""Objects of JSON in attributes, taken apart once a row.

Where a dialect reads many members of an object, these get numbers and stand beside the attributes
in `names` and `texts`: to read each of a hundred members by itself parses the text a hundred times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ingest.decode import quote, texts
from ingest.dialects.table import Json, Source
from ingest.slots import Name, parts_of

# Fewer members cost less one by one.
MANY = 3

# The attribute, and what leads inwards to the object.
Place = tuple[str, tuple[str | int, ...]]


class Objects:
    """The objects of which sources read many members; `members` are the numbers of these."""

    def __init__(self, names: Mapping[Name, int], sources: Iterable[Source]) -> None:
        self._names = names
        found = members_of(sources).items()
        self._objects = {place: members for place, members in found if len(members) >= MANY}
        apart = [member for members in self._objects.values() for member in members.values()]
        self.members = {
            member: number for number, member in enumerate(apart, max(names.values()) + 1)
        }

    def pairs(self) -> dict[str, str]:
        """Return columns of the names and texts of each object's members."""
        return {
            f"object_{index}": f"JSONExtractKeysAndValues({path_to(self._names, *place)}, 'String')"
            for index, place in enumerate(self._objects)
        }

    def beside(self) -> dict[str, str]:
        """Return `names` and `texts` with those of the members after them."""
        names, found = ["names"], ["texts"]
        for index, members in enumerate(self._objects.values()):
            numbers = ", ".join(str(self.members[member]) for member in members.values())
            names.append(f"""arrayMap(
                key -> transform(key, [{texts(members)}], [{numbers}]::Array(UInt16), 0::UInt16),
                object_{index}.1)""")
            found.append(f"object_{index}.2")
        return {
            "names": f"arrayConcat({', '.join(names)})",
            "texts": f"arrayConcat({', '.join(found)})",
        }


def members_of(sources: Iterable[Source]) -> dict[Place, dict[str, Json]]:
    """Return the members of JSON that sources read, by the object that they are in."""
    members: dict[Place, dict[str, Json]] = defaultdict(dict)
    for source in sources:
        for part in parts_of(source):
            if isinstance(part, Json) and part.path and isinstance(part.path[-1], str):
                members[part.name, part.path[:-1]][part.path[-1]] = part
    return members


def text_at(number: int) -> str:
    """Return the expression for the text of a number; '' where it isn't there."""
    return f"texts[indexOf(names, {number})]"


def path_to(names: Mapping[Name, int], name: str, path: tuple[str | int, ...]) -> str:
    """Return an attribute's text and what leads inwards, as arguments of a function of JSON."""
    return ", ".join((text_at(names[name]), *map(step_of, path)))


def step_of(step: str | int) -> str:
    return quote(step) if isinstance(step, str) else str(step)
