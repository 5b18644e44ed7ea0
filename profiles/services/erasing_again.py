"""After a backup was restored: whoever was erased since it was made is erased again."""

from __future__ import annotations

from django.db import connection, transaction

from profiles.models import Profile
from profiles.rules.erased import Erased
from profiles.services import erasing

SOURCE = "backup"


def erase_again(erased: Erased) -> bool:
    """Erase somebody once more, as of the day he was erased. False when he is erased here already.

    Of somebody whom the backup did not know yet an empty record is made, so that what comes again
    finds his tombstones. Once more changes nothing. Raises what `erasing.erase` raises.
    """
    row = Profile.objects.filter(pk=erased.profile_id, created_at=erased.created_at).first()
    if row is not None and row.erased_at is None:
        erasing.erase(row.pk, by=None, source=SOURCE, at=erased.erased_at)
        _bury(erased, row.pk)
        return True
    return _bury(erased, row.pk if row is not None else None) > 0


_KNOWN = """
SELECT d.digest, d.key, d.kind
FROM unnest(%s::text[], %s::text[], %s::text[]) AS d (digest, key, kind)
WHERE NOT EXISTS (
    SELECT 1 FROM profiles_tombstone t WHERE t.digest = d.digest AND t.erased_at >= %s
)
"""


@transaction.atomic
def _bury(erased: Erased, profile_id: int | None) -> int:
    """Set the tombstones that are missing. Returns how many."""
    if not erased.tombstones:
        return 0
    columns = [list(column) for column in zip(*erased.tombstones, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [*columns, erased.erased_at])
        missing = cursor.fetchall()
    if missing:
        left = profile_id or _empty_record(erased)
        erasing.set_tombstones(missing, profile_id=left, at=erased.erased_at)
    return len(missing)


def _empty_record(erased: Erased) -> int:
    return Profile.objects.create(
        source=SOURCE,
        created_at=erased.created_at,
        first_seen_at=erased.created_at,
        last_seen_at=erased.created_at,
        erased_at=erased.erased_at,
    ).pk
