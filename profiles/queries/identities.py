"""Whose an identifier is, and which shops know a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from company import queries as company
from ecrm.kernel.prepared import Statement, shared_cursor
from profiles import rules
from profiles.models import Identifier, Profile, ProfileQuerySet
from profiles.queries import tombstones

if TYPE_CHECKING:
    from company.types import Agent

VIEW = "profiles.view_profile"


@dataclass(frozen=True, slots=True)
class Holder:
    """The profile that holds a key, with what a contact may change about it.

    `kinds` are the kinds of all keys it holds, each as often as it holds one; `places` are those of
    the asked-for addresses which it has. `is_merged` when it went into another, or was erased, a moment
    ago.
    """

    profile_id: int
    is_merged: bool
    is_known_to_shop: bool
    accepts_marketing: bool | None
    kinds: Sequence[str]
    is_verified: bool
    places: frozenset[str]
    details: rules.Details
    first_seen_at: datetime
    last_seen_at: datetime
    # The key led to him because somebody typed it, and nobody vouched for it since.
    is_claimed: bool = False

    @property
    def is_identified(self) -> bool:
        """True when we have his address or a shop's customer id."""
        return not rules.STRONG.isdisjoint(self.kinds)

    @property
    def is_visitor(self) -> bool:
        """True when we know a computer and nobody who uses it."""
        return rules.OF_MACHINES.issuperset(self.kinds)


# LATERAL keeps a plan which was made while the tables were small from reading them whole when they have
# grown, and lets the profiles be locked in the order of their ids.
_HOLDERS = Statement(
    "holders",
    """
WITH held AS (
    SELECT i.*
    FROM unnest(%(values)s::text[], %(kinds)s::text[]) AS key (value, kind)
    CROSS JOIN LATERAL (
        SELECT i.profile_id, i.kind, i.value, i.shop_id, i.is_claimed FROM profiles_identifier i
        WHERE i.is_key AND i.shop_id IS NULL AND i.value = key.value AND i.kind = key.kind
        LIMIT 1
    ) i
    UNION ALL
    SELECT i.profile_id, i.kind, i.value, i.shop_id, i.is_claimed
    FROM profiles_identifier i
    WHERE i.is_key AND i.shop_id = %(shop_id)s AND i.kind = 'customer_id' AND i.value = %(customer_id)s
)
SELECT i.kind, i.value, i.shop_id, p.id,
       p.merged_into_id IS NOT NULL OR p.erased_at IS NOT NULL,
       s.id IS NOT NULL,
       (SELECT c.stand < 1000000000000000 FROM profiles_consentstate c
        WHERE c.profile_id = i.profile_id AND c.shop_id = %(shop_id)s
          AND c.channel = 'email' AND c.purpose = 'marketing' LIMIT 1),
       ARRAY(SELECT k.kind FROM profiles_identifier k WHERE k.profile_id = p.id AND k.is_key),
       EXISTS (SELECT 1 FROM profiles_identifier k
               WHERE k.profile_id = p.id AND k.is_key AND (k.is_verified OR k.kind = 'customer_id')),
       CASE WHEN %(places)s::text[] = '{}' THEN '{}'::text[] ELSE
            ARRAY(SELECT a.kind || a.fingerprint FROM profiles_postaladdress a
                  WHERE a.profile_id = p.id AND a.fingerprint = ANY(%(places)s)) END,
       p.first_name, p.last_name, p.locale, p.country, p.city,
       p.birthday, p.gender, p.timezone, p.currency, p.first_seen_at, p.last_seen_at, i.is_claimed
FROM (SELECT * FROM held ORDER BY profile_id) i
CROSS JOIN LATERAL (
    SELECT * FROM profiles_profile WHERE id = i.profile_id FOR KEY SHARE
) p
LEFT JOIN LATERAL (
    SELECT * FROM profiles_profileshop s
    WHERE s.profile_id = i.profile_id AND s.shop_id = %(shop_id)s LIMIT 1
) s ON true
UNION ALL
SELECT '', t.digest, NULL, t.profile_id, true, true, NULL, NULL, true, NULL,
       '', '', '', '', '', NULL, '', '', '', t.erased_at, t.erased_at, false
FROM profiles_tombstone t
WHERE t.digest = ANY(%(digests)s::text[]) AND t.erased_at > %(at)s::timestamptz
""",
)


