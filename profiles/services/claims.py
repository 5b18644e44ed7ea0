"""What a visitor says about himself, without proof."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from profiles import rules
from profiles.queries import tombstones
from profiles.services.identities import usable_keys
from profiles.types import Identity

_CLAIM = """
INSERT INTO profiles_identifier
    (profile_id, kind, value, is_key, is_verified, is_claimed, source, first_seen_at, last_seen_at)
SELECT %(profile_id)s, 'email', %(email)s, true, false, true, %(source)s, %(at)s, %(at)s
WHERE NOT EXISTS (
    SELECT 1 FROM profiles_identifier i
    WHERE i.profile_id = %(profile_id)s AND i.is_key AND NOT i.kind = ANY(%(machines)s)
) AND NOT EXISTS (
    SELECT 1 FROM profiles_tombstone t
    WHERE t.digest = ANY(%(digests)s) AND t.erased_at > %(at)s
)
ON CONFLICT DO NOTHING
"""


@transaction.atomic(savepoint=False)
def claim_email(
    profile_id: int, *, identity: Identity, shop_id: int, source: str, at: datetime
) -> bool:
    """Give the address which a visitor typed to his profile, unverified, if it leads to nobody yet.

    Only a visitor known by his computer alone gets one: nobody who has an address or an account is
    changed, an address of somebody else stays his, and that of somebody erased since stays nobody's.
    Returns whether it was given.
    """
    email = next(
        (key.value for key in usable_keys(identity, shop_id=shop_id) if key.kind == rules.EMAIL),
        None,
    )
    if email is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "profile_id": profile_id,
                "email": email,
                "source": source,
                "at": at,
                "machines": sorted(rules.OF_MACHINES),
                "digests": list(tombstones.digests([rules.Key(rules.EMAIL, email, None)])),
            },
        )
        return bool(cursor.rowcount)
