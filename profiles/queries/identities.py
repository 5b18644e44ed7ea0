"""Whose an identifier is, and which shops know a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection

from company import queries as company
from profiles import rules
from profiles.models import Identifier, Profile, ProfileQuerySet, ProfileShop

if TYPE_CHECKING:
    from company.types import Agent

VIEW = "profiles.view_profile"


@dataclass(frozen=True, slots=True)
class Holder:
    """The profile that holds a key, with what a contact may change about it."""

    profile_id: int
    is_identified: bool
    is_known_to_shop: bool
    accepts_marketing: bool | None
    details: rules.Details
    first_seen_at: datetime
    last_seen_at: datetime


_HOLDERS = """
SELECT i.kind, i.value, i.shop_id, p.id, s.id IS NOT NULL, s.accepts_marketing,
       EXISTS (SELECT 1 FROM profiles_identifier k
               WHERE k.profile_id = p.id AND k.is_key AND k.kind IN ('email', 'customer_id')),
       p.first_name, p.last_name, p.locale, p.country, p.city, p.first_seen_at, p.last_seen_at
FROM profiles_identifier i
JOIN profiles_profile p ON p.id = i.profile_id
LEFT JOIN profiles_profileshop s ON s.profile_id = p.id AND s.shop_id = %(shop_id)s
WHERE (i.is_key AND i.shop_id IS NULL AND (i.value, i.kind) IN %(open)s)
   OR (i.is_key AND i.shop_id = %(shop_id)s AND i.kind = 'customer_id' AND i.value = %(customer_id)s)
"""


def holders(keys: Sequence[rules.Key], *, shop_id: int) -> dict[rules.Key, Holder]:
    """Who holds each of the keys. One query, written by hand: it runs for every order."""
    if not keys:
        return {}
    open_keys = tuple((key.value, key.kind) for key in keys if key.shop_id is None)
    customer_id = next((key.value for key in keys if key.kind == rules.CUSTOMER_ID), None)
    with connection.cursor() as cursor:
        cursor.execute(
            _HOLDERS,
            {"shop_id": shop_id, "open": open_keys or ((None, None),), "customer_id": customer_id},
        )
        return {
            rules.Key(row[0], row[1], row[2]): Holder(
                profile_id=row[3],
                is_known_to_shop=row[4],
                accepts_marketing=row[5],
                is_identified=row[6],
                details=rules.Details(
                    first_name=row[7],
                    last_name=row[8],
                    locale=row[9],
                    country=row[10],
                    city=row[11],
                ),
                first_seen_at=row[12],
                last_seen_at=row[13],
            )
            for row in cursor.fetchall()
        }


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


def is_known_to(profile_id: int, shop_ids: Iterable[int]) -> bool:
    """True when one of the shops knows the customer: what to ask before showing him."""
    return ProfileShop.objects.filter(profile_id=profile_id, shop_id__in=list(shop_ids)).exists()


def shops_of(profile_id: int) -> list[int]:
    """The shops that know the customer, the first one first."""
    rows = ProfileShop.objects.filter(profile_id=profile_id).order_by("since", "id")
    return list(rows.values_list("shop_id", flat=True))


def visible_to(agent: Agent) -> ProfileQuerySet:
    """The customers this agent may see."""
    return Profile.objects.known_to(company.shop_ids(agent, VIEW))