class Holders(dict[rules.Key, Holder]):
    """Who holds each key; `dead` are those of people erased since, with what is left of them.

    A dead key may have a holder too: the person came back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dead: dict[rules.Key, int] = {}


def holders(
    keys: Sequence[rules.Key],
    *,
    shop_id: int,
    at: datetime,
    places: Sequence[str] = (),
) -> Holders:
    """Who holds each of the keys, and which were somebody's who was erased after `at`.

    One query, written by hand: it runs for every order. Until the transaction ends, nobody merges the
    profiles away or erases them (both lock them FOR UPDATE).
    """
    found = Holders()
    if not keys:
        return found
    buried = tombstones.digests(keys)
    open_keys = [key for key in keys if key.shop_id is None]
    customer_id = next((key.value for key in keys if key.kind == rules.CUSTOMER_ID), None)
    values = {
        "shop_id": shop_id,
        "values": [key.value for key in open_keys],
        "kinds": [key.kind for key in open_keys],
        "customer_id": customer_id,
        "places": list(places),
        "digests": list(buried),
        "at": at,
    }
    cursor = shared_cursor()
    _HOLDERS.execute(cursor, values)
    for row in cursor.fetchall():
        if row[0]:
            found[rules.Key(*row[:3])] = _holder(row[3:])
        else:
            found.dead[buried[row[1]]] = row[3]
    return found


def _holder(row: Sequence[Any]) -> Holder:
    details = dict(zip(_DETAILS, row[7:-3], strict=True))
    return Holder(
        profile_id=row[0],
        is_merged=row[1],
        is_known_to_shop=row[2],
        accepts_marketing=row[3],
        kinds=row[4],
        is_verified=row[5],
        places=frozenset(row[6]),
        details=rules.Details(**details),
        first_seen_at=row[-3],
        last_seen_at=row[-2],
        is_claimed=row[-1],
    )


_DETAILS = (
    "first_name",
    "last_name",
    "locale",
    "country",
    "city",
    "birthday",
    "gender",
    "timezone",
    "currency",
)


def find_by_email(email: str, shop_id: int | None = None) -> int | None:
    """The profile an address leads to, or None; with a shop only when that shop knows the customer."""
    value = rules.normalise_email(email)
    if value is None:
        return None
    found = Identifier.objects.filter(kind=rules.EMAIL, value=value, is_key=True)
    if shop_id is not None:
        found = found.filter(profile__shops__shop_id=shop_id)
    return found.values_list("profile_id", flat=True).first()


def emails_of(profile_id: int) -> list[str]:
    """Every address of the customer, those which lead to nobody else first."""
    return list(
        Identifier.objects.filter(profile_id=profile_id, kind=rules.EMAIL)
        .order_by("-is_key", "-last_seen_at", "id")
        .values_list("value", flat=True)
    )


_KNOWN = Statement(
    "profile_is_known",
    """
SELECT 1 FROM profiles_profileshop
WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[]) LIMIT 1
""",
)


def is_known_to(profile_id: int, shop_ids: Iterable[int]) -> bool:
    """True when one of the shops knows the customer: what to ask before showing him."""
    return bool(_KNOWN.rows(profile_id=profile_id, shop_ids=list(shop_ids)))


def is_visitor(profile_id: int) -> bool:
    """True when a living profile has no identifier but those of computers."""
    living = Profile.objects.living().filter(pk=profile_id)
    people = Identifier.objects.filter(profile_id=profile_id, is_key=True)
    return living.exists() and not people.exclude(kind__in=rules.OF_MACHINES).exists()


_SHOPS = Statement(
    "shops_of_profile",
    """
SELECT shop_id FROM profiles_profileshop WHERE profile_id = %(profile_id)s ORDER BY since, id
""",
)


def shops_of(profile_id: int) -> list[int]:
    """The shops that know the customer, the first one first."""
    return [shop_id for (shop_id,) in _SHOPS.rows(profile_id=profile_id)]


def visible_to(agent: Agent) -> ProfileQuerySet:
    """The customers this agent may see."""
    return Profile.objects.known_to(company.shop_ids(agent, VIEW))
