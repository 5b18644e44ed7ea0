"""Writing down what many rows say of customers, in a handful of statements whatever their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now
from psycopg2.errors import UniqueViolation

from ecrm.kernel import history
from ecrm.kernel.copying import copy
from profiles import rules
from profiles.events import ProfileCreated
from profiles.models import ImportedCustomer, Profile, Tag
from profiles.rules import attributes, consents, imports
from profiles.rules import tags as tag_rules
from profiles.rules.addresses import Place
from profiles.rules.imports import Person
from profiles.services import imports_deciding as deciding
from profiles.services import imports_lists as lists
from profiles.services import suggestions
from profiles.services.imports_deciding import Target
from profiles.services.segments_following import EVERYTHING

SOURCE = "import"
ATTEMPTS = 5
_DETAILS = [field.name for field in fields(rules.Details)]
_details = attrgetter(*_DETAILS)
_PLACE = [*(field.name for field in fields(Place)), "fingerprint"]


class Overtaken(Exception):
    """Somebody else took an identifier or merged a customer meanwhile: look again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """What is to be done with the rows of one import.

    `known` says what happens to customers we know (rules.imports.KNOWN); `attributes` are ids by key;
    `consent` is what the ledger keeps of how we know.
    """

    import_id: int
    shop_id: int
    known: str
    attribute_ids: Mapping[str, int]
    consent: Mapping[str, Any]
    segment_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How many rows brought somebody new, told of somebody known, left him alone; which were refused."""

    created: int
    changed: int
    left: int
    refused: frozenset[int]


def write(people: Sequence[Person], *, errand: Errand, at: datetime) -> Outcome:
    """Find or create the customer of each row and keep what it says, in the caller's transaction.

    Everything is recorded as history: ProfileCreated stands on the timelines, nothing follows from it;
    segments look at everybody who came or changed. Raises Overtaken: nothing must stay then.
    """
    refused = deciding.erased(people)
    targets = deciding.decide([person for person in people if person.row not in refused])
    new = [target for target in targets if target.id < 0]
    known = [target for target in targets if target.id > 0]
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
    _keep_addresses(touched, at)
    _keep_values(touched, errand, at)
    _stick_tags(touched, at)
    _note_consents(touched, errand)
    for target in touched:
        _note_contested(target, at)
    _record(new, errand, at)
    if errand.segment_id is not None:
        lists.put_on_list(errand.segment_id, profile_ids=[t.id for t in targets], at=at)
    _touch_segments(touched if errand.segment_id is None else targets)
    told_rows = sum(len(target.rows) for target in touched) - created_rows
    left_rows = len(people) - len(refused) - created_rows - told_rows
    return Outcome(
        created=created_rows, changed=told_rows, left=left_rows, refused=frozenset(refused)
    )


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
            "SELECT nextval(pg_get_serial_sequence('profiles_profile', 'id'))"
            " FROM generate_series(1, %s)",
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
    _execute(_MEET, [errand.shop_id, at, sorted(target.id for target in targets)])


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
    _execute(statement, [at, *(list(column) for column in zip(*rows, strict=True))])


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


_KEEP_PLACES = f"""
INSERT INTO profiles_postaladdress AS a
    (profile_id, {", ".join(_PLACE)}, source, first_seen_at, last_seen_at)
SELECT DISTINCT ON (w.profile_id, w.kind, w.fingerprint) w.*, '{SOURCE}', %s::timestamptz, %s::timestamptz
FROM unnest(%s::bigint[], {", ".join(["%s::text[]"] * len(_PLACE))})
    AS w (profile_id, {", ".join(_PLACE)})
ON CONFLICT (profile_id, kind, fingerprint) DO UPDATE SET
    first_seen_at = least(a.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at)
"""  # noqa: S608 - made of our own column names


def _keep_addresses(targets: Iterable[Target], at: datetime) -> None:
    rows = [
        [target.id, *(getattr(person.place, name) for name in _PLACE)]
        for target in targets
        for person in target.rows
        if person.place is not None
    ]
    if rows:
        _execute(_KEEP_PLACES, [at, at, *(list(column) for column in zip(*rows, strict=True))])


_KEEP_VALUES = f"""
INSERT INTO profiles_attributevalue AS a
    (profile_id, attribute_id, text, number, boolean, day, items, source, changed_at)
SELECT w.profile_id, w.attribute_id, w.text, w.number, w.boolean, w.day,
       CASE WHEN w.items IS NULL THEN NULL
            ELSE ARRAY(SELECT jsonb_array_elements_text(w.items::jsonb)) END, '{SOURCE}', %s
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::numeric[], %s::boolean[], %s::date[],
            %s::text[]) AS w (profile_id, attribute_id, text, number, boolean, day, items)
ON CONFLICT (profile_id, attribute_id) DO UPDATE SET
    text = excluded.text, number = excluded.number, boolean = excluded.boolean,
    day = excluded.day, items = excluded.items, source = excluded.source,
    changed_at = excluded.changed_at
