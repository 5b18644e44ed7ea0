"""Finding duplicates: people are put into blocks, and compared with those in the same blocks only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from profiles.models import Bookmark, Identifier, PostalAddress, Profile
from profiles.queries import duplicates
from profiles.rules.likeness import blocks
from profiles.services import suggestions

BATCH = 500
# Rows of transactions that were under way when we last looked may have smaller numbers.
OVERLAP = 200
_READERS: dict[str, tuple[Callable[[], QuerySet[Any]], str]] = {
    "identifiers": (Identifier.objects.all, "profile_id"),
    "addresses": (PostalAddress.objects.all, "profile_id"),
    "profiles": (Profile.objects.all, "pk"),
}


@transaction.atomic
def compare_again(profile_ids: Collection[int], *, at: datetime | None = None) -> int:
    """Put these people into their blocks and look who resembles them. Returns how many pairs."""
    ids = sorted(set(profile_ids))
    _write_blocks(ids)
    found = duplicates.alike(ids)
    suggestions.suggest(found, at=at)
    return len(found)


def catch_up(*, at: datetime | None = None, limit: int = BATCH) -> bool:
    """Compare whoever is new or has a new identifier or address. True when more may wait."""
    changed: set[int] = set()
    is_more = False
    for name, (all_rows, column) in _READERS.items():
        rows, has_more = _new_rows(name, all_rows(), column, limit=limit)
        changed |= rows
        is_more = is_more or has_more
    if changed:
        compare_again(changed, at=at)
    return is_more


def sweep(*, at: datetime | None = None) -> int:
    """Compare everybody again, in batches; what changed without leaving a trace is found here."""
    pairs, last = 0, 0
    while ids := _next_ids(last):
        pairs += compare_again(ids, at=at)
        last = ids[-1]
    return pairs


def _next_ids(after: int) -> list[int]:
    rows = Profile.objects.living().filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _new_rows(name: str, rows: QuerySet[Any], column: str, *, limit: int) -> tuple[set[int], bool]:
    """The profiles of rows written since the last look, and whether there are more."""
    bookmark, _is_new = Bookmark.objects.select_for_update(of=("self",)).get_or_create(name=name)
    newest = rows.aggregate(newest=Max("pk"))["newest"] or 0
    if newest <= bookmark.position:
        return set(), False
    new = rows.filter(pk__gt=max(0, bookmark.position - OVERLAP)).order_by("pk")
    found = list(new.values_list("pk", column)[: limit + OVERLAP])
    bookmark.position = max(bookmark.position, found[-1][0] if found else 0)
    bookmark.save()
    return {profile_id for _pk, profile_id in found}, bookmark.position < newest


_WRITE_BLOCKS = """
WITH wanted AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS w (profile_id, kind, value)
), gone AS (
    DELETE FROM profiles_likenesskey k
    WHERE k.profile_id = ANY(%s) AND NOT EXISTS (
        SELECT 1 FROM wanted w
        WHERE w.profile_id = k.profile_id AND w.kind = k.kind AND w.value = k.value)
)
INSERT INTO profiles_likenesskey (profile_id, kind, value)
SELECT profile_id, kind, value FROM wanted ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""


def _write_blocks(ids: Sequence[int]) -> None:
    rows = sorted(
        (pk, block.kind, block.value)
        for pk, person in duplicates.persons(ids).items()
        for block in blocks(person)
    )
    columns = ([pk for pk, _k, _v in rows], [k for _pk, k, _v in rows], [v for _pk, _k, v in rows])
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_BLOCKS, [*columns, list(ids)])
