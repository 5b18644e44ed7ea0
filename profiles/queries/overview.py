"""One customer whole: the head of his page and the facts beside his timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.timezone import now

from ecrm.kernel.money import Money
from ecrm.kernel.prepared import Rows, Statement
from profiles import rules
from profiles.models import Identifier, Profile
from profiles.queries import consents
from profiles.queries.cards import cards_of, order_figures
from profiles.queries.care import holds_on
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


_PROFILE = Rows("profile", Profile, "WHERE id = %(profile_id)s")
_IDENTIFIERS = Rows(
    "identifiers_of_profile",
    Identifier,
    """
WHERE profile_id = %(profile_id)s AND kind <> ALL(%(of_machines)s::text[])
    AND (shop_id IS NULL OR shop_id = ANY(%(shop_ids)s::bigint[]))
ORDER BY is_key DESC, last_seen_at DESC, id
""",
)
# Those of a profile and its likes which somebody should look at now; see DuplicatePairQuerySet.waiting.
_WAITING = """
    FROM profiles_duplicatepair pair
    JOIN profiles_profile low ON low.id = pair.low_id AND low.merged_into_id IS NULL
    JOIN profiles_profile high ON high.id = pair.high_id AND high.merged_into_id IS NULL
    WHERE (pair.state = 'open' OR pair.state = 'later' AND pair.later_until <= %(at)s::timestamptz)
"""
_LIKES = Statement(
    "likes_of_profile",
    f"""
SELECT pair.high_id {_WAITING} AND pair.low_id = %(profile_id)s::bigint
UNION ALL SELECT pair.low_id {_WAITING} AND pair.high_id = %(profile_id)s::bigint
""",
)
# LATERAL looks at the two of each waiting pair; as joins, both tables of people may be read whole for none.
_PAIRS = Statement(
    "pairs_waiting",
    """
SELECT count(*) FROM (
    SELECT FROM profiles_duplicatepair pair
    CROSS JOIN LATERAL (
        SELECT FROM profiles_profile p JOIN profiles_profileshop s ON s.profile_id = p.id
        WHERE p.id = pair.low_id AND p.merged_into_id IS NULL
            AND s.shop_id = ANY(%(shop_ids)s::bigint[]) LIMIT 1
    ) low
    CROSS JOIN LATERAL (
        SELECT FROM profiles_profile p JOIN profiles_profileshop s ON s.profile_id = p.id
        WHERE p.id = pair.high_id AND p.merged_into_id IS NULL
            AND s.shop_id = ANY(%(shop_ids)s::bigint[]) LIMIT 1
    ) high
    WHERE pair.state = 'open' OR pair.state = 'later' AND pair.later_until <= %(at)s::timestamptz
    LIMIT 500
) AS waiting
""",
)


def pairs_waiting(shop_ids: Iterable[int], *, at: datetime) -> int:
    """How many pairs whom these shops know wait for a look, as far as their queue goes. One query."""
    ((number,),) = _PAIRS.rows(shop_ids=list(shop_ids), at=at)
    return int(number)


def overview(profile_id: int, *, shop_ids: Iterable[int]) -> Overview:
    """A customer with the figures of these shops only. Raises Profile.DoesNotExist."""
    in_sight = list(shop_ids)
    found = _PROFILE.all(profile_id=profile_id)
    if not found:
        raise Profile.DoesNotExist(f"profile {profile_id}")
    profile = found[0]
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
    wishes = consents.wishes(profile_id, shop_ids=shop_ids)
    return [
        KnownBy(shop_id=row.shop_id, since=row.since, accepts_marketing=wishes.get(row.shop_id))
        for row in holds_on(profile_id, shop_ids=shop_ids)
    ]


def _identifiers(profile_id: int, shop_ids: Sequence[int]) -> list[IdentifierRow]:
    """Addresses first, then numbers, then customer ids; what others know him by stays out."""
    rows = _IDENTIFIERS.all(
        profile_id=profile_id, shop_ids=list(shop_ids), of_machines=list(rules.OF_MACHINES)
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
    ids = [found for (found,) in _LIKES.rows(profile_id=profile_id, at=at)]
    if not ids:
        return []
    visible = Profile.objects.known_to(shop_ids).filter(pk__in=ids)
    return list(cards_of(visible, shop_ids=shop_ids).values())
