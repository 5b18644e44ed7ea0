"""Whose data it is, what becomes of it, and the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from profiles import rules
from profiles.extensions.privacy import Fate, Personal, Subject, personal
from profiles.models import Identifier, PostalAddress, PrivacyRequest, Profile
from profiles.queries.merging import cluster
from profiles.rules import erasure

ERASE = "profiles.erase_profile"
EXPORT = "profiles.export_profile"
AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """How many rows of one kind an erasure finds, what becomes of them, and why some stay."""

    key: str
    label: str
    fate: str
    count: int
    why: str


def subject_of(profile_id: int, *, at: datetime) -> Subject:
    """Everything that names the person behind a profile, merged records included.

    What leads to somebody else, or is shared with him, does not name this person alone.
    """
    ids = tuple(cluster(profile_id))
    keys = own_keys(ids)
    addresses = {key.value for key in keys if key.kind == rules.EMAIL}
    numbers = {key.value for key in keys if key.kind == rules.PHONE}
    bare = Subject(profile_ids=ids, at=at)
    written = map(rules.normalise_email, _named(bare, "emails"))
    addresses |= _his_own(rules.EMAIL, written, ids)
    dialled = (rules.normalise_phone(text, region="FR") for text in _named(bare, "phones"))
    numbers |= _his_own(rules.PHONE, dialled, ids)
    found = erasure.patterns(addresses=addresses, numbers=numbers, names=_names(ids))
    return Subject(
        profile_ids=ids,
        addresses=tuple(sorted(addresses)),
        numbers=tuple(sorted(numbers)),
        patterns=found,
        routes=tuple(rf"/customers/{number}(/|$|\?)" for number in ids),
        at=at,
    )


def own_keys(profile_ids: Sequence[int]) -> list[rules.Key]:
    """The identifiers that lead to these profiles and that nobody else ever used."""
    rows = Identifier.objects.filter(profile_id__in=profile_ids, is_key=True)
    shared = Identifier.objects.filter(is_key=False, value__in=rows.values("value")).exclude(
        profile_id__in=profile_ids
    )
    others = set(shared.values_list("kind", "value"))
    return sorted(
        rules.Key(kind, value, shop_id)
        for kind, value, shop_id in rows.values_list("kind", "value", "shop_id")
        if (kind, value) not in others
    )


def declared() -> list[Personal]:
    """Every declaration, children before their parents."""
    return sorted(personal.all(), key=lambda item: (item.order, item.key))


def foresee(subject: Subject) -> list[Line]:
    """What an erasure would find, erase and keep. One query per declaration."""
    return [line(item, count(item, subject)) for item in declared()]


def line(item: Personal, number: int) -> Line:
    """A line of a report."""
    return Line(
        key=item.key,
        label=str(item.label),
        fate=item.fate,
        count=number,
        why=str(item.why) if item.fate != Fate.ERASED else "",
    )


def count(item: Personal, subject: Subject) -> int:
    """How many rows of the person the declaration finds."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {item.table} t WHERE {item.where}",  # noqa: S608 - from the registry
            subject.values,
        )
        return int(cursor.fetchone()[0])


def report_of(request: PrivacyRequest) -> list[Line]:
    """What an answered request found, in today's words."""
    known = {item.key: item for item in personal.all()}
    return [
        line(known[entry["key"]], entry["count"])
        for entry in request.report
        if entry["key"] in known
    ]


def rows(item: Personal, subject: Subject) -> Iterator[dict[str, Any]]:
    """The rows to hand out, oldest first, read a thousand at a time whatever their number."""
    columns = ", ".join(f"{expression} AS c{n}" for n, (expression, _) in _numbered(item))
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT t.{item.number}, {columns} FROM {item.table} t"  # noqa: S608 - from the registry
                f" WHERE ({item.where}) AND t.{item.number} > %(last)s"
                f" ORDER BY t.{item.number} LIMIT {AT_ONCE}",
                subject.values | {"last": last},
            )
            found = cursor.fetchall()
        for row in found:
            yield dict(zip(item.columns, row[1:], strict=True))
        if len(found) < AT_ONCE:
            return
        last = found[-1][0]


def open_erasure(profile_id: int) -> PrivacyRequest | None:
    """The erasure of this customer that nobody has finished, or None."""
    found = PrivacyRequest.objects.open().filter(
        profile_id=profile_id, kind=PrivacyRequest.Kind.ERASURE
    )
    return found.first()


def erasure_of(profile_id: int, *, shop_ids: Iterable[int]) -> PrivacyRequest | None:
    """How a customer was erased whom one of these shops knew, or None. One query."""
    done = PrivacyRequest.objects.filter(
        profile_id=profile_id,
        kind=PrivacyRequest.Kind.ERASURE,
        state=PrivacyRequest.State.DONE,
    ).order_by("-id")
    row = done.first()
    return row if row is not None and set(row.shop_ids).intersection(shop_ids) else None


def is_erased(profile_id: int) -> bool:
    """True when only an empty record is left of the customer."""
    return Profile.objects.filter(pk=profile_id, erased_at__isnull=False).exists()


def requests_in(shop_ids: Iterable[int], *, is_everywhere: bool) -> list[PrivacyRequest]:
    """The requests of these shops' customers, the most urgent first, then the latest answered."""
    wanted = PrivacyRequest.objects.select_related("profile", "agent")
    if not is_everywhere:
        allowed = set(shop_ids)
        numbers = [
            pk
            for pk, theirs in wanted.values_list("pk", "shop_ids")
            if allowed.intersection(theirs)
        ]
        wanted = wanted.filter(pk__in=numbers)
    waiting = list(wanted.open().order_by("due_at", "id"))
    return waiting + list(wanted.filter(answered_at__isnull=False).order_by("-answered_at")[:100])


def _numbered(item: Personal) -> Iterator[tuple[int, tuple[str, Any]]]:
    return iter(enumerate(item.columns.values()))


def _named(subject: Subject, kind: str) -> set[str]:
    """What the rows about the person call him beside his identifiers, as it was written."""
    found: set[str] = set()
    for item in declared():
        expression = getattr(item, kind)
        if not expression:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT {expression} FROM {item.table} t"  # noqa: S608 - from the registry
                f" WHERE ({item.where}) AND {expression} <> ''",
                subject.values,
            )
            found |= {row[0] for row in cursor.fetchall()}
    return found


def _his_own(kind: str, values: Iterable[str | None], profile_ids: Sequence[int]) -> set[str]:
    """Those of the values that nobody else has or shares."""
    wanted = {value for value in values if value}
    others = Identifier.objects.filter(kind=kind, value__in=wanted)
    return wanted - set(others.exclude(profile_id__in=profile_ids).values_list("value", flat=True))


def _names(profile_ids: Sequence[int]) -> set[str]:
    people = Profile.objects.filter(pk__in=profile_ids)
    written = {
        f"{first} {last}".strip() for first, last in people.values_list("first_name", "last_name")
    }
    places = PostalAddress.objects.filter(profile_id__in=profile_ids)
    return written | set(places.values_list("name", flat=True))
