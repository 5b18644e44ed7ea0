"""What the company wants of each kind of identifier. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from profiles.rules import identity

LIMITS = {
    identity.CUSTOMER_ID: 20,
    identity.EMAIL: 20,
    identity.PHONE: 10,
    identity.SOCIAL: 20,
    identity.DEVICE: 50,
    identity.ANONYMOUS_ID: 200,
}
MOST = 1000
# Nobody's addresses: what forms carry. Which ones a shop tests with, it says itself.
BLOCKED = {identity.EMAIL: frozenset({"test@*", "noreply@*", "no-reply@*", "*@localhost"})}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One kind: how many a profile may have, which values identify nobody, whom it may join.

    `blocked` holds normalised values; `*` stands for anything. `joins_visitors` lets a proven contact
    join the anonymous profile behind a value of this kind to the person it names.
    """

    kind: str
    limit: int
    priority: int
    blocked: frozenset[str] = field(default_factory=frozenset)
    joins_visitors: bool = True

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        if not self.blocked:
            return None
        texts = (
            ".*".join(re.escape(part) for part in entry.split("*"))
            for entry in sorted(self.blocked)
        )
        return re.compile("|".join(texts))

    def blocks(self, value: str) -> bool:
        """True when the normalised value identifies nobody."""
        return self._pattern is not None and self._pattern.fullmatch(value) is not None


class Policies:
    """The policies of all kinds."""

    def __init__(self, changed: Iterable[Policy] = ()) -> None:
        """The defaults, with these in their place."""
        self._by_kind = {policy.kind: policy for policy in (*_defaults(), *changed)}
        ordered = sorted(self._by_kind.values(), key=lambda p: (p.priority, p.kind))
        self.priority = tuple(policy.kind for policy in ordered)

    def __getitem__(self, kind: str) -> Policy:
        """The policy of a kind."""
        return self._by_kind[kind]

    def all(self) -> list[Policy]:
        """Every policy, the strongest kind first."""
        return [self._by_kind[kind] for kind in self.priority]

    def with_room(self, kind: str, *, held: int) -> int:
        """How many more of a kind a profile with so many may take."""
        return max(0, self._by_kind[kind].limit - held)


def _defaults() -> list[Policy]:
    return [
        Policy(
            kind=kind,
            limit=LIMITS[kind],
            priority=number,
            blocked=BLOCKED.get(kind, frozenset()),
            joins_visitors=kind in identity.OF_MACHINES,
        )
        for number, kind in enumerate(identity.PRIORITY, start=1)
    ]


def fitting(
    keys: Iterable[identity.Key], held: Mapping[str, int], policies: Policies
) -> list[identity.Key]:
    """As many of the keys as the limits leave room for."""
    taken = dict(held)
    found = []
    for key in keys:
        if policies.with_room(key.kind, held=taken.get(key.kind, 0)):
            taken[key.kind] = taken.get(key.kind, 0) + 1
            found.append(key)
    return found
