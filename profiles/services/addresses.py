"""Where customers live, as their orders say it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.rules.addresses import Place, place, usable
from profiles.types import Identity

_KEEP = """
INSERT INTO profiles_postaladdress AS a
    (profile_id, kind, fingerprint, name, company, line1, line2, postcode, city, region, country,
     source, first_seen_at, last_seen_at)
VALUES {rows}
ON CONFLICT (profile_id, kind, fingerprint) DO UPDATE SET
    first_seen_at = least(a.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at)
"""
_COLUMNS = ("name", "company", "line1", "line2", "postcode", "city", "region", "country")


def places_of(identity: Identity) -> list[Place]:
    """The usable addresses of an identity that is proven, each once per kind."""
    if not identity.addresses or not identity.is_proven:
        return []
    return usable(
        place(address.kind, **{column: getattr(address, column) for column in _COLUMNS})
        for address in identity.addresses
    )


def keep(profile_id: int, *, places: Sequence[Place], source: str, at: datetime) -> None:
    """Write addresses down, in one statement, in the caller's transaction; none costs nothing."""
    if not places:
        return
    values: list[Any] = []
    for kept in places:
        texts = [getattr(kept, column) for column in _COLUMNS]
        values += [profile_id, kept.kind, kept.fingerprint, *texts, source, at, at]
    row = f"({', '.join(['%s'] * (len(values) // len(places)))})"
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(rows=", ".join([row] * len(places))), values)
