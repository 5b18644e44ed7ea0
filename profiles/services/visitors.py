"""Whose many tracking calls are, in a few statements whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from ecrm.kernel import history
from profiles import rules
from profiles.events import ProfileCreated
from profiles.models import Tombstone
from profiles.queries import listing, tombstones
from profiles.services.identities import resolve
from profiles.types import Identity

SOURCE = listing.VISIT
ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who acted, by these keys, the strongest first.

    `is_claimed` says that nobody vouches for the first key: it may find a customer, but whoever is new
    is known by the last one only.
    """

    keys: tuple[rules.Key, ...]
    is_claimed: bool = False

    @property
    def names_one(self) -> bool:
        """True when a new profile would get one key."""
        return self.is_claimed or len(self.keys) == 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """When a visitor acted first in a batch, and what his browser says about him."""

    at: datetime
    locale: str
    timezone: str


class _Overtaken(Exception):
    """Another transaction took one of the keys meanwhile."""


@transaction.atomic(savepoint=False)
def profiles_of(visitors: Mapping[Visitor, Met], *, shop_id: int) -> dict[Visitor, int]:
    """The profiles of visitors; whoever is new gets one, recorded as history: nothing follows from it.

    Nothing of a known profile changes, except that the shop knows it from now on. Until the transaction
    ends nobody merges the profiles away. Visitors who were erased after these deeds have no profile: what
    they did is not kept. Raises ResolutionFailed.
    """
    found: dict[Visitor, int] = {}
    visitors = _not_erased(visitors)
    for _attempt in range(ATTEMPTS):
        found = _known(visitors, shop_id=shop_id)
        new = {visitor: met for visitor, met in visitors.items() if visitor not in found}
        alone, entangled = _divided(new)
        try:
            with transaction.atomic():
                found |= _meet(alone, shop_id=shop_id)
        except _Overtaken:
            continue
        for visitor in entangled:
            found[visitor] = _resolve(visitor, new[visitor], shop_id=shop_id)
        return found
    return found | {
        visitor: _resolve(visitor, met, shop_id=shop_id)
        for visitor, met in visitors.items()
        if visitor not in found
    }


def _not_erased(visitors: Mapping[Visitor, Met]) -> Mapping[Visitor, Met]:
    """Without those of whom a key belongs to somebody erased since he acted. One query."""
    keys = tombstones.digests({key for visitor in visitors for key in visitor.keys})
    if not keys:
        return visitors
    rows = Tombstone.objects.filter(digest__in=keys).values_list("digest", "erased_at")
    erased_at = {keys[digest]: moment for digest, moment in rows}
    return {
        visitor: met
        for visitor, met in visitors.items()
        if not any(key in erased_at and met.at < erased_at[key] for key in visitor.keys)
    }


def _resolve(visitor: Visitor, met: Met, *, shop_id: int) -> int:
    keys = visitor.keys[-1:] if visitor.is_claimed else visitor.keys
    values = {key.kind: key.value for key in keys}
    identity = Identity(
        customer_id=values.get(rules.CUSTOMER_ID),
        anonymous_id=values.get(rules.ANONYMOUS_ID),
        is_proven=rules.CUSTOMER_ID in values,
    )
    return resolve(identity, shop_id=shop_id, source=SOURCE, at=met.at).profile_id


# --- Known ----------------------------------------------------------------------------------------

_HELD = """
SELECT i.kind, i.value, i.shop_id, p.id, p.merged_into_id IS NOT NULL OR p.erased_at IS NOT NULL,
       EXISTS (SELECT 1 FROM profiles_profileshop s WHERE s.profile_id = p.id AND s.shop_id = %(shop_id)s)
FROM (
    SELECT i.kind, i.value, i.shop_id, i.profile_id
    FROM unnest(%(anonymous)s::text[]) AS v (value)
    JOIN profiles_identifier i ON i.value = v.value AND i.kind = 'anonymous_id'
    WHERE i.is_key AND i.shop_id IS NULL
    UNION ALL
    SELECT i.kind, i.value, i.shop_id, i.profile_id
    FROM unnest(%(customers)s::text[]) AS v (value)
    JOIN profiles_identifier i ON i.value = v.value AND i.kind = 'customer_id'
    WHERE i.is_key AND i.shop_id = %(shop_id)s
) i
JOIN profiles_profile p ON p.id = i.profile_id
ORDER BY p.id
FOR KEY SHARE OF p
"""


