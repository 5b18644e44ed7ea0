"""Writing down somebody new: the hottest write of the product beside the order itself.

The profile, what identifies it, the shop that met it and where it lives are one statement by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from django.utils.timezone import now

from ecrm.kernel.prepared import Statement, shared_cursor
from profiles import rules
from profiles.models import Identifier, PostalAddress, Profile, ProfileShop
from profiles.rules import consents
from profiles.rules.addresses import Place

_DETAILS = [field.name for field in fields(rules.Details)]
MACHINES = sorted(rules.OF_MACHINES)
_PLACE = [*(field.name for field in fields(Place)), "fingerprint"]

_INSERT = Statement(
    "insert_newcomer",
    f"""
WITH person AS (
    INSERT INTO profiles_profile
        ({", ".join(_DETAILS)}, search_name, source, created_at, first_seen_at, last_seen_at)
    VALUES ({", ".join(f"%({name})s" for name in _DETAILS)}, %(search_name)s, %(source)s,
            %(created_at)s, %(at)s, %(at)s)
    RETURNING id
), identified AS (
    INSERT INTO profiles_identifier
        (profile_id, kind, value, shop_id, is_key, is_verified, is_claimed, source, first_seen_at,
         last_seen_at)
    SELECT person.id, key.kind, key.value, key.shop_id, true, false,
           %(is_claimed)s AND NOT key.kind = ANY(%(machines)s::text[]), %(source)s, %(at)s, %(at)s
    FROM person, unnest(
        %(kinds)s::text[], %(values)s::text[], %(shop_ids)s::bigint[]
    ) AS key (kind, value, shop_id)
    ON CONFLICT DO NOTHING
    RETURNING id
), met AS (
    INSERT INTO profiles_profileshop (profile_id, shop_id, since)
    SELECT person.id, %(shop_id)s, %(at)s FROM person
), answered AS (
    INSERT INTO profiles_consent
        (profile_id, shop_id, channel, purpose, answer, is_incidental, source, answered_at, recorded_at)
    SELECT person.id, %(shop_id)s, 'email', 'marketing', %(wish)s::text, true, %(source)s, %(at)s,
           %(created_at)s
    FROM person
    WHERE %(wish)s <> '' AND (SELECT count(*) FROM identified) = cardinality(%(kinds)s::text[])
    RETURNING id, profile_id
), standing AS (
    INSERT INTO profiles_consentstate (profile_id, shop_id, channel, purpose, stand)
    SELECT answered.profile_id, %(shop_id)s, 'email', 'marketing',
           CASE WHEN %(wish)s = '{consents.GRANTED}' THEN 0 ELSE 2 END * {consents.STEP} + answered.id
    FROM answered
), living AS (
    INSERT INTO profiles_postaladdress
        (profile_id, {", ".join(_PLACE)}, source, first_seen_at, last_seen_at)
    SELECT person.id, place.*, %(source)s, %(at)s, %(at)s
    FROM person, unnest(
        {", ".join(f"%(place_{name})s::text[]" for name in _PLACE)}
    ) AS place
)
SELECT person.id, (SELECT count(*) FROM identified) FROM person
""",  # noqa: S608 - made of our own column names
)


def insert(
    details: rules.Details,
    *,
    keys: Sequence[rules.Key],
    places: Sequence[Place],
    shop_id: int,
    accepts_marketing: bool | None,
    is_claimed: bool,
    source: str,
    at: datetime,
) -> int | None:
    """The id of the new profile, or None when one of the keys has just been taken by another.

    The statement waits for a transaction which is taking the same key; afterwards the caller looks again.
    Keys come sorted, so that two transactions never wait for each other. `is_claimed` says that nobody
    vouches for them.
    """
    values = {name: getattr(details, name) for name in _DETAILS} | {
        "search_name": rules.searchable(details.first_name, details.last_name),
        "source": source,
        "created_at": now(),
        "at": at,
        "kinds": [key.kind for key in keys],
        "values": [key.value for key in keys],
        "shop_ids": [key.shop_id for key in keys],
        "shop_id": shop_id,
        "is_claimed": is_claimed,
        "machines": MACHINES,
        "wish": consents.wish(accepts_marketing=accepts_marketing),
    }
    for name in _PLACE:
        values[f"place_{name}"] = [getattr(place, name) for place in places]
    cursor = shared_cursor()
    _INSERT.execute(cursor, values)
    profile_id, identified = cursor.fetchone()
    if identified < len(keys):
        _forget(profile_id)
        return None
    return int(profile_id)


def _forget(profile_id: int) -> None:
    """Remove a profile nobody has seen: it was written in this transaction and lost the race."""
    Identifier.objects.filter(profile_id=profile_id).delete()
    ProfileShop.objects.filter(profile_id=profile_id).delete()
    PostalAddress.objects.filter(profile_id=profile_id).delete()
    Profile.objects.filter(pk=profile_id).delete()
