"""What the customer pages show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from django.db.models import Exists, OuterRef, Q, QuerySet

from ecrm.kernel.money import Money
from profiles import extensions, rules
from profiles.models import Figures, Identifier, IdentityConflict, Profile, ProfileQuerySet
from profiles.queries import cards as card_queries
from profiles.types import OrderFigures, ProfileCard

Orders = Literal["", "none", "one", "more"]
Sort = Literal["recent", "newest", "name"]

COUNTED_UP_TO = 10_000
_ORDERINGS: dict[Sort, tuple[str, ...]] = {
    "recent": ("-last_seen_at", "-id"),
    "newest": ("-first_seen_at", "-id"),
    "name": ("search_name", "id"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifierRow:
    """One identifier on the customer's page."""

    kind_label: str
    value: str
    is_key: bool
    is_verified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The head of a customer's page."""

    card: ProfileCard
    shop_ids: Sequence[int]
    average: Money | None
    identifiers: Sequence[IdentifierRow]
    others: Sequence[ProfileCard]
    """Customers who may be the same person: they hold an identifier which this one used."""


def customers(
    shop_ids: Iterable[int], *, words: str = "", orders: Orders = "", sort: Sort = "recent"
) -> ProfileQuerySet:
    """The customers whom these shops know, found by name, address, number or by what others look up."""
    in_sight = frozenset(shop_ids)
    rows = Profile.objects.known_to(in_sight)
    if words.strip():
        rows = rows.filter(_matches(words.strip(), in_sight))
    if orders:
        rows = _with_orders(rows, orders, in_sight)
    return rows.order_by(*_ORDERINGS[sort])


def _matches(words: str, shop_ids: frozenset[int]) -> Q:
    named = Q()
    for word in rules.searchable(words).split():
        named &= Q(search_name__contains=word)
    found = named | Q(pk__in=_holding(words).values("profile_id"))
    for lookup in extensions.lookups.all():
        found |= Q(pk__in=list(lookup.find(words, shop_ids)))
    return found


def _holding(words: str) -> QuerySet[Identifier]:
    """Rows whose address contains the words, or whose number contains the digits."""
    text = words.casefold()
    digits = rules.dialled_digits(words)
    matches = Q(kind=rules.EMAIL, value__contains=text)
    if digits:
        matches |= Q(kind=rules.PHONE, value__contains=digits)
    return Identifier.objects.filter(matches)


def _with_orders(rows: ProfileQuerySet, orders: Orders, shop_ids: frozenset[int]) -> ProfileQuerySet:
    figures = Figures.objects.filter(profile=OuterRef("pk"), shop__in=list(shop_ids))
    if orders == "none":
        return rows.exclude(Exists(figures.filter(orders_count__gt=0)))
    if orders == "one":
        return rows.filter(Exists(figures.filter(orders_count=1)))
    return rows.filter(Exists(figures.filter(orders_count__gt=1)))


def overview(profile_id: int, *, shop_ids: Iterable[int]) -> Overview:
    """The head of a customer's page, figures of these shops only. Raises Profile.DoesNotExist."""
    in_sight = list(shop_ids)
    card = card_queries.card(profile_id, shop_ids=in_sight)
    figures = card_queries.order_figures([profile_id], shop_ids=in_sight).get(profile_id, {})
    known_by = Profile.objects.get(pk=profile_id).shops.filter(shop_id__in=in_sight)
    return Overview(
        card=card,
        shop_ids=list(known_by.order_by("since", "id").values_list("shop_id", flat=True)),
        average=_average(card.revenue, figures),
        identifiers=_identifiers(profile_id, in_sight),
        others=_others(profile_id, in_sight),
    )


def _average(revenue: Money | None, figures: dict[str, OrderFigures]) -> Money | None:
    if revenue is None:
        return None
    return Money(revenue.amount / Decimal(figures[revenue.currency].orders_count), revenue.currency)


def _identifiers(profile_id: int, shop_ids: Sequence[int]) -> list[IdentifierRow]:
    rows = Identifier.objects.filter(
        Q(shop__isnull=True) | Q(shop_id__in=shop_ids), profile_id=profile_id
    ).exclude(kind=rules.ANONYMOUS_ID)
    return [
        IdentifierRow(
            kind_label=str(row.get_kind_display()),
            value=row.value,
            is_key=row.is_key,
            is_verified=row.is_verified,
        )
        for row in rows.order_by("kind", "-is_key", "-last_seen_at")
    ]


def _others(profile_id: int, shop_ids: Sequence[int]) -> list[ProfileCard]:
    """The other side of each open conflict, if these shops know it."""
    open_ones = IdentityConflict.objects.filter(state=IdentityConflict.State.OPEN)
    ids = {
        *open_ones.filter(profile_id=profile_id).values_list("identifier__profile_id", flat=True),
        *open_ones.filter(identifier__profile_id=profile_id).values_list("profile_id", flat=True),
    }
    visible = Profile.objects.known_to(shop_ids).filter(pk__in=ids)
    return list(card_queries.cards_of(visible, shop_ids=shop_ids).values())