def _known(visitors: Collection[Visitor], *, shop_id: int) -> dict[Visitor, int]:
    """Visitors whose keys lead to one person. One query, and one for those new to the shop."""
    keys = {key for visitor in visitors for key in visitor.keys}
    values: dict[str, Any] = {
        "shop_id": shop_id,
        "anonymous": [key.value for key in keys if key.kind == rules.ANONYMOUS_ID],
        "customers": [key.value for key in keys if key.kind == rules.CUSTOMER_ID],
    }
    holders: dict[rules.Key, int] = {}
    strangers: set[int] = set()
    with connection.cursor() as cursor:
        cursor.execute(_HELD, values)
        for kind, value, key_shop_id, profile_id, is_merged, is_known in cursor.fetchall():
            if not is_merged:
                holders[rules.Key(kind, value, key_shop_id)] = profile_id
                if not is_known:
                    strangers.add(profile_id)
    found = {}
    for visitor in visitors:
        if (profile_id := _led_to(visitor, holders)) is not None:
            found[visitor] = profile_id
    _introduce(strangers.intersection(found.values()), shop_id=shop_id)
    return found


def _led_to(visitor: Visitor, holders: Mapping[rules.Key, int]) -> int | None:
    leads = [holders.get(key) for key in visitor.keys]
    if visitor.is_claimed:
        return next((lead for lead in leads if lead is not None), None)
    return leads[0] if len(set(leads)) == 1 else None


def _introduce(profile_ids: Collection[int], *, shop_id: int) -> None:
    if not profile_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_profileshop (profile_id, shop_id, since)"
            " SELECT p, %s, %s FROM unnest(%s::bigint[]) AS p ORDER BY p ON CONFLICT DO NOTHING",
            [shop_id, now(), list(profile_ids)],
        )


# --- New ------------------------------------------------------------------------------------------


def _divided(new: Mapping[Visitor, Met]) -> tuple[dict[Visitor, Met], list[Visitor]]:
    """Those who can be written together, and those who share a key with others or have several."""
    uses: dict[rules.Key, int] = {}
    for visitor in new:
        for key in visitor.keys:
            uses[key] = uses.get(key, 0) + 1
    alone, entangled = {}, []
    for visitor, met in new.items():
        if visitor.names_one and uses[visitor.keys[-1]] == 1:
            alone[visitor] = met
        else:
            entangled.append(visitor)
    return alone, entangled


_MEET = """
WITH new AS MATERIALIZED (
    SELECT v.*, nextval(pg_get_serial_sequence('profiles_profile', 'id')) AS id
    FROM unnest(
        %(kinds)s::text[], %(values)s::text[], %(shop_ids)s::bigint[],
        %(moments)s::timestamptz[], %(locales)s::text[], %(timezones)s::text[]
    ) AS v (kind, value, key_shop_id, at, locale, timezone)
), person AS (
    INSERT INTO profiles_profile
        (id, first_name, last_name, search_name, locale, country, city, gender, timezone, currency,
         source, created_at, first_seen_at, last_seen_at)
    SELECT id, '', '', '', locale, '', '', '', timezone, '', %(source)s, %(now)s, at, at FROM new
), met AS (
    INSERT INTO profiles_profileshop (profile_id, shop_id, since)
    SELECT id, %(shop_id)s, at FROM new
), identified AS (
    INSERT INTO profiles_identifier
        (profile_id, kind, value, shop_id, is_key, is_verified, source, first_seen_at, last_seen_at)
    SELECT id, kind, value, key_shop_id, true, false, %(source)s, at, at FROM new
    ORDER BY kind, value
    ON CONFLICT DO NOTHING
    RETURNING kind, value, shop_id, profile_id
)
SELECT kind, value, shop_id, profile_id FROM identified
"""


def _meet(people: Mapping[Visitor, Met], *, shop_id: int) -> dict[Visitor, int]:
    """New profiles with one key each, in two statements. Raises _Overtaken."""
    if not people:
        return {}
    keys: Sequence[rules.Key] = [visitor.keys[-1] for visitor in people]
    values: dict[str, Any] = {
        "kinds": [key.kind for key in keys],
        "values": [key.value for key in keys],
        "shop_ids": [key.shop_id for key in keys],
        "moments": [met.at for met in people.values()],
        "locales": [met.locale for met in people.values()],
        "timezones": [met.timezone for met in people.values()],
        "shop_id": shop_id,
        "source": SOURCE,
        "now": now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEET, values)
        created = {rules.Key(*row[:3]): int(row[3]) for row in cursor.fetchall()}
    if len(created) < len(people):
        raise _Overtaken
    history.record(
        (ProfileCreated(profile_id=created[v.keys[-1]], shop_id=shop_id, source=SOURCE), met.at)
        for v, met in people.items()
    )
    return {visitor: created[visitor.keys[-1]] for visitor in people}
