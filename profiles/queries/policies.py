"""The company's rules for identifiers, and what other rules would change."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from profiles import rules
from profiles.models import Identifier, IdentityRule
from profiles.rules.policies import Policies, Policy

FRESH_FOR_SECONDS = 5.0
EXAMPLES = 5


@dataclass(slots=True)
class _Cache:
    """The few rules of an installation, kept by each process for seconds."""

    policies: Policies = field(default_factory=Policies)
    loaded_at: float = float("-inf")


_cache = _Cache()


def forget_policies() -> None:
    """Make the next read see the database; services call it after each change."""
    _cache.loaded_at = float("-inf")


def policies() -> Policies:
    """The rules in force, at most a few seconds old."""
    if time.monotonic() - _cache.loaded_at > FRESH_FOR_SECONDS:
        _cache.policies = Policies(_policy(row) for row in IdentityRule.objects.all())
        _cache.loaded_at = time.monotonic()
    return _cache.policies


def _policy(row: IdentityRule) -> Policy:
    return Policy(
        kind=row.kind,
        limit=row.limit,
        priority=row.priority,
        blocked=frozenset(row.blocked),
        joins_visitors=row.joins_visitors,
    )


# --- Dry run --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One consequence: how many profiles, and the ids of a few."""

    kind: str
    count: int
    examples: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRun:
    """What other rules would do to the customers of today.

    `blocked`: values which lead to somebody now and would lead to nobody: his next contact by them
    makes a second profile. `over_limit`: profiles which hold more of a kind than they could collect.
    `joined`: anonymous profiles which would be joined to the person they are known to be.
    `reordered`: pairs between whom the first kind decides, and another kind would come first.
    """

    blocked: Sequence[Effect]
    over_limit: Sequence[Effect]
    joined: Sequence[Effect]
    reordered: Sequence[Effect]

    @property
    def is_empty(self) -> bool:
        """True when nobody is concerned."""
        return not (self.blocked or self.over_limit or self.joined or self.reordered)


def dry_run(wanted: Sequence[Policy]) -> DryRun:
    """Compare the wanted rules with those in force, on the identifiers we hold. Saves nothing."""
    known, new = policies(), Policies(wanted)
    pairs = [(known[policy.kind], policy) for policy in new.all()]
    return DryRun(
        blocked=_effects(_newly_blocked(before, after) for before, after in pairs),
        over_limit=_effects(_over_limit(before, after) for before, after in pairs),
        joined=_effects(_joined(before, after) for before, after in pairs),
        reordered=_effects([_reordered(known, new)]),
    )


def _effects(found: Iterable[Effect | None]) -> list[Effect]:
    return [effect for effect in found if effect is not None and effect.count]


def _newly_blocked(before: Policy, after: Policy) -> Effect | None:
    entries = after.blocked - before.blocked
    if not entries:
        return None
    matches = Q()
    for entry in entries:
        matches |= Q(value__regex=_pattern(entry)) if "*" in entry else Q(value=entry)
    rows = Identifier.objects.filter(matches, kind=after.kind, is_key=True)
    return _effect(after.kind, rows.values_list("profile_id", flat=True).distinct())


def _over_limit(before: Policy, after: Policy) -> Effect | None:
    if after.limit >= before.limit:
        return None
    rows = (
        Identifier.objects.filter(kind=after.kind, is_key=True)
        .values("profile_id")
        .annotate(held=Count("id"))
        .filter(held__gt=after.limit)
    )
    return _effect(after.kind, rows.values_list("profile_id", flat=True))


_JOINED = """
SELECT DISTINCT visitor.id
FROM profiles_duplicatepair pair
JOIN profiles_profile visitor ON visitor.id IN (pair.low_id, pair.high_id)
WHERE pair.state <> 'different' AND visitor.merged_into_id IS NULL AND visitor.erased_at IS NULL
  AND EXISTS (SELECT 1 FROM profiles_identifier i
              WHERE i.profile_id = visitor.id AND i.is_key AND i.kind = %(kind)s)
  AND NOT EXISTS (SELECT 1 FROM profiles_identifier i
                  WHERE i.profile_id = visitor.id AND i.is_key AND i.kind <> ALL(%(machines)s))
ORDER BY visitor.id
"""


def _joined(before: Policy, after: Policy) -> Effect | None:
    if before.joins_visitors or not after.joins_visitors:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_JOINED, {"kind": after.kind, "machines": sorted(rules.OF_MACHINES)})
        ids = [profile_id for (profile_id,) in cursor.fetchall()]
    return Effect(kind=after.kind, count=len(ids), examples=ids[:EXAMPLES])


_REORDERED = """
SELECT DISTINCT i.profile_id
FROM profiles_identifier i
JOIN profiles_identifier k ON k.kind = i.kind AND k.value = i.value AND k.is_key
WHERE NOT i.is_key AND i.kind = ANY(%s)
ORDER BY i.profile_id
"""


def _reordered(known: Policies, new: Policies) -> Effect | None:
    moved = [
        kind for kind in new.priority if new.priority.index(kind) != known.priority.index(kind)
    ]
    if not moved:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_REORDERED, [moved])
        ids = [profile_id for (profile_id,) in cursor.fetchall()]
    return Effect(kind=moved[0], count=len(ids), examples=ids[:EXAMPLES])


def _effect(kind: str, rows: QuerySet[Identifier, Any]) -> Effect:
    ids = rows.order_by("profile_id")
    return Effect(kind=kind, count=ids.count(), examples=list(ids[:EXAMPLES]))


def _pattern(entry: str) -> str:
    return "^" + ".*".join(re.escape(part) for part in entry.split("*")) + "$"
