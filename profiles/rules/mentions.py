"""Who is called by name in a text: “@Claire Dubois, have a look”. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from profiles.rules.identity import searchable

_AT = re.compile(r"(?<![\w.+-])@(?=\w)")


def mentioned(text: str, people: Mapping[int, str]) -> list[int]:
    """The ids of the people whose whole name, or only they bear that first name, follows an @ sign."""
    called = _names(people)
    found: dict[int, None] = {}
    for position in _AT.finditer(text):
        rest = searchable(text[position.end() : position.end() + 200])
        for name, person in called:
            if rest.startswith(name) and not rest[len(name) : len(name) + 1].isalnum():
                found[person] = None
                break
    return list(found)


def _names(people: Mapping[int, str]) -> Sequence[tuple[str, int]]:
    """Whole names and first names which one person bears alone, the longest first."""
    bearers: dict[str, set[int]] = {}
    for person, name in people.items():
        whole = searchable(" ".join(name.split()))
        for called in {whole, whole.partition(" ")[0]} - {""}:
            bearers.setdefault(called, set()).add(person)
    alone = [(name, min(ids)) for name, ids in bearers.items() if len(ids) == 1]
    return sorted(alone, key=lambda pair: (-len(pair[0]), pair[0]))
