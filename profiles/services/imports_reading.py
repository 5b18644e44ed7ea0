"""Blocks of a table made ready ahead: understood by a second process, unpacked by a thread.

Both are arithmetic: they take as long as the database's work and need none of it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, TypeAlias, cast

from django.conf import settings

from profiles.queries import imports_planning as planning
from profiles.rules import Key
from profiles.rules import imports_reader as reader
from profiles.rules.imports import Person, Plan
from profiles.rules.imports_reader import Reading

Rows: TypeAlias = Sequence[Sequence[str]]
# Starts the reading of a block and says how to get what was found.
Begin: TypeAlias = Callable[[int, Rows], Callable[[], Reading]]

AHEAD = 2
# A process takes half a second to start: not for a handful of blocks, nor where there is one processor.
LEAST_ROWS = 4 * planning.BATCH


def pays_off(rows_count: int) -> bool:
    """Whether a second process, or a second connection, is worth its start for a table so long."""
    return rows_count >= LEAST_ROWS and len(os.sched_getaffinity(0)) > 1


def understood(
    blocks: Iterable[Rows], *, first_row: int, plan: Plan, expected: int
) -> Generator[tuple[Rows, Reading], None, None]:
    """Each block with what its rows say, in their order; `expected` is about how many rows there are."""
    with _reader(plan, expected) as begin:
        waiting: deque[tuple[Rows, Callable[[], Reading]]] = deque()
        for block in blocks:
            waiting.append((block, begin(first_row, block)))
            first_row += len(block)
            if len(waiting) > AHEAD:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)


def _first(waiting: deque[tuple[Rows, Callable[[], Reading]]]) -> tuple[Rows, Reading]:
    rows, found = waiting.popleft()
    return rows, found()


@contextmanager
def _reader(plan: Plan, expected: int) -> Iterator[Begin]:
    if not pays_off(expected):
        yield lambda first_row, rows: partial(reader.read, first_row, rows, plan)
        return
    process = _start()
    with ThreadPoolExecutor(1) as thread:
        try:
            send = partial(_exchange, process)
            thread.submit(_send, process, plan).result()
            yield lambda first_row, rows: thread.submit(send, first_row, rows).result
        finally:
            process.kill()
            process.communicate()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-c", f"import {reader.__name__} as reader; reader.main()"],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _exchange(process: subprocess.Popen[bytes], first_row: int, rows: Rows) -> Reading:
    _send(process, (first_row, rows))
    found: Reading = pickle.load(cast(IO[bytes], process.stdout))  # noqa: S301 - from our own child
    return found


def _send(process: subprocess.Popen[bytes], what: object) -> None:
    pipe = cast(IO[bytes], process.stdin)
    pickle.dump(what, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


# --- What was kept of them ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A block as the check kept it: which rows of the file stand there, and what the sound ones say."""

    first_row: int
    rows_count: int
    people: list[Person]

    @property
    def keys(self) -> frozenset[Key]:
        """The identifiers its rows name."""
        return frozenset(key for person in self.people for key in person.keys)


@contextmanager
def unpacked_ahead(import_id: int) -> Iterator[Callable[[int], Unpacked | None]]:
    """How to get the block that begins at a row; the one behind it is unpacked by a thread meanwhile.

    There is none behind the last row. Blocks do not change once the check is over.
    """
    begun: dict[int, tuple[int, Future[list[Person]]]] = {}

    def begin(first_row: int) -> None:
        block = None if first_row in begun else planning.block_at(import_id, first_row)
        if block is not None:
            begun[first_row] = block.rows_count, thread.submit(planning.people_in, block)

    def block_at(first_row: int) -> Unpacked | None:
        begin(first_row)
        rows_count, people = begun.pop(first_row, (0, None))
        if people is None:
            return None
        begin(first_row + rows_count)
        return Unpacked(first_row, rows_count, people.result())

    with ThreadPoolExecutor(1) as thread:
        yield block_at
