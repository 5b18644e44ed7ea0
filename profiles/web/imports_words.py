"""Imports in words: fields, faults, states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.models.consents import Channel
from profiles.queries import attributes as attribute_queries
from profiles.rules import attributes as attribute_rules
from profiles.rules import imports as rules
from profiles.rules.imports import Person
from profiles.web import words

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from profiles.models import Import

FIELDS: Mapping[str, str | _StrPromise] = {
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Telephone"),
    "customer_id": gettext_lazy("Customer id"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "locale": gettext_lazy("Language"),
    "country": gettext_lazy("Country"),
    "birthday": gettext_lazy("Birthday"),
    "gender": gettext_lazy("Gender"),
    "timezone": gettext_lazy("Time zone"),
    "currency": gettext_lazy("Currency"),
    "company": gettext_lazy("Company"),
    "line1": gettext_lazy("Street"),
    "line2": gettext_lazy("Address, second line"),
    "postcode": gettext_lazy("Postcode"),
    "city": gettext_lazy("City"),
    "region": gettext_lazy("Region"),
    "tags": gettext_lazy("Tags"),
}
_PERSON = ("first_name", "last_name", "locale", "birthday", "gender", "timezone", "currency")


def field(name: str) -> str:
    """What a column stands for."""
    if name.startswith(rules.CONSENT):
        channel = Channel(name.removeprefix(rules.CONSENT)).label
        return _("Marketing by %(channel)s (yes or no)") % {"channel": channel}
    if name.startswith(rules.ATTRIBUTE):
        key = name.removeprefix(rules.ATTRIBUTE)
        known = {row.key: row.label for row in attribute_queries.all_definitions()}
        return known.get(key, key)
    return str(FIELDS.get(name, name))


def field_choices() -> list[tuple[str, Any]]:
    """What a column may stand for, in groups."""
    custom = [(f"{rules.ATTRIBUTE}{row.key}", row.label) for row in attribute_queries.definitions()]
    groups: list[tuple[str, Any]] = [
        ("", _("Leave out")),
        (_("Who it is"), _named(rules.IDENTIFYING)),
        (_("About the person"), _named(_PERSON)),
        (_("Address"), _named((*rules.PLACE, "country"))),
        (_("Consents"), _named(rules.CONSENTS)),
        (_("More"), _named(("tags",))),
    ]
    return [*groups, (_("Attributes"), custom)] if custom else groups


def _named(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, field(name)) for name in names]


def fault(code: str, cell: str) -> str:
    """What is wrong with a cell, in a sentence."""
    sentences = {
        "unreadable": _("There are characters in it which can't be read."),
        "too_long": _("This is too long."),
        "nobody": _("Nothing says who this is: no e-mail, telephone or customer id."),
        "erased": _("This person had his data erased and is not brought back."),
        "blocked": _("“%(cell)s” identifies nobody, by your rules for identifiers."),
        "no_email": _("“%(cell)s” is no e-mail address."),
        "no_phone": _("“%(cell)s” is no telephone number."),
        "no_customer_id": _("“%(cell)s” is no customer id."),
        "no_country": _("“%(cell)s” is no country we know."),
        "no_language": _("“%(cell)s” is no language we know."),
        "no_gender": _("“%(cell)s” is no gender we know."),
        "no_currency": _("“%(cell)s” is no currency."),
        "no_date": _("“%(cell)s” is no date."),
        "no_full_year": _("“%(cell)s” is no date with a full year."),
        "no_boolean": _("“%(cell)s” is neither yes nor no."),
        "no_number": _("“%(cell)s” is no number."),
        "too_large": _("The number “%(cell)s” is too large."),
        "too_precise": _("At most six digits after the point."),
        "unknown_choice": _("“%(cell)s” is none of the choices."),
        "too_many": _("At most 50 entries."),
    }
    return sentences.get(code, _("“%(cell)s” can't be understood.")) % {"cell": cell}


def reasons(row: Import, found: Sequence[Sequence[Any]]) -> str:
    """Everything that is wrong with a row, each with the title of its column."""
    said = []
    for column, code, cell in found:
        text = fault(code, cell)
        is_of_column = 0 <= column < len(row.header)
        said.append(f"{row.header[column]}: {text}" if is_of_column else text)
    return " ".join(said)


def as_kept(person: Person, name: str) -> str:
    """A field of a row as it will be kept, in words."""
    if name in rules.IDENTIFYING:
        return next((key.value for key in person.keys if key.kind == name), "")
    if name.startswith(rules.CONSENT):
        answer = dict(person.consents).get(name.removeprefix(rules.CONSENT))
        return "" if answer is None else _("yes") if answer else _("no")
    if name.startswith(rules.ATTRIBUTE):
        return _plain(person.values.get(name.removeprefix(rules.ATTRIBUTE)))
    if name == "tags":
        return ", ".join(person.tags)
    if name in rules.PLACE:
        return str(getattr(person.place or person.details, name, ""))
    return _detail(person, name)


def _detail(person: Person, name: str) -> str:
    value = getattr(person.details, name)
    if not value:
        return ""
    if name == "birthday":
        return date_format(value, "DATE_FORMAT")
    named = {"country": words.country, "locale": words.language}
    return named[name](value) if name in named else str(value)


def _plain(value: attribute_rules.Value | None) -> str:
    plain = attribute_rules.plain(value)
    if plain is None:
        return ""
    return ", ".join(plain) if isinstance(plain, list) else str(plain)
