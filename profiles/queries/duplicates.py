"""People who resemble each other: found through blocks, compared in memory, listed for agents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from profiles import rules
from profiles.models import (
    DuplicatePair,
    Identifier,
    LikenessKey,
    PostalAddress,
    Profile,
    ProfileShop,
)
from profiles.queries import choices
from profiles.queries.cards import cards
from profiles.queries.merging import merged_from
from profiles.rules.addresses import Place
from profiles.rules.likeness import LARGEST_BLOCK, Block, Likeness, Person, compare
from profiles.types import ProfileCard


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of two people who may be one."""

    card: ProfileCard
    birthday: date | None
    emails: Sequence[str]
    phones: Sequence[str]
    address: str
    told: choices.Told


@dataclass(frozen=True, kw_only=True, slots=True)
class PairView:
    """Two people side by side; `suggested` is the older customer, who would survive."""

    id: int
    score: int
    reasons: Sequence[str]
    sides: tuple[Side, Side]
    suggested: int


# --- Finding --------------------------------------------------------------------------------------


def persons(profile_ids: Iterable[int]) -> dict[int, Person]:
    """What living people are compared by, in three queries."""
    living = Profile.objects.living().filter(pk__in=set(profile_ids))
    rows = {row.pk: row for row in living.only("search_name", "birthday")}
    emails: dict[int, list[str]] = {}
    phones: dict[int, set[str]] = {}
    held = Identifier.objects.filter(profile_id__in=rows, kind__in=[rules.EMAIL, rules.PHONE])
    # What somebody only claimed until its owner came says nothing.
    held = held.exclude(is_key=False, is_claimed=True)
    for profile_id, kind, value in held.order_by("id").values_list("profile_id", "kind", "value"):
        if kind == rules.EMAIL:
            emails.setdefault(profile_id, []).append(value)
        else:
            phones.setdefault(profile_id, set()).add(value)
    places: dict[int, set[str]] = {}
    for address in PostalAddress.objects.filter(profile_id__in=rows):
        places.setdefault(address.profile_id, set()).add(_place(address).place_fingerprint)
    return {
        pk: Person(
            profile_id=pk,
            name=row.search_name,
            birthday=row.birthday,
            emails=emails.get(pk, ()),
            phones=frozenset(phones.get(pk, ())),
            places=frozenset(places.get(pk, ())),
        )
        for pk, row in rows.items()
    }


_NEIGHBOURS = """
SELECT mine.profile_id, other.profile_id
FROM profiles_likenesskey mine
JOIN LATERAL (
    SELECT k.profile_id FROM profiles_likenesskey k
    WHERE k.kind = mine.kind AND k.value = mine.value LIMIT %(most)s
) other ON other.profile_id <> mine.profile_id
WHERE mine.profile_id = ANY(%(ids)s)
  AND (SELECT count(*) FROM (
          SELECT 1 FROM profiles_likenesskey k
          WHERE k.kind = mine.kind AND k.value = mine.value LIMIT %(most)s) AS people) < %(most)s
"""


def neighbours(profile_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Pairs of one of these people and somebody in one of his blocks; large blocks say nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, {"ids": list(profile_ids), "most": LARGEST_BLOCK + 1})
        return {(min(pair), max(pair)) for pair in cursor.fetchall()}


def alike(profile_ids: Sequence[int]) -> dict[tuple[int, int], Likeness]:
    """Who of the neighbours of these people resembles them; who was found to be two stays two."""
    pairs = neighbours(profile_ids)
    known = persons({profile_id for pair in pairs for profile_id in pair})
    found = {
        (low, high): likeness
        for low, high in pairs
        if low in known and high in known and (likeness := compare(known[low], known[high]))
    }
    apart = _decided_different({profile_id for pair in found for profile_id in pair})
    return {pair: likeness for pair, likeness in found.items() if pair not in apart}


def _decided_different(profile_ids: set[int]) -> set[tuple[int, int]]:
    """Pairs which an agent found to be two, themselves or through somebody merged into them."""
    roots = {pk: pk for pk in profile_ids}
    for root, members in merged_from(profile_ids).items():
        roots |= dict.fromkeys(members, root)
    rows = DuplicatePair.objects.filter(
        state=DuplicatePair.State.DIFFERENT, low_id__in=roots, high_id__in=roots
    )
    pairs = {(roots[low], roots[high]) for low, high in rows.values_list("low_id", "high_id")}
    return {(min(pair), max(pair)) for pair in pairs}


def blocks_of(profile_id: int) -> set[Block]:
    """The blocks a profile stands in."""
    rows = LikenessKey.objects.filter(profile_id=profile_id)
    return {Block(kind, value) for kind, value in rows.values_list("kind", "value")}


# --- The queue ------------------------------------------------------------------------------------


def queue(shop_ids: Iterable[int], *, at: datetime) -> list[int]:
    """The pairs that wait for a look and whom these shops know, the surest first; at most 500."""
    in_sight = list(shop_ids)
    rows = DuplicatePair.objects.waiting(at).filter(
        Exists(ProfileShop.objects.filter(profile=OuterRef("low"), shop_id__in=in_sight)),
        Exists(ProfileShop.objects.filter(profile=OuterRef("high"), shop_id__in=in_sight)),
    )
    return list(rows.order_by("-score", "id").values_list("pk", flat=True)[:500])


def pair(pair_id: int, *, shop_ids: Iterable[int]) -> PairView:
    """Two people side by side as these shops see them. Raises DuplicatePair.DoesNotExist."""
    in_sight = list(shop_ids)
    row = DuplicatePair.objects.get(pk=pair_id)
    return view_of([row.low_id, row.high_id], shop_ids=in_sight, row=row)


def view_of(
    profile_ids: Sequence[int], *, shop_ids: Sequence[int], row: DuplicatePair | None = None
) -> PairView:
    """Two customers side by side, suggested to be one or chosen by an agent."""
    shown = cards(profile_ids, shop_ids=shop_ids)
    known = persons(profile_ids)
    if len(shown) < 2 or len(known) < 2:  # noqa: PLR2004
        raise DuplicatePair.DoesNotExist("One of the two is gone.")
    addresses = _addresses(profile_ids)
    told = choices.told_by(profile_ids, shop_ids=shop_ids, at=now())
    first, second = (
        _side(shown[pk], known[pk], addresses.get(pk, ""), said)
        for pk, said in zip(profile_ids, told, strict=True)
    )
    likeness = compare(known[profile_ids[0]], known[profile_ids[1]])
    oldest = min(shown.values(), key=lambda card: (-card.orders_count, card.first_seen_at, card.id))
    return PairView(
        id=row.pk if row else 0,
        score=row.score if row else (likeness.score if likeness else 0),
        reasons=row.reasons if row else (likeness.reasons if likeness else ()),
        sides=(first, second),
        suggested=oldest.id,
    )


def _side(card: ProfileCard, person: Person, address: str, told: choices.Told) -> Side:
    return Side(
        card=card,
        birthday=person.birthday,
        emails=person.emails,
        phones=sorted(person.phones),
        address=address,
        told=told,
    )


def _addresses(profile_ids: Sequence[int]) -> dict[int, str]:
    rows = PostalAddress.objects.filter(profile_id__in=profile_ids).order_by("last_seen_at")
    return {
        row.profile_id: ", ".join(
            part for part in (row.line1, f"{row.postcode} {row.city}".strip(), row.country) if part
        )
        for row in rows
    }


def _place(row: PostalAddress) -> Place:
    return Place(
        kind=row.kind,
        line1=row.line1,
        line2=row.line2,
        postcode=row.postcode,
        city=row.city,
        country=row.country,
    )