WHERE %s
"""  # noqa: S608 - a constant of ours


def _keep_values(targets: Iterable[Target], errand: Errand, at: datetime) -> None:
    """The values of attributes; of several rows about one customer the first to tell one counts."""
    found: dict[tuple[int, str], attributes.Value] = {}
    for target in targets:
        for person in target.rows:
            for key, value in person.values.items():
                found.setdefault((target.id, key), value)
    if not found:
        return
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("profile_id", "attribute_id", "text", "number", "boolean", "day", "items")
    }
    for (profile_id, key), value in found.items():
        typed = _typed(value) | {
            "profile_id": profile_id,
            "attribute_id": errand.attribute_ids[key],
        }
        for name, column in columns.items():
            column.append(typed.get(name))
    overwrites = errand.known == imports.OVERWRITE
    _execute(_KEEP_VALUES, [at, *columns.values(), overwrites])


def _typed(value: attributes.Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolean": value}
    if isinstance(value, Decimal):
        return {"number": value}
    if isinstance(value, date):
        return {"day": value}
    return {"text": value} if isinstance(value, str) else {"items": json.dumps(value)}


_STICK = """
INSERT INTO profiles_profiletag (profile_id, tag_id, added_at)
SELECT w.profile_id, w.tag_id, %s FROM unnest(%s::bigint[], %s::bigint[]) AS w (profile_id, tag_id)
WHERE (SELECT count(*) FROM profiles_profiletag t WHERE t.profile_id = w.profile_id) < %s
ON CONFLICT DO NOTHING
"""


def _stick_tags(targets: Sequence[Target], at: datetime) -> None:
    names = {
        tag_rules.key_of(name): name for t in targets for person in t.rows for name in person.tags
    }
    if not names:
        return
    Tag.objects.bulk_create(
        [Tag(key=key, name=name, created_at=at) for key, name in sorted(names.items())],
        ignore_conflicts=True,
    )
    ids = dict(Tag.objects.filter(key__in=names).values_list("key", "pk"))
    pairs = {
        (target.id, ids[tag_rules.key_of(name)])
        for target in targets
        for person in target.rows
        for name in person.tags
    }
    columns = [list(column) for column in zip(*sorted(pairs), strict=True)]
    _execute(_STICK, [at, *columns, tag_rules.MOST])


# What consents.note_wish does for one: nothing that was said on purpose or later is outweighed.
_NOTE_CONSENTS = f"""
WITH told AS (
    SELECT * FROM unnest(%(profiles)s::bigint[], %(channels)s::text[], %(answers)s::text[])
        AS w (profile_id, channel, answer)
), entry AS (
    INSERT INTO profiles_consent (profile_id, shop_id, channel, purpose, answer, is_incidental,
        source, wording_id, proof, reason, answered_at, recorded_at)
    SELECT told.profile_id, %(shop_id)s, told.channel, 'marketing', told.answer, true,
           '{SOURCE}', CASE told.channel {{wordings}} ELSE NULL END, %(proof)s, %(reason)s, %(at)s, %(now)s
    FROM told
    WHERE NOT EXISTS (
        SELECT 1 FROM profiles_consentstate s
        JOIN profiles_consent c ON c.id = mod(s.stand, {consents.STEP})
        WHERE s.profile_id = told.profile_id AND s.shop_id = %(shop_id)s
          AND s.channel = told.channel AND s.purpose = 'marketing'
          AND (NOT c.is_incidental OR c.answered_at > %(at)s OR c.answer = told.answer)
    )
    RETURNING id, profile_id, channel, answer
)
INSERT INTO profiles_consentstate (profile_id, shop_id, channel, purpose, stand)
SELECT profile_id, %(shop_id)s, channel, 'marketing',
       CASE answer WHEN '{consents.GRANTED}' THEN 0 ELSE 2 END * {consents.STEP} + id
FROM entry
ON CONFLICT (profile_id, shop_id, channel, purpose) DO UPDATE SET stand = excluded.stand
"""  # noqa: S608 - constants of ours, and numbers


def _note_consents(targets: Iterable[Target], errand: Errand) -> None:
    """What the rows say about marketing; of several about one customer the strictest counts."""
    told: dict[tuple[int, str], bool] = {}
    for target in targets:
        for person in target.rows:
            for channel, is_granted in person.consents:
                pair = (target.id, channel)
                told[pair] = is_granted and told.get(pair, True)
    if not told:
        return
    wordings = errand.consent["wordings"]
    cases = " ".join(f"WHEN '{channel}' THEN {int(pk)}" for channel, pk in wordings.items())
    _execute(
        _NOTE_CONSENTS.format(wordings=cases or "WHEN '' THEN NULL::bigint"),
        {
            "profiles": [profile_id for profile_id, _channel in told],
            "channels": [channel for _profile_id, channel in told],
            "answers": [consents.wish(accepts_marketing=granted) for granted in told.values()],
            "shop_id": errand.shop_id,
            "proof": errand.consent["proof"],
            "reason": errand.consent["reason"],
            "at": errand.consent["answered_at"],
            "now": now(),
        },
    )


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


def _execute(statement: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
