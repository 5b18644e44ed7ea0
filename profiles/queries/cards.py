"""Customers in a few words and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Q
from django.utils.timezone import now

from company import queries as company
from ecrm.kernel.money import Money
from ecrm.kernel.prepared import Statement
from profiles import rules
from profiles.models import Figures, Identifier, Prediction, Profile, ProfileQuerySet, Rfm
from profiles.queries import attributes, predictions, tags
from profiles.queries.care import stages_of
from profiles.queries.merging import merged_from
from profiles.types import (
    ERASED,
    KeptFigures,
    OrderFigures,
    ProfileCard,
    ProfileName,
    RequestNumbers,
)

SECONDS_A_DAY = 86_400


def card(profile_id: int, *, shop_ids: Iterable[int] | None = None) -> ProfileCard:
    """One customer as lists and panels show him. Raises Profile.DoesNotExist. Runs three queries."""
    found = cards([profile_id], shop_ids=shop_ids)
    if profile_id not in found:
        raise Profile.DoesNotExist(f"profile {profile_id}")
    return found[profile_id]


def cards(
    profile_ids: Iterable[int], *, shop_ids: Iterable[int] | None = None
) -> dict[int, ProfileCard]:
    """Customers by id, in three queries; figures of all shops, or of these."""
    people = people_of(Profile.objects.filter(pk__in=set(profile_ids)))
    return cards_of(people, shop_ids=shop_ids)


class Person(NamedTuple):
    """As much of a profile as a card shows of it."""

    id: int
    first_name: str
    last_name: str
    locale: str
    country: str
    city: str
    first_seen_at: datetime
    last_seen_at: datetime
    erased_at: datetime | None


def people_of(profiles: ProfileQuerySet) -> list[Person]:
    """The profiles of a query, in its order, without what no card shows. One query."""
    return [Person(*row) for row in profiles.values_list(*Person._fields)]


def cards_of(
    profiles: Iterable[Profile | Person], *, shop_ids: Iterable[int] | None = None
) -> dict[int, ProfileCard]:
    """The same for profiles already read, in their order."""
    rows = list(profiles)
    ids = [row.id for row in rows]
    contacts = _contacts_of(ids)
    figures = order_figures(ids, shop_ids=shop_ids)
    return {row.id: _card(row, contacts.get(row.id, {}), figures.get(row.id, {})) for row in rows}


def names(profile_ids: Iterable[int]) -> dict[int, ProfileName]:
    """What customers are called, and their address, in one query."""
    return {
        profile_id: ProfileName(
            name=str(ERASED) if is_erased else name or email or phone or f"#{profile_id}",
            email=email or "",
        )
        for profile_id, name, is_erased, email, phone in _NAMES.rows(ids=list(profile_ids))
    }


def _card(
    row: Profile | Person, contacts: Mapping[str, str], figures: Mapping[str, OrderFigures]
) -> ProfileCard:
    email, phone = contacts.get(rules.EMAIL, ""), contacts.get(rules.PHONE, "")
    main = max(figures, key=lambda currency: figures[currency].orders_count, default=None)
    dates = [f.last_order_at for f in figures.values() if f.last_order_at is not None]
    return ProfileCard(
        id=row.id,
        name=str(ERASED)
        if row.erased_at is not None
        else f"{row.first_name} {row.last_name}".strip() or email or phone or f"#{row.id}",
        email=email,
        phone=phone,
        locale=row.locale,
        country=row.country,
        city=row.city,
        orders_count=sum(f.orders_count for f in figures.values()),
        revenue=Money(figures[main].revenue, main) if main else None,
        last_order_at=max(dates, default=None),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        is_erased=row.erased_at is not None,
    )


# The address and number to show for a profile: its own before shared ones, newest first.
_CONTACTS = Statement(
    "contacts_of_profiles",
    """
