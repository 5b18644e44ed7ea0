"""What two records of one person say differently, so that an agent can choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from profiles.models import Attribute, AttributeValue, Profile
from profiles.queries import attributes
from profiles.queries.care import Care, care_of
from profiles.rules import attributes as rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one of the two records says, where an agent may choose between the two."""

    name: str
    birthday: date | None
    gender: str
    locale: str
    country: str
    city: str
    timezone: str
    currency: str
    cares: Mapping[int, Care]
    values: Mapping[int, rules.Value]


def told_by(profile_ids: Sequence[int], *, shop_ids: Iterable[int], at: datetime) -> list[Told]:
    """What each record says, in the shops in sight, in their order. A few queries for each."""
    in_sight = list(shop_ids)
    rows = Profile.objects.in_bulk(profile_ids)
    values = _values(profile_ids)
    return [
        Told(
            name=row.full_name,
            birthday=row.birthday,
            gender=str(row.get_gender_display()),
            locale=row.locale,
            country=row.country,
            city=row.city,
            timezone=row.timezone,
            currency=row.currency,
            cares={care.shop_id: care for care in care_of(row.pk, shop_ids=in_sight, at=at)},
            values=values.get(row.pk, {}),
        )
        for row in (rows[pk] for pk in profile_ids)
    ]


def attributes_of(told: Iterable[Told]) -> list[Attribute]:
    """The attributes in use of which any of them says something, in their order. One query."""
    known = {pk for each in told for pk in each.values}
    return [attribute for attribute in attributes.definitions() if attribute.pk in known]


def _values(profile_ids: Sequence[int]) -> dict[int, dict[int, rules.Value]]:
    rows = AttributeValue.objects.filter(profile_id__in=profile_ids).select_related("attribute")
    found: dict[int, dict[int, rules.Value]] = {}
    for row in rows:
        value = attributes.value_of(row.attribute, row)
        found.setdefault(row.profile_id, {})[row.attribute_id] = value
    return found
