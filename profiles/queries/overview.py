"""One customer whole: the head of his page and the facts beside his timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.timezone import now

from ecrm.kernel.money import Money
from profiles import rules
from profiles.models import DuplicatePair, Identifier, Profile, ProfileShop
from profiles.queries import consents
from profiles.queries.cards import cards_of, order_figures
from profiles.types import OrderFigures, ProfileCard


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifierRow:
    """One identifier on the customer's page; `is_key` when it leads to nobody else."""

    id: int
    kind: str
    kind_label: str
    value: str
    shop_id: int | None
    is_key: bool
    is_verified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownBy:
    """A shop that knows the customer, and whether it may write to him about its offers."""

    shop_id: int
    since: datetime
    accepts_marketing: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """A customer as some shops see him.

    `others` may be the same person: somebody should look.
    """

    card: ProfileCard
    first_name: str
    last_name: str
    shops: Sequence[KnownBy]
    revenues: Sequence[Money]
    averages: Sequence[Money]
    identifiers: Sequence[IdentifierRow]
    others: Sequence[ProfileCard]


def overview(profile_id: int, *, shop_ids: Iterable[int]) -> Overview:
    """A customer with the figures of these shops only. Raises Profile.DoesNotExist."""
    in_sight = list(shop_ids)
    profile = Profile.objects.get(pk=profile_id)
    card = cards_of([profile], shop_ids=in_sight)[profile_id]
    figures = order_figures([profile_id], shop_ids=in_sight).get(profile_id, {})
    return Overview(
        card=card,
        first_name=profile.first_name,
        last_name=profile.last_name,
        shops=_known_by(profile_id, in_sight),
        revenues=[Money(f.revenue, currency) for currency, f in _most_first(figures)],
        averages=[
            Money(f.revenue / f.orders_count, currency) for currency, f in _most_first(figures)
        ],
        identifiers=_identifiers(profile_id, in_sight),
        others=_others(profile_id, in_sight, now()),
    )


def _most_first(figures: dict[str, OrderFigures]) -> list[tuple[str, OrderFigures]]:
    return sorted(figures.items(), key=lambda pair: (-pair[1].orders_count, pair[0]))


def _known_by(profile_id: int, shop_ids: Sequence[int]) -> list[KnownBy]:
    rows = ProfileShop.objects.filter(profile_id=profile_id, shop_id__in=shop_ids)
    wishes = consents.wishes(profile_id, shop_ids=shop_ids)
    return [
        KnownBy(shop_id=row.shop_id, since=row.since, accepts_marketing=wishes.get(row.shop_id))
        for row in rows.order_by("since", "id")
    ]


def _identifiers(profile_id: int, shop_ids: Sequence[int]) -> list[IdentifierRow]:
    """Addresses first, then numbers, then customer ids; what others know him by stays out."""
    rows = (
        Identifier.objects.filter(
            Q(shop__isnull=True) | Q(shop_id__in=shop_ids), profile_id=profile_id
        )
        .exclude(kind__in=rules.OF_MACHINES)
        .order_by("-is_key", "-last_seen_at", "id")
    )
    found = [
        IdentifierRow(
            id=row.pk,
            kind=row.kind,
            kind_label=str(row.get_kind_display()),
            value=row.value,
            shop_id=row.shop_id,
            is_key=row.is_key,
            is_verified=row.is_verified,
        )
        for row in rows
    ]
    order = (rules.EMAIL, rules.PHONE, rules.CUSTOMER_ID, rules.SOCIAL)
    keys = {(row.kind, row.value) for row in found if row.is_key}
    shown = [row for row in found if row.is_key or (row.kind, row.value) not in keys]
    return sorted(shown, key=lambda row: order.index(row.kind))


def _others(profile_id: int, shop_ids: Sequence[int], at: datetime) -> list[ProfileCard]:
    """The other side of each pair that waits for a look, if these shops know it."""
    pairs = DuplicatePair.objects.waiting(at)
    ids = {
        *pairs.filter(low_id=profile_id).values_list("high_id", flat=True),
        *pairs.filter(high_id=profile_id).values_list("low_id", flat=True),
    }
    if not ids:
        return []
    visible = Profile.objects.known_to(shop_ids).filter(pk__in=ids)
    return list(cards_of(visible, shop_ids=shop_ids).values())
