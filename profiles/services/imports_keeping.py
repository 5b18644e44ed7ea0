"""What many rows say of customers beside who they are: addresses, attributes, tags, consents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.timezone import now

from profiles.models import Tag
from profiles.rules import attributes, consents, imports
from profiles.rules import tags as tag_rules
from profiles.rules.addresses import Place
from profiles.services.imports_deciding import Target

SOURCE = "import"
_PLACE = [*(field.name for field in fields(Place)), "fingerprint"]


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


def keep_addresses(targets: Iterable[Target], *, at: datetime) -> None:
    """The places of the rows, each once; of a known one when it was seen last."""
    rows = [
        [target.id, *(getattr(person.place, name) for name in _PLACE)]
        for target in targets
        for person in target.rows
        if person.place is not None
    ]
    if rows:
        execute(
            _KEEP_PLACES, values=[at, at, *(list(column) for column in zip(*rows, strict=True))]
        )


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


def keep_values(targets: Iterable[Target], *, errand: Errand, at: datetime) -> None:
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
    execute(_KEEP_VALUES, values=[at, *columns.values(), overwrites])


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


def stick_tags(targets: Sequence[Target], *, at: datetime) -> None:
    """The tags of the rows, made where nobody used them yet, as far as a customer has room for more."""
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
    execute(_STICK, values=[at, *columns, tag_rules.MOST])


# What consents.note_wish does for one: nothing that was said on purpose or later is outweighed. What each
# customer said is looked up by itself, whatever statistics say of a table that grows meanwhile.
_NOTE_CONSENTS = f"""
WITH told AS (
    SELECT * FROM unnest(%(profiles)s::bigint[], %(channels)s::text[], %(answers)s::text[])
        AS w (profile_id, channel, answer)
), entry AS (
    INSERT INTO profiles_consent (profile_id, shop_id, channel, purpose, answer, is_incidental,
        source, wording_id, proof, reason, answered_at, recorded_at)
    SELECT told.profile_id, %(shop_id)s, told.channel, 'marketing', told.answer, true,
           '{SOURCE}', CASE told.channel {{wordings}} ELSE NULL END, %(proof)s, %(reason)s, %(at)s, %(now)s
    FROM told LEFT JOIN LATERAL (
        SELECT true AS stays
        FROM (SELECT * FROM profiles_consentstate WHERE profile_id = told.profile_id OFFSET 0) s
        JOIN profiles_consent c ON c.id = mod(s.stand, {consents.STEP})
        WHERE s.shop_id = %(shop_id)s AND s.channel = told.channel AND s.purpose = 'marketing'
          AND (NOT c.is_incidental OR c.answered_at > %(at)s OR c.answer = told.answer)
        LIMIT 1
    ) said ON true
    WHERE said.stays IS NULL
    RETURNING id, profile_id, channel, answer
)
INSERT INTO profiles_consentstate (profile_id, shop_id, channel, purpose, stand)
SELECT profile_id, %(shop_id)s, channel, 'marketing',
       CASE answer WHEN '{consents.GRANTED}' THEN 0 ELSE 2 END * {consents.STEP} + id
FROM entry
ON CONFLICT (profile_id, shop_id, channel, purpose) DO UPDATE SET stand = excluded.stand
"""  # noqa: S608 - constants of ours, and numbers


def note_consents(targets: Iterable[Target], *, errand: Errand) -> None:
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
    execute(
        _NOTE_CONSENTS.format(wordings=cases or "WHEN '' THEN NULL::bigint"),
        values={
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


def execute(statement: str, *, values: Any) -> None:
    """Let the database do this; nobody asks what it answers."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
