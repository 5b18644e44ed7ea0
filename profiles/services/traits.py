"""What identify calls say of a person, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from profiles import queries, rules
from profiles.queries import attributes as attribute_queries
from profiles.rules import addresses, imports_cells, numerals
from profiles.rules import attributes as attribute_rules
from profiles.rules.tracking import Message, folded
from profiles.services import attributes
from profiles.types import Address, Identity

_LENGTH_OF_DAY = len("2026-12-31")


def identity_of(message: Message, *, computer: str | None, is_proven: bool) -> Identity:
    """Who an identify or alias call speaks of; `computer` is the visitor id it names or stands for."""
    traits = message.traits
    address = traits.get("address")
    place: Mapping[str, Any] = address if isinstance(address, dict) else {}
    first_name, last_name = _names(traits)
    user_id = message.user_id
    return Identity(
        email=_word(traits, "email") or (user_id if rules.normalise_email(user_id) else None),
        phone=_word(traits, "phone"),
        customer_id=user_id,
        anonymous_id=computer,
        first_name=first_name,
        last_name=last_name,
        locale=_word(traits, "locale", "language") or message.locale,
        country=_country(_word(place, "country") or _word(traits, "country", "countryCode") or ""),
        city=_word(place, "city") or _word(traits, "city") or "",
        birthday=_day(_word(traits, "birthday", "birthDate")),
        gender=(_word(traits, "gender") or "").casefold(),
        timezone=message.timezone,
        addresses=_addresses(place),
        is_proven=is_proven,
    )


def keep_attributes(
    profile_id: int,
    *,
    traits: Mapping[str, Any],
    is_proven: bool,
    source: str,
    at: datetime,
) -> None:
    """Write down the traits which are attributes of the company, found by key however it is spelt.

    What does not fit its attribute is left out. Who is not proven says something of a visitor known by
    his computer only. Publishes AttributesChanged.
    """
    values = _values(traits)
    if values and (is_proven or queries.is_visitor(profile_id)):
        attributes.set_attributes(profile_id, values=values, source=source, by=None, at=at)


def _values(traits: Mapping[str, Any]) -> dict[str, attribute_rules.Value]:
    told = {folded(name): value for name, value in traits.items()}
    found: dict[str, attribute_rules.Value] = {}
    for attribute in attribute_queries.definitions() if told else ():
        raw = told.get(folded(attribute.key))
        try:
            value = attribute_rules.clean(
                attribute_queries.rule_of(attribute), _typed(attribute.kind, raw)
            )
        except attribute_rules.NoSuchValue:
            continue
        if value is not None:
            found[attribute.key] = value
    return found


def _typed(kind: str, raw: object) -> object:
    """A value as the rules for attributes read it: programs are less strict than our own."""
    if kind in (attribute_rules.STRING, attribute_rules.CHOICE):
        return str(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else raw
    if kind == attribute_rules.NUMBER:
        if isinstance(raw, float):
            return round(raw, attribute_rules.PLACES)
        return numerals.plain(raw) if isinstance(raw, str) else raw
    if kind == attribute_rules.BOOLEAN:
        return str(raw) if isinstance(raw, int) else raw
    if kind == attribute_rules.DATE:
        return raw[:_LENGTH_OF_DAY] if isinstance(raw, str) else raw
    return raw


def _names(traits: Mapping[str, Any]) -> tuple[str, str]:
    first = _word(traits, "firstName", "first_name") or ""
    last = _word(traits, "lastName", "last_name") or ""
    if not first and not last and (whole := _word(traits, "name")):
        first, _space, last = whole.partition(" ")
    return first, last


def _addresses(place: Mapping[str, Any]) -> tuple[Address, ...]:
    street = _word(place, "street", "line1", "address1")
    if street is None:
        return ()
    address = Address(
        kind=addresses.SHIPPING,
        line1=street,
        postcode=_word(place, "postalCode", "postal_code", "postcode", "zip") or "",
        city=_word(place, "city") or "",
        region=_word(place, "state", "region") or "",
        country=_country(_word(place, "country") or ""),
    )
    return (address,)


def _country(text: str) -> str:
    """The code of a country named by code or in words; empty when it is none."""
    try:
        return imports_cells.country_of(text) if text else ""
    except imports_cells.Fault:
        return ""


def _day(text: str | None) -> date | None:
    """The day as it was written: its time and zone say nothing about a birthday."""
    try:
        return date.fromisoformat((text or "")[:_LENGTH_OF_DAY])
    except ValueError:
        return None


def _word(told: Mapping[str, Any], *names: str) -> str | None:
    """The first of these which is text or a number."""
    for name in names:
        value = told.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()[:254]
    return None
