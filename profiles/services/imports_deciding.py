"""Whose the rows of a table are, for many rows at once: as `resolve` would decide row by row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from ecrm.kernel import copying
from profiles import queries, rules
from profiles.models import ImportKey, Tombstone
from profiles.queries import tombstones
from profiles.rules import erasure
from profiles.rules import policies as policy_rules
from profiles.rules.imports import Named, Person

# Stands for a known profile among the digests of identifiers.
_PROFILE = "profile"


@dataclass(slots=True)
class Target:
    """One customer whom some rows of a batch are about; `id` is negative until somebody new has one.

    `taken` are identifiers which lead to him from now on, `contested` those which lead to somebody else.
    """

    id: int
    is_identified: bool
    rows: list[Person] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)
    taken: list[rules.Key] = field(default_factory=list)
    contested: dict[rules.Key, Target] = field(default_factory=dict)


# Each identifier is looked up by itself: a plan for all at once trusts statistics which a growing table
# has left behind, and reads the table for every block. LIMIT keeps the planner from joining them again.
_HOLDERS = """
SELECT k.kind, k.value, k.shop_id, f.profile_id, EXISTS (
    SELECT 1 FROM (
        SELECT s.kind FROM profiles_identifier s WHERE s.profile_id = f.profile_id AND s.is_key
        OFFSET 0) s WHERE s.kind = ANY(%(strong)s))
FROM unnest(%(kinds)s::text[], %(values)s::text[], %(shops)s::bigint[]) AS k (kind, value, shop_id)
CROSS JOIN LATERAL (
    (SELECT i.profile_id FROM profiles_identifier i
     WHERE k.shop_id IS NULL AND i.shop_id IS NULL AND i.is_key
       AND i.value = k.value AND i.kind = k.kind LIMIT 1)
    UNION ALL
    (SELECT i.profile_id FROM profiles_identifier i
     WHERE i.shop_id IS NOT NULL AND i.is_key
       AND i.value = k.value AND i.kind = k.kind AND i.shop_id = k.shop_id LIMIT 1)
) f
"""


def holders(keys: Collection[rules.Key]) -> dict[rules.Key, rules.Candidate]:
    """Whom each of many identifiers leads to. One query."""
    asked = list(keys)
    values: dict[str, Any] = {
        "kinds": [key.kind for key in asked],
        "values": [key.value for key in asked],
        "shops": [key.shop_id for key in asked],
        "strong": sorted(rules.STRONG),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, values)
        return {
            rules.Key(kind, value, shop_id): rules.Candidate(profile_id, is_identified)
            for kind, value, shop_id, profile_id, is_identified in cursor.fetchall()
        }


def erased(people: Sequence[Person | Named]) -> set[int]:
    """The numbers of the rows which name somebody who was erased: no import brings him back."""
    if not Tombstone.objects.exists():  # saves a hash for each identifier
        return set()
    keys = {key for person in people for key in person.keys}
    dead = tombstones.dead(keys, at=erasure.UNKNOWN_AGE).keys()
    if not dead:
        return set()
    held = holders(keys - dead).keys()
    return {
        person.row
        for person in people
        if (buried := dead & set(person.keys))
        and erasure.is_replay(person.keys, dead=buried, held=held, is_proven=True)
    }


def decide(people: Sequence[Person]) -> list[Target]:
    """Whom the rows are about, in the order in which they come first; nothing is written.

    The rules for identifiers apply: who is found by which kind first, and how many each may have.
    """
    deciding = _Deciding(holders({key for person in people for key in person.keys}))
    for person in people:
        deciding.add(person)
    return list(deciding.targets.values())


class _Deciding:
    """The rows of a batch so far: each may lead to somebody whom an earlier one brought."""

    def __init__(self, found: Mapping[rules.Key, rules.Candidate]) -> None:
        self.targets: dict[int, Target] = {}
        self._policies = queries.policies()
        self._known = {
            candidate.profile_id: Target(candidate.profile_id, candidate.is_identified)
            for candidate in found.values()
        }
        for profile_id, kinds in _kinds_of(self._known).items():
            self._known[profile_id].held = kinds
        self._leads = {key: self._known[c.profile_id] for key, c in found.items()}

    def add(self, person: Person) -> None:
        leads = {key: self._leads[key] for key in person.keys if key in self._leads}
        chosen = rules.choose(
            person.keys,
            {key: rules.Candidate(t.id, t.is_identified) for key, t in leads.items()},
            priority=self._policies.priority,
        )
        if chosen is None:
            target = Target(-person.row, is_identified=False)
        else:
            target = next(t for t in leads.values() if t.id == chosen)
        self.targets.setdefault(target.id, target).rows.append(person)
        free = [key for key in person.keys if key not in leads]
        for key in policy_rules.fitting(free, target.held, self._policies):
            target.taken.append(key)
            target.held[key.kind] += 1
            target.is_identified = target.is_identified or key.kind in rules.STRONG
            self._leads[key] = target
        target.contested |= {key: other for key, other in leads.items() if other is not target}


_KINDS = """
SELECT profile_id, kind, count(*) FROM profiles_identifier
WHERE profile_id = ANY(%s) AND is_key GROUP BY profile_id, kind
"""


def _kinds_of(profile_ids: Iterable[int]) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_KINDS, [sorted(profile_ids)])
        for profile_id, kind, count in cursor.fetchall():
            found.setdefault(profile_id, Counter())[kind] = count
    return found


# --- Counting without writing ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of some rows: somebody new, somebody known, somebody who was in the file before."""

    new: int
    known: int
    repeated: int


