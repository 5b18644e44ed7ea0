"""The rows of an import as blocks keep them: compressed, as they came and as they were understood."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from profiles.rules import attributes as attribute_rules
from profiles.rules import identity
from profiles.rules.addresses import Place
from profiles.rules.imports import Person


def packed(value: Any) -> bytes:
    """Rows as a block keeps them."""
    return zlib.compress(json.dumps(value, ensure_ascii=False).encode(errors="replace"), 1)


def unpacked(body: Any) -> list[Any]:
    """What `packed` made smaller."""
    found: list[Any] = json.loads(zlib.decompress(bytes(body)))
    return found


def people_of(body: Any) -> list[Person]:
    """What `packed_people` made smaller."""
    return [_person(item) for item in unpacked(body)]


def packed_people(people: Iterable[Person]) -> bytes:
    """What rows say, as a block keeps it."""
    return packed([_plain(person) for person in people])


_KINDS = {Decimal: "n", bool: "b", date: "d", str: "t", list: "l"}
_DETAILS = tuple(field.name for field in fields(identity.Details) if field.name != "birthday")
_PLACE = tuple(field.name for field in fields(Place))
_details_of = attrgetter(*_DETAILS)
_place_of = attrgetter(*_PLACE)


def _plain(person: Person) -> list[Any]:
    birthday = person.details.birthday
    return [
        person.row,
        [(key.kind, key.value, key.shop_id) for key in person.keys],
        _details_of(person.details),
        birthday and birthday.isoformat(),
        person.place and _place_of(person.place),
        {key: [_KINDS[type(v)], attribute_rules.plain(v)] for key, v in person.values.items()},
        person.tags,
        person.consents,
    ]


def _person(item: Sequence[Any]) -> Person:
    row, keys, details, birthday, place, values, tags, consents = item
    return Person(
        row=row,
        keys=tuple(identity.Key(*key) for key in keys),
        details=identity.Details(
            birthday=date.fromisoformat(birthday) if birthday else None,
            **dict(zip(_DETAILS, details, strict=True)),
        ),
        place=Place(**dict(zip(_PLACE, place, strict=True))) if place else None,
        values={key: _value(kind, plain) for key, (kind, plain) in values.items()},
        tags=tuple(tags),
        consents=tuple((channel, granted) for channel, granted in consents),
    )


def _value(kind: str, plain: Any) -> attribute_rules.Value:
    if kind == "n":
        return Decimal(plain)
    found: attribute_rules.Value = date.fromisoformat(plain) if kind == "d" else plain
    return found
