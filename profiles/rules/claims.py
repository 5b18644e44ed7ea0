"""What somebody typed and nobody vouched for, and when it gives way. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from profiles.rules.identity import OF_MACHINES, Key


@dataclass(frozen=True, slots=True)
class Hold:
    """A profile which holds a key: `is_claimed` when only somebody's word says so.

    `kinds` are the kinds of all its keys, each as often as it holds one.
    """

    profile_id: int
    is_claimed: bool
    kinds: tuple[str, ...]


def loose(holds: Mapping[Key, Hold]) -> frozenset[Key]:
    """The claimed keys whose holder is not surely the proven owner who names these keys now.

    A profile all of whose keys the owner names is himself, met before he proved it. One which has
    another key besides (a computer, somebody's telephone) may be anybody's.
    """
    named = Counter(hold.profile_id for hold in holds.values())
    return frozenset(
        key
        for key, hold in holds.items()
        if hold.is_claimed and named[hold.profile_id] < len(hold.kinds)
    )


def left_over(kinds: Iterable[str], taken: Iterable[Key]) -> list[str]:
    """The kinds of the keys which a profile keeps when these are taken from it."""
    return list((Counter(kinds) - Counter(key.kind for key in taken)).elements())


def is_computer(kinds: Iterable[str]) -> bool:
    """True when one of these kinds belongs to a computer."""
    return not OF_MACHINES.isdisjoint(kinds)
