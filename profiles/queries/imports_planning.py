"""How the rows of an import are to be understood, and its rows as they were kept."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from company import queries as company
from profiles.models import Import, ImportBlock, ImportFault
from profiles.queries import attributes
from profiles.queries.policies import policies
from profiles.rules import attributes as attribute_rules
from profiles.rules import identity
from profiles.rules.addresses import Place
from profiles.rules.imports import Person, Plan

# Rows of a block, and of what is committed together.
BATCH = 2000


def plan_of(row: Import) -> Plan:
    """What the agent said of the columns, with the company's attributes and rules. Two queries."""
    in_force = policies()
    shop = company.shop(row.shop_id)
    own_address = identity.normalise_email(shop.support_email)
    return Plan(
        columns=row.mapping,
        shop_id=row.shop_id,
        country=row.options.get("country") or shop.market,
        date_order=row.options["date_order"],
        custom={a.key: attributes.rule_of(a) for a in attributes.definitions()},
        blocks=lambda kind, value: value == own_address or in_force[kind].blocks(value),
    )


def block_at(import_id: int, first_row: int) -> ImportBlock | None:
    """The rows from this number on; None when there are no more."""
    return ImportBlock.objects.filter(of_id=import_id, first_row=first_row).first()


def faulty_rows(row: Import) -> Iterator[tuple[Sequence[str], ImportFault]]:
    """Each row that can't be imported, as it came, and what is wrong. A block at a time."""
    blocks = ImportBlock.objects.filter(of=row).order_by("first_row")
    for first_row in list(blocks.values_list("first_row", flat=True)):
        until = first_row + BATCH
        faults = ImportFault.objects.filter(of=row, row__gte=first_row, row__lt=until)
        found = list(faults.order_by("row"))
        if found:
            cells = unpacked(ImportBlock.objects.get(of=row, first_row=first_row).raw)
            yield from ((cells[fault.row - first_row], fault) for fault in found)


def packed(value: Any) -> bytes:
    """Rows as a block keeps them."""
    return zlib.compress(json.dumps(value, ensure_ascii=False).encode(errors="replace"), 1)


def unpacked(body: Any) -> list[Any]:
    """What `packed` made smaller."""
    found: list[Any] = json.loads(zlib.decompress(bytes(body)))
    return found


def packed_people(people: Iterable[Person]) -> bytes:
    """What rows say, as a block keeps it."""
    return packed([_plain(person) for person in people])


def people_in(block: ImportBlock) -> list[Person]:
    """What the rows of a block say, without the faulty ones."""
    return (
        [] if block.understood is None else [_person(item) for item in unpacked(block.understood)]
    )


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
