"""Writing down what many rows say of customers, in a handful of statements whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now
from psycopg2.errors import UniqueViolation

from ecrm.kernel import history
from ecrm.kernel.copying import copy
from profiles import rules
from profiles.events import ProfileCreated
from profiles.models import ImportedCustomer, Profile
from profiles.rules import imports
from profiles.rules.imports import Person
from profiles.services import imports_deciding as deciding
from profiles.services import imports_keeping as keeping
from profiles.services import imports_lists as lists
from profiles.services import suggestions
from profiles.services.imports_deciding import Target
from profiles.services.imports_keeping import SOURCE, Errand, execute
from profiles.services.imports_turns import Overtaken, Turn
from profiles.services.segments_following import EVERYTHING

ATTEMPTS = 5
_DETAILS = [field.name for field in fields(rules.Details)]
_details = attrgetter(*_DETAILS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How many rows brought somebody new, told of somebody known, left him alone; which were refused."""

    created: int
    changed: int
    left: int
    refused: frozenset[int]


def write(people: Sequence[Person], *, errand: Errand, turn: Turn, at: datetime) -> Outcome:
    """Find or create the customer of each row and keep what it says, in the caller's transaction.

    Everything is recorded as history: ProfileCreated stands on the timelines, nothing follows from it;
    segments look at everybody who came or changed. When it returns, the block before is committed.
    Raises Overtaken: nothing must stay then.
    """
    refused = deciding.erased(people)
    targets = deciding.decide([person for person in people if person.row not in refused])
    new = [target for target in targets if target.id < 0]
    known = [target for target in targets if target.id > 0]
    turn.decide(target.id for target in known)
    created_rows = len(new)
    told = known if errand.known != imports.LEAVE else []
    profiles = _locked(known)
    own = _known_before([target.id for target in told], errand)
    _give_ids(new)
    touched = [*new, *told]
    _insert_profiles(new, at)
    _take_keys(touched, at)
    _meet_shop(touched, errand, at)
    _refresh(told, profiles, own if errand.known == imports.OVERWRITE else set(), at)
    keeping.keep_addresses(touched, at=at)
    keeping.keep_values(touched, errand=errand, at=at)
    keeping.note_consents(touched, errand=errand)
    _record(new, errand, at)
    _touch_segments(touched if errand.segment_id is None else targets)
    _check_references()
    turn.come_up()
    _write_shared(touched, targets, errand, at)
    told_rows = sum(len(target.rows) for target in touched) - created_rows
    left_rows = len(people) - len(refused) - created_rows - told_rows
    return Outcome(
        created=created_rows, changed=told_rows, left=left_rows, refused=frozenset(refused)
    )


def _check_references() -> None:
    """Let the database look at foreign keys now and not at the end, for which the next block waits."""
    execute("SET CONSTRAINTS ALL IMMEDIATE", values=None)


def _write_shared(
    touched: Sequence[Target], targets: Sequence[Target], errand: Errand, at: datetime
) -> None:
    """What customers have in common, and two blocks could therefore not write at the same time."""
    keeping.stick_tags(touched, at=at)
    for target in touched:
        _note_contested(target, at)
    if errand.segment_id is not None:
        lists.put_on_list(errand.segment_id, profile_ids=[t.id for t in targets], at=at)


# --- Who ------------------------------------------------------------------------------------------


def _locked(known: Iterable[Target]) -> dict[int, Profile]:
    """The known customers, who stay as they are until the transaction ends. Raises Overtaken."""
    ids = [target.id for target in known]
    rows = Profile.objects.filter(pk__in=ids).order_by("pk")
    found = {row.pk: row for row in rows.select_for_update(of=("self",), no_key=True)}
    if len(found) < len(ids) or any(row.merged_into_id for row in found.values()):
        raise Overtaken
    return found


def _give_ids(new: Sequence[Target]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(s.name) FROM generate_series(1, %s),"
            " (SELECT pg_get_serial_sequence('profiles_profile', 'id')::regclass AS name OFFSET 0) s",
            [len(new)],
        )
        for target, (profile_id,) in zip(new, cursor.fetchall(), strict=True):
            target.id = profile_id


def _insert_profiles(new: Iterable[Target], at: datetime) -> None:
    columns = [*_DETAILS, "search_name", "source", "created_at", "first_seen_at", "last_seen_at"]
    rows = []
    created, met = now().isoformat(), at.isoformat()
    for target in new:
        details = _told(rules.Details(), target.rows, is_authoritative=False)
        search_name = rules.searchable(details.first_name, details.last_name)
        rows.append(
            [target.id, *_values(details), search_name, SOURCE, created, met, met],
        )
    copy("profiles_profile", ["id", *columns], rows)


