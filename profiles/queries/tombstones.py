"""Keyed hashes of the identifiers of people who were erased: nobody can read them, we can ask them.

The keys never change with the secrets that sign sessions: ECRM_TOMBSTONE_KEYS, newest first, and after
them what the present and former ECRM_SECRET_KEY give. The first makes new tombstones, all are asked.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db import connection

from profiles import rules
from profiles.models import Profile, Tombstone
from profiles.rules.erased import Erased


def digests(keys: Iterable[rules.Key]) -> dict[str, rules.Key]:
    """The tombstones that would stand for these identifiers, under every key we ever used."""
    secrets = _secrets()
    return {_digest(secret, key): key for key in keys for _name, secret in secrets}


def newest(key: rules.Key) -> tuple[str, str]:
    """The tombstone to set for an identifier, and the name of its key."""
    name, secret = _secrets()[0]
    return _digest(secret, key), name


def known_keys() -> list[str]:
    """The names of the keys whose tombstones we can still ask."""
    return [name for name, _secret in _secrets()]


def dead(keys: Iterable[rules.Key], *, at: datetime) -> dict[rules.Key, int]:
    """Which of these are of somebody erased since `at`, with what is left of him. One query."""
    wanted = digests(keys)
    if not wanted:
        return {}
    rows = Tombstone.objects.filter(digest__in=wanted, erased_at__gt=at)
    return {wanted[digest]: profile for digest, profile in rows.values_list("digest", "profile_id")}


def buried_by(address: str, *, at: datetime) -> int | None:
    """The empty record of whoever used this address, when what he said at this moment is from before.

    None for an address that is nobody's tombstone, or was used anew since.
    """
    value = rules.normalise_email(address)
    if value is None:
        return None
    return next(iter(dead([rules.Key(rules.EMAIL, value, None)], at=at).values()), None)


def address_digest(address: str) -> str:
    """Stands for an address in a list that must not name it: `#` and the newest hash."""
    return f"#{newest(_address_key(address))[0]}"


def address_digests(addresses: Iterable[str]) -> Mapping[str, str]:
    """Each way an address may stand in such a list, and the address."""
    found = {_address_key(address): address for address in addresses}
    return {f"#{digest}": found[key] for digest, key in digests(found).items()}


def broken() -> list[str]:
    """Promises about tombstones that are not kept, in words without personal data. Two queries."""
    unreadable = Tombstone.objects.exclude(key__in=known_keys())
    lost = [
        f"tombstones of the key {name} can't be asked: it is missing in ECRM_TOMBSTONE_KEYS"
        for name in unreadable.values_list("key", flat=True).distinct()
    ]
    return lost + _returned()


def erased_people(*, since: datetime | None = None) -> Iterator[Erased]:
    """Everybody who was erased (since a moment), the first one first, with his tombstones."""
    rows = Profile.objects.filter(erased_at__isnull=False).order_by("erased_at", "pk")
    if since is not None:
        rows = rows.filter(erased_at__gte=since)
    stones: dict[int, list[tuple[str, str, str]]] = {}
    for profile_id, *stone in Tombstone.objects.order_by("digest").values_list(
        "profile_id", "digest", "key", "kind"
    ):
        stones.setdefault(profile_id, []).append((stone[0], stone[1], stone[2]))
    for pk, created_at, erased_at in rows.values_list("pk", "created_at", "erased_at").iterator():
        if erased_at is not None:
            yield Erased(
                profile_id=pk,
                created_at=created_at,
                erased_at=erased_at,
                tombstones=tuple(stones.get(pk, ())),
            )


_LIVING = """
SELECT i.id, i.kind, i.value, i.shop_id, i.first_seen_at FROM profiles_identifier i
WHERE i.first_seen_at < (SELECT max(erased_at) FROM profiles_tombstone)
"""
_ASKED = """
SELECT a.id FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS a (id, digest, seen_at)
JOIN profiles_tombstone t ON t.digest = a.digest AND t.erased_at > a.seen_at
"""
AT_ONCE = 5000


def _returned() -> list[str]:
    """Identifiers that came back although what brought them is older than the erasure."""
    found: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM profiles_tombstone)")
        if not cursor.fetchone()[0]:
            return found
        last = 0
        while True:
            cursor.execute(f"{_LIVING} AND i.id > %s ORDER BY i.id LIMIT %s", [last, AT_ONCE])
            rows = cursor.fetchall()
            if not rows:
                return found
            last = rows[-1][0]
            asked = [
                (pk, digest, seen_at)
                for pk, kind, value, shop_id, seen_at in rows
                for digest in digests([rules.Key(kind, value, shop_id)])
            ]
            cursor.execute(_ASKED, [list(column) for column in zip(*asked, strict=True)])
            found += [f"identifier {pk} was erased and is back" for (pk,) in cursor.fetchall()]


def _address_key(address: str) -> rules.Key:
    return rules.Key(rules.EMAIL, rules.normalise_email(address) or address.strip().lower(), None)


def _digest(secret: bytes, key: rules.Key) -> str:
    text = f"{key.kind}\0{key.shop_id or ''}\0{key.value}"
    return hmac.digest(secret, text.encode(), "sha256").hex()


def _secrets() -> tuple[tuple[str, bytes], ...]:
    return _derived(
        (*settings.ECRM_TOMBSTONE_KEYS, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


@lru_cache(maxsize=4)
def _derived(sources: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    found = []
    for source in dict.fromkeys(sources):
        secret = hashlib.sha256(b"profiles.tombstone:" + source.encode()).digest()
        found.append((hashlib.sha256(secret).hexdigest()[:16], secret))
    return tuple(found)