SELECT DISTINCT ON (profile_id, kind) profile_id, kind, value FROM profiles_identifier
WHERE profile_id = ANY(%(ids)s::bigint[]) AND kind IN ('email', 'phone')
ORDER BY profile_id, kind, is_key DESC, last_seen_at DESC, id
""",
)
# The number is looked up for those only who have neither a name nor an address.
_NAMES = Statement(
    "names_of_profiles",
    """
SELECT id, name, is_erased, email, CASE WHEN name = '' AND email IS NULL THEN (
    SELECT value FROM profiles_identifier WHERE profile_id = found.id AND kind = 'phone'
    ORDER BY is_key DESC, last_seen_at DESC, id LIMIT 1
) END
FROM (
    SELECT p.id, p.erased_at IS NOT NULL AS is_erased, trim(p.first_name || ' ' || p.last_name) AS name, (
        SELECT value FROM profiles_identifier WHERE profile_id = p.id AND kind = 'email'
        ORDER BY is_key DESC, last_seen_at DESC, id LIMIT 1
    ) AS email
    FROM profiles_profile p WHERE p.id = ANY(%(ids)s::bigint[])
    OFFSET 0  -- each address is looked up once, though two places use it
) found
""",
)
_FIGURES = Statement(
    "figures_of_profiles",
    """
SELECT profile_id, currency, sum(orders_count), sum(revenue), min(first_order_at), max(last_order_at)
FROM profiles_figures
WHERE profile_id = ANY(%(ids)s::bigint[]) AND orders_count > 0
    AND (%(shop_ids)s::bigint[] IS NULL OR shop_id = ANY(%(shop_ids)s::bigint[]))
GROUP BY profile_id, currency ORDER BY currency
""",
)


def _contacts_of(profile_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for profile_id, kind, value in _CONTACTS.rows(ids=profile_ids):
        found.setdefault(profile_id, {})[kind] = value
    return found


def order_figures(
    profile_ids: Iterable[int], *, shop_ids: Iterable[int] | None = None
) -> dict[int, dict[str, OrderFigures]]:
    """What the orders of these customers add up to, per currency, in one query."""
    rows = _FIGURES.rows(
        ids=list(profile_ids), shop_ids=None if shop_ids is None else list(shop_ids)
    )
    found: dict[int, dict[str, OrderFigures]] = {}
    for profile_id, currency, orders_count, revenue, first_order_at, last_order_at in rows:
        found.setdefault(profile_id, {})[currency] = OrderFigures(
            orders_count=orders_count,
            revenue=revenue,
            first_order_at=first_order_at,
            last_order_at=last_order_at,
        )
    return found


def all_figures() -> Iterator[KeptFigures]:
    """Every kept sum that is not empty, for those who can count afresh."""
    for row in Figures.objects.filter(orders_count__gt=0).iterator():
        yield KeptFigures(
            profile_id=row.profile_id,
            shop_id=row.shop_id,
            currency=row.currency,
            figures=OrderFigures(
                orders_count=row.orders_count,
                revenue=row.revenue,
                first_order_at=row.first_order_at,
                last_order_at=row.last_order_at,
            ),
        )


def places_of_figures(profile_id: int) -> set[tuple[int, str]]:
    """The shops and currencies of the sums kept of a customer, empty ones included."""
    rows = Figures.objects.filter(profile_id=profile_id)
    return set(rows.values_list("shop_id", "currency"))


def first_order(figures: Mapping[str, OrderFigures]) -> datetime | None:
    """When the customer ordered for the first time."""
    dates = [f.first_order_at for f in figures.values() if f.first_order_at is not None]
    return min(dates, default=None)


def average_order(figures: Mapping[str, OrderFigures]) -> Money | None:
    """What an order of his is worth, net of refunds, in the currency of most of them."""
    main = max(figures, key=lambda currency: figures[currency].orders_count, default=None)
    if main is None:
        return None
    return Money(figures[main].revenue / figures[main].orders_count, main)


def days_between(figures: Mapping[str, OrderFigures]) -> float | None:
    """How many days pass between two orders on average; None before the second one."""
    orders = sum(f.orders_count for f in figures.values())
    lasts = [f.last_order_at for f in figures.values() if f.last_order_at is not None]
    first, last = first_order(figures), max(lasts, default=None)
    if orders <= 1 or first is None or last is None:
        return None
    return round((last - first).total_seconds() / SECONDS_A_DAY / (orders - 1), 1)


# --- For the API ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A customer as the API shows him."""

    card: ProfileCard
    birthday: date | None
    gender: str
    timezone: str
    identifiers: Sequence[Identifier]
    merged_from: Sequence[int]
    first_order_at: datetime | None
    average_order: Money | None
    days_between_orders: float | None
    requests: RequestNumbers
    rfm: Rfm | None
    prediction: Prediction | None
    stage: str
    tags: Sequence[str]
    attributes: Mapping[str, object]


