"""Two hands for one import: a block is written while the one before it is.

Each hand has a connection and a transaction of its own, and the blocks end in the order of their rows. What
stays is what one hand would have written: blocks that name the same people are written one after the other,
and what customers have in common (tags, lists, suggestions) when the block before is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import TypeAlias

from django.db import connection

from profiles.rules import Key
from profiles.services import imports_reading as reading

Job: TypeAlias = Callable[[], None]

HANDS = 2
# A stranger's transaction may wait for one hand while the other waits for it: no database sees that ring.
PATIENCE_SECONDS = 20.0


class Overtaken(Exception):
    """Somebody else took an identifier or merged a customer meanwhile: look again."""


@dataclass(slots=True)
class Turn:
    """A block's place among those under way: which one it follows, and how far it has come itself.

    `keys` are the identifiers its rows name, `known` the customers of before whom they turned out to mean.
    """

    keys: frozenset[Key] = frozenset()
    after: Turn | None = None
    known: frozenset[int] = frozenset()
    has_decided: Event = field(default_factory=Event)
    is_over: Event = field(default_factory=Event)

    def begin(self) -> None:
        """Wait for the block before when it names the same people. Outside any transaction."""
        if self.after is not None and not self.after.keys.isdisjoint(self.keys):
            self.yield_way()

    def yield_way(self) -> None:
        """Let the block before be written to its end. Outside any transaction."""
        if self.after is not None:
            self.after.is_over.wait()

    def decide(self, known: Iterable[int]) -> None:
        """Say whom the rows mean. Raises Overtaken where the block before, still under way, means him too."""
        self.known = frozenset(known)
        self.has_decided.set()
        before = self.after
        if before is None or before.is_over.is_set():
            return
        before.has_decided.wait()
        if not before.known.isdisjoint(self.known):
            raise Overtaken

    def come_up(self) -> None:
        """Return when the block before is committed; what follows sees it. Raises Overtaken after a while."""
        if self.after is not None and not self.after.is_over.wait(PATIENCE_SECONDS):
            raise Overtaken

    def end(self) -> None:
        """The block is written, or will not be: nobody waits for it any more."""
        self.after = None
        self.has_decided.set()
        self.is_over.set()


@contextmanager
def hands(rows_count: int) -> Iterator[Callable[[Job], None]]:
    """How to have blocks written, in their order: at once, or of long tables each by the next hand.

    A job's error comes with one of the next ones, at the latest when the context ends.
    """
    if not reading.pays_off(rows_count):
        yield lambda job: job()
        return
    pools = deque(ThreadPoolExecutor(1) for _hand in range(HANDS))
    jobs: deque[Future[None]] = deque()
    try:
        yield partial(_give, pools, jobs)
        while jobs:
            jobs.popleft().result()
    finally:
        for pool in pools:
            pool.submit(_close_connection)
            pool.shutdown()


def _close_connection() -> None:
    """That of the thread which calls it: `connection` itself means that of whoever names it."""
    connection.close()


def _give(pools: deque[ThreadPoolExecutor], jobs: deque[Future[None]], job: Job) -> None:
    if len(jobs) == HANDS:
        jobs.popleft().result()
    jobs.append(pools[0].submit(job))
    pools.rotate()