def forecast(import_id: int, *, people: Sequence[Named]) -> Forecast:
    """Count whose rows these are, after those of the same file which were counted before.

    Remembers their identifiers as digests, in the caller's transaction.
    """
    found = holders({key for person in people for key in person.keys})
    marks = {candidate.profile_id: _mark(candidate.profile_id) for candidate in found.values()}
    digests = {key: _digest(key) for key in {*marks.values(), *(k for p in people for k in p.keys)}}
    seen = _seen(import_id, digests.values())
    new: list[tuple[int, int, int, bool]] = []
    counts = Counter[str]()
    priority = queries.policies().priority
    for person in people:
        candidates = {
            key: seen.get(digests[key]) or found[key]
            for key in person.keys
            if digests[key] in seen or key in found
        }
        chosen = rules.choose(person.keys, candidates, priority=priority)
        mark = marks.get(chosen) if chosen is not None else None
        is_repeated = chosen is not None and (chosen < 0 or (mark and digests[mark] in seen))
        counts["new" if chosen is None else "repeated" if is_repeated else "known"] += 1
        whom = -person.row if chosen is None else chosen
        is_strong = any(key.kind in rules.STRONG for key in person.keys)
        for key in [*person.keys, *([mark] if mark else [])]:
            if digests[key] not in seen and (key not in found or found[key].profile_id == whom):
                seen[digests[key]] = rules.Candidate(whom, is_strong)
                new.append((import_id, digests[key], whom, is_strong))
    copying.copy("profiles_importkey", ["of_id", "digest", "person", "is_strong"], new)
    return Forecast(new=counts["new"], known=counts["known"], repeated=counts["repeated"])


def _mark(profile_id: int) -> rules.Key:
    return rules.Key(_PROFILE, str(profile_id))


def _digest(key: rules.Key) -> int:
    text = f"{key.kind}\x1f{key.shop_id or ''}\x1f{key.value}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)


def _seen(import_id: int, digests: Iterable[int]) -> dict[int, rules.Candidate]:
    rows = ImportKey.objects.filter(of_id=import_id, digest__in=list(digests))
    return {
        digest: rules.Candidate(person, is_strong)
        for digest, person, is_strong in rows.values_list("digest", "person", "is_strong")
    }