def of_shop(
    shop_id: int,
    *,
    email: str | None = None,
    phone: str | None = None,
    customer_id: str | None = None,
) -> ProfileQuerySet:
    """The customers of a shop, narrowed to the holder of whatever is given; unordered."""
    rows = Profile.objects.known_to([shop_id])
    if email is not None:
        rows = rows.holding(rules.EMAIL, rules.normalise_email(email))
    if phone is not None:
        region = company.shop(shop_id).market
        rows = rows.holding(rules.PHONE, rules.normalise_phone(phone, region=region))
    if customer_id is not None:
        rows = rows.holding(rules.CUSTOMER_ID, rules.normalise_opaque(customer_id), shop_id=shop_id)
    return rows


def details_of(profile_id: int) -> dict[str, str]:
    """Name and language of a customer, as `services.change_profile` takes them. One query."""
    row = Profile.objects.get(pk=profile_id)
    return {"first_name": row.first_name, "last_name": row.last_name, "locale": row.locale}


def profile_view(profile_id: int, *, shop_id: int) -> ProfileView:
    """One customer as a program of the shop sees him. Raises Profile.DoesNotExist."""
    return profile_views([Profile.objects.get(pk=profile_id)], shop_id=shop_id)[0]


def profile_views(profiles: Iterable[Profile], *, shop_id: int) -> list[ProfileView]:
    """The same for profiles already read; twelve queries. Other shops' customer ids stay out."""
    read = {profile.pk: profile for profile in profiles}
    found = cards_of(read.values(), shop_ids=[shop_id])
    figures = order_figures(read, shop_ids=[shop_id])
    merged = merged_from(read)
    marks, foresights, requests = predictions.by_profile(read, shop_id=shop_id)
    of_each = {profile_id: figures.get(profile_id, {}) for profile_id in read}
    stages, labels = stages_of(of_each, shop_id=shop_id, at=now()), tags.names_of(read)
    values = attributes.values_of(read)
    rows = Identifier.objects.filter(
        Q(shop_id=shop_id) | Q(shop__isnull=True), profile_id__in=found, is_key=True
    ).order_by("kind", "id")
    identifiers: dict[int, list[Identifier]] = {}
    for row in rows:
        identifiers.setdefault(row.profile_id, []).append(row)
    return [
        ProfileView(
            card=c,
            birthday=read[c.id].birthday,
            gender=read[c.id].gender,
            timezone=read[c.id].timezone,
            identifiers=identifiers.get(c.id, []),
            merged_from=merged[c.id],
            first_order_at=first_order(figures.get(c.id, {})),
            average_order=average_order(figures.get(c.id, {})),
            days_between_orders=days_between(figures.get(c.id, {})),
            requests=requests.get(c.id, RequestNumbers()),
            rfm=marks.get(c.id),
            prediction=foresights.get(c.id),
            stage=stages[c.id],
            tags=labels.get(c.id, []),
            attributes=values.get(c.id, {}),
        )
        for c in found.values()
    ]
