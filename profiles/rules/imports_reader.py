"""Understanding the rows of a table, a block at a time; also in a process of its own.

`main` takes pickles from its parent and gives pickles back: the plan, then
blocks of rows. It ends when the parent closes the pipe or dies, and knows no database.
"""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from profiles.rules.imports import FaultyCell, Named, Person, Plan, understand
from profiles.rules.imports_packing import packed_people


@dataclass(frozen=True, slots=True)
class Reading:
    """A block as it was understood: whom its rows name, all they say (packed), and the faulty ones."""

    named: list[Named]
    understood: bytes
    faults: list[tuple[int, list[FaultyCell]]]


def read(first_row: int, rows: Sequence[Sequence[str]], plan: Plan) -> Reading:
    """What the rows say; the number of the first one is known."""
    people: list[Person] = []
    faults = []
    for number, cells in enumerate(rows, start=first_row):
        found = understand(number, cells, plan)
        if isinstance(found, Person):
            people.append(found)
        else:
            faults.append((number, found))
    return Reading(
        named=[Named(person.row, person.keys) for person in people],
        understood=packed_people(people),
        faults=faults,
    )


def main() -> None:
    """Read blocks until there are no more; garbage is looked for between them."""
    gc.freeze()
    gc.disable()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    plan = pickle.load(source)  # noqa: S301 - from our own parent
    while True:
        try:
            first_row, rows = pickle.load(source)  # noqa: S301
        except EOFError:
            return
        pickle.dump(read(first_row, rows, plan), target, pickle.HIGHEST_PROTOCOL)
        target.flush()
        gc.collect()