def _take_keys(targets: Iterable[Target], at: datetime) -> None:
    """Let the identifiers lead to their customers, in the one order of all writers. Raises Overtaken."""
    taken = [(key.kind, key.value, key.shop_id, t.id) for t in targets for key in t.taken]
    columns = ["profile_id", "kind", "value", "shop_id", "is_key", "is_verified", "source"]
    met = at.isoformat()
    rows = [
        [profile_id, kind, value, shop_id, True, False, SOURCE, met, met]
        for kind, value, shop_id, profile_id in sorted(taken)
    ]
    try:
        with transaction.atomic():
            copy("profiles_identifier", [*columns, "first_seen_at", "last_seen_at"], rows)
    except UniqueViolation as error:  # COPY is beyond Django, which would call it IntegrityError
        raise Overtaken from error


_MEET = """
INSERT INTO profiles_profileshop (profile_id, shop_id, since)
SELECT p, %s, %s FROM unnest(%s::bigint[]) AS p ON CONFLICT DO NOTHING
"""


def _meet_shop(targets: Iterable[Target], errand: Errand, at: datetime) -> None:
    execute(_MEET, values=[errand.shop_id, at, sorted(target.id for target in targets)])


def _note_contested(target: Target, at: datetime) -> None:
    """Identifiers of somebody else become a suggestion, as with every other door."""
    found = {key: other.id for key, other in target.contested.items()}
    if found:
        suggestions.note_shared(target.id, keys=list(found), found=found, source=SOURCE, at=at)


# --- What is known of them ------------------------------------------------------------------------


def _told(known: rules.Details, rows: Iterable[Person], *, is_authoritative: bool) -> rules.Details:
    for person in rows:
        known = rules.merged_details(known, person.details, is_authoritative=is_authoritative)
    return known


_REFRESH = """
UPDATE profiles_profile p SET ({columns}) = (SELECT {wanted}), last_seen_at = greatest(last_seen_at, %s)
FROM unnest({arrays}) AS w (id, {columns})
WHERE p.id = w.id
"""


def _refresh(
    known: Sequence[Target], profiles: Mapping[int, Profile], overwritten: set[int], at: datetime
) -> None:
    """Write better details of known customers: of most only what was missing."""
    columns = [*_DETAILS, "search_name"]
    rows = []
    for target in known:
        before = _details_of(profiles[target.id])
        after = _told(before, target.rows, is_authoritative=target.id in overwritten)
        if after != before:
            search_name = rules.searchable(after.first_name, after.last_name)
            rows.append([target.id, *_values(after), search_name])
    if not rows:
        return
    types = ["bigint", *("date" if name == "birthday" else "text" for name in columns)]
    statement = _REFRESH.format(
        columns=", ".join(columns),
        wanted=", ".join(f"w.{name}" for name in columns),
        arrays=", ".join(f"%s::{type_}[]" for type_ in types),
    )
    execute(statement, values=[at, *(list(column) for column in zip(*rows, strict=True))])


_OWN = "SELECT profile_id FROM profiles_profileshop WHERE shop_id = %s AND profile_id = ANY(%s)"


def _known_before(profile_ids: Sequence[int], errand: Errand) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_OWN, [errand.shop_id, list(profile_ids)])
        return {profile_id for (profile_id,) in cursor.fetchall()}


def _details_of(profile: Profile) -> rules.Details:
    return replace(rules.Details(), **{name: getattr(profile, name) for name in _DETAILS})


def _values(details: rules.Details) -> tuple[Any, ...]:
    found: tuple[Any, ...] = _details(details)
    return found


# --- What stays of it -----------------------------------------------------------------------------


def _record(new: Sequence[Target], errand: Errand, at: datetime) -> None:
    history.record(
        (ProfileCreated(profile_id=t.id, shop_id=errand.shop_id, source=SOURCE), at) for t in new
    )
    rows = [[errand.import_id, target.id] for target in new]
    copy(ImportedCustomer._meta.db_table, ["of_id", "profile_id"], rows)  # noqa: SLF001


def _touch_segments(targets: Iterable[Target]) -> None:
    copy(
        "profiles_segmenttouch",
        ["profile_id", "fact"],
        [[profile_id, EVERYTHING] for profile_id in sorted(t.id for t in targets)],
    )
