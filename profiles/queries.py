"""Reads: whose an identifier is, customers in words and numbers, their timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q

from company import queries as company
from ecrm.kernel import outbox
from ecrm.kernel.money import Money
from ecrm.kernel.verify import invariant
from profiles import extensions, rules
from profiles.models import Figures, Identifier, Profile, ProfileQuerySet, ProfileShop
from profiles.types import KeptFigures, OrderFigures, ProfileCard, TimelineEntry

if TYPE_CHECKING:
    from company.types import Agent
    from ecrm.kernel.models import EventRecord

VIEW = "profiles.view_profile"


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A customer as the API shows him."""

    card: ProfileCard
    identifiers: Sequence[Identifier]


# --- Whose is it? ---------------------------------------------------------------------------------


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
                    first_name=row[7], last_name=row[8], locale=row[9], country=row[10], city=row[11]
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


def profile_view(profile_id: int, *, shop_id: int) -> ProfileView:
    """One customer as a program of the shop sees him. Raises Profile.DoesNotExist."""
    return profile_views([Profile.objects.get(pk=profile_id)], shop_id=shop_id)[0]


def profile_views(profiles: Iterable[Profile], *, shop_id: int) -> list[ProfileView]:
    """The same for profiles already read; three queries. Other shops' customer ids stay out."""
    found = cards_of(profiles, shop_ids=[shop_id])
    rows = Identifier.objects.filter(
        Q(shop_id=shop_id) | Q(shop__isnull=True), profile_id__in=found, is_key=True
    ).order_by("kind", "id")
    identifiers: dict[int, list[Identifier]] = {}
    for row in rows:
        identifiers.setdefault(row.profile_id, []).append(row)
    return [ProfileView(card=c, identifiers=identifiers.get(c.id, [])) for c in found.values()]


# --- In words and numbers -------------------------------------------------------------------------


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
    return cards_of(Profile.objects.filter(pk__in=set(profile_ids)), shop_ids=shop_ids)


def cards_of(
    profiles: Iterable[Profile], *, shop_ids: Iterable[int] | None = None
) -> dict[int, ProfileCard]:
    """The same for profiles already read, in their order."""
    rows = list(profiles)
    ids = [row.pk for row in rows]
    contacts = _contacts_of(ids)
    figures = order_figures(ids, shop_ids=shop_ids)
    return {row.pk: _card(row, contacts.get(row.pk, {}), figures.get(row.pk, {})) for row in rows}


def _card(
    row: Profile, contacts: Mapping[str, str], figures: Mapping[str, OrderFigures]
) -> ProfileCard:
    email, phone = contacts.get(rules.EMAIL, ""), contacts.get(rules.PHONE, "")
    main = max(figures, key=lambda currency: figures[currency].orders_count, default=None)
    dates = [f.last_order_at for f in figures.values() if f.last_order_at is not None]
    return ProfileCard(
        id=row.pk,
        name=row.full_name or email or phone or f"#{row.pk}",
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
    )


def _contacts_of(profile_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The address and number to show for each profile: its own before shared ones, newest first."""
    found: dict[int, dict[str, str]] = {}
    rows = Identifier.objects.filter(
        profile_id__in=profile_ids, kind__in=[rules.EMAIL, rules.PHONE]
    ).order_by("-is_key", "-last_seen_at", "id")
    for profile_id, kind, value in rows.values_list("profile_id", "kind", "value"):
        found.setdefault(profile_id, {}).setdefault(kind, value)
    return found


def order_figures(
    profile_ids: Iterable[int], *, shop_ids: Iterable[int] | None = None
) -> dict[int, dict[str, OrderFigures]]:
    """What the orders of these customers add up to, per currency, in one query."""
    rows = Figures.objects.filter(profile_id__in=list(profile_ids), orders_count__gt=0)
    if shop_ids is not None:
        rows = rows.filter(shop_id__in=list(shop_ids))
    found: dict[int, dict[str, OrderFigures]] = {}
    for row in rows:
        per_currency = found.setdefault(row.profile_id, {})
        per_currency[row.currency] = _added(per_currency.get(row.currency), row)
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


def _added(sum_so_far: OrderFigures | None, row: Figures) -> OrderFigures:
    firsts = [row.first_order_at, sum_so_far.first_order_at if sum_so_far else None]
    lasts = [row.last_order_at, sum_so_far.last_order_at if sum_so_far else None]
    return OrderFigures(
        orders_count=row.orders_count + (sum_so_far.orders_count if sum_so_far else 0),
        revenue=row.revenue + (sum_so_far.revenue if sum_so_far else Decimal(0)),
        first_order_at=min(filter(None, firsts), default=None),
        last_order_at=max(filter(None, lasts), default=None),
    )


# --- Timeline -------------------------------------------------------------------------------------


def timeline(
    profile_id: int,
    *,
    kinds: Iterable[str] | None = None,
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
    shop_ids: Iterable[int] | None = None,
) -> list[TimelineEntry]:
    """What happened with a customer, newest first, in words.

    `before` is the (occurred_at, id) of the last entry seen; `shop_ids` leaves out other shops. One
    query for the facts and the constant number which each renderer needs.
    """
    names = extensions.timeline.names(frozenset(kinds) if kinds is not None else None)
    records = outbox.records_of_profile(profile_id).filter(name__in=names)
    if shop_ids is not None:
        records = records.filter(Q(shop_id__in=list(shop_ids)) | Q(shop_id__isnull=True))
    if before is not None:
        moment, last_id = before
        records = records.filter(Q(occurred_at__lt=moment) | Q(occurred_at=moment, id__lt=last_id))
    return _in_words(list(records[:limit]))


def _in_words(records: Sequence[EventRecord]) -> list[TimelineEntry]:
    by_name: dict[str, list[EventRecord]] = {}
    for record in records:
        by_name.setdefault(record.name, []).append(record)
    entries: dict[int, TimelineEntry] = {}
    for name, group in by_name.items():
        renderer = extensions.timeline.get(name)
        texts = renderer.render(group) if renderer else {}
        for record in group:
            if renderer and (text := texts.get(record.pk)):
                entries[record.pk] = TimelineEntry(
                    id=record.pk,
                    name=name,
                    kind=renderer.kind,
                    icon=renderer.icon,
                    title=text.title,
                    detail=text.detail,
                    url=text.url,
                    shop_id=record.shop_id,
                    occurred_at=record.occurred_at,
                )
    return [entries[record.pk] for record in records if record.pk in entries]
