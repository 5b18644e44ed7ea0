"""The customer list: who is in it, how many there are, and what one row shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from company import queries as company
from ecrm.kernel.prepared import Statement
from profiles import extensions, rules
from profiles.models import Figures, Identifier, Profile, ProfileQuerySet
from profiles.queries import segments
from profiles.queries.cards import Person, cards_of, people_of
from profiles.types import ProfileCard

Orders = Literal["", "none", "one", "more"]
Sort = Literal["recent", "newest", "name"]

# Where visitors come from (services.visitors.SOURCE).
VISIT = "visit"
LONGEST_SEARCH = 100
_ORDERINGS: dict[Sort, tuple[str, ...]] = {
    "recent": ("-last_seen_at", "-id"),
    "newest": ("-first_seen_at", "-id"),
    "name": ("search_name", "id"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which customers a list shows, and in which order."""

    words: str = ""
    orders: Orders = ""
    country: str = ""
    since: datetime | None = None
    segment_id: int | None = None
    sort: Sort = "recent"


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerRow:
    """One line of the list."""

    card: ProfileCard
    shop_ids: Sequence[int]


def customers(shop_ids: Iterable[int], selection: Selection | None = None) -> ProfileQuerySet:
    """The customers whom these shops know, narrowed and in order."""
    chosen = selection or Selection()
    in_sight = frozenset(shop_ids)
    rows = _known_to(in_sight)
    if words := chosen.words.strip()[:LONGEST_SEARCH]:
        rows = rows.filter(_matching(words, in_sight))
    if chosen.orders:
        rows = _with_orders(rows, chosen.orders, in_sight)
    if chosen.country:
        rows = rows.filter(country=chosen.country)
    if chosen.since:
        rows = rows.filter(first_seen_at__gte=chosen.since)
    if chosen.segment_id:
        rows = segments.in_segment(rows, chosen.segment_id)
    return rows.order_by(*_ORDERINGS[chosen.sort])


_KNOWN_BY = Statement(
    "shops_of_profiles",
    """
SELECT profile_id, shop_id FROM profiles_profileshop
WHERE profile_id = ANY(%(ids)s::bigint[]) AND shop_id = ANY(%(shop_ids)s::bigint[])
ORDER BY since, id
""",
)


def rows_of(profiles: Iterable[Profile | Person], *, shop_ids: Iterable[int]) -> list[CustomerRow]:
    """What the list shows of these customers, in three queries; in two when one shop looks."""
    in_sight = list(shop_ids)
    found = cards_of(profiles, shop_ids=in_sight)
    if len(in_sight) == 1:
        return [CustomerRow(card=card, shop_ids=in_sight) for card in found.values()]
    known_by: dict[int, list[int]] = {}
    for profile_id, shop_id in _KNOWN_BY.rows(ids=list(found), shop_ids=in_sight):
        known_by.setdefault(profile_id, []).append(shop_id)
    return [CustomerRow(card=c, shop_ids=known_by.get(c.id, [])) for c in found.values()]


def best_matches(words: str, *, shop_ids: Iterable[int], limit: int) -> list[ProfileCard]:
    """The customers met last among those whom the words find, in three queries."""
    found = customers(shop_ids, Selection(words=words))[:limit]
    return list(cards_of(people_of(found), shop_ids=shop_ids).values())


# Each country costs one look into the index instead of a walk over all customers; a look for one row
# (LIMIT, where EXISTS would do) keeps it that way, whatever the statistics say.
_COUNTRIES = Statement(
    "countries_of_shops",
    """
WITH RECURSIVE present (country) AS (
    SELECT min(country) FROM profiles_profile WHERE country > ''
    UNION ALL
    SELECT (SELECT min(p.country) FROM profiles_profile p WHERE p.country > present.country)
    FROM present WHERE present.country IS NOT NULL
)
SELECT country FROM present
WHERE country IS NOT NULL AND (
    SELECT true FROM profiles_profile p
    JOIN profiles_profileshop s ON s.profile_id = p.id
    WHERE p.country = present.country AND s.shop_id = ANY(%(shop_ids)s::bigint[]) LIMIT 1
)
ORDER BY country
""",
)


def countries(shop_ids: Iterable[int]) -> list[str]:
    """The countries of the customers whom these shops know. One query."""
    return [country for (country,) in _COUNTRIES.rows(shop_ids=list(shop_ids))]


def _known_to(shop_ids: frozenset[int]) -> ProfileQuerySet:
    """Everybody when these are all shops (each customer is known to one), which saves a look per row."""
    rows = _people()
    return rows if shop_ids and company.are_all_shops(shop_ids) else rows.known_to(shop_ids)


@cache  # its conditions are always the same, and dear to put together
def _people() -> ProfileQuerySet:
    """Everybody who is worth a row."""
    return Profile.objects.living().exclude(_is_visitor())


def _is_visitor() -> Q:
    """Somebody whom tracking met and of whom we know a computer only: not worth a row."""
    people = Identifier.objects.filter(profile=OuterRef("pk"), is_key=True).exclude(
        kind__in=rules.OF_MACHINES
    )
    return Q(source=VISIT) & ~Q(Exists(people))


def _matching(words: str, shop_ids: frozenset[int]) -> Q:
    """Found by name, address or number, or by what other modules look up.

    The ids are collected first, so that each half uses its own trigram index.
    """
    parts = rules.searchable(words).split()
    named = Profile.objects.named(parts) if parts else Profile.objects.none()
    found = Q(pk__in=named.order_by().values("pk").union(_holding(words).values("profile_id")))
    for lookup in extensions.lookups.all():
        if ids := list(lookup.find(words, shop_ids)):
            found |= Q(pk__in=ids)
    return found


def _holding(words: str) -> QuerySet[Identifier]:
    """Rows whose address contains the words, or whose number contains the digits."""
    matches = Q(kind=rules.EMAIL, value__contains=words.casefold())
    if digits := rules.dialled_digits(words):
        matches |= Q(kind=rules.PHONE, value__contains=digits)
    return Identifier.objects.filter(matches)


def _with_orders(
    rows: ProfileQuerySet, orders: Orders, shop_ids: frozenset[int]
) -> ProfileQuerySet:
    figures = Figures.objects.filter(shop__in=list(shop_ids), orders_count__gt=0)
    if orders == "none":
        return rows.exclude(Exists(figures.filter(profile=OuterRef("pk"))))
    counted = figures.values("profile_id").annotate(orders=Sum("orders_count"))
    wanted = counted.filter(orders=1) if orders == "one" else counted.filter(orders__gt=1)
    return rows.filter(pk__in=wanted.values("profile_id"))
