"""What the columns of a table of customers mean, and what a row of it says. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from babel import Locale

from profiles.rules import addresses, attributes, identity, tags

COMPLETE, OVERWRITE, LEAVE = "complete", "overwrite", "leave"
KNOWN = (COMPLETE, OVERWRITE, LEAVE)
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "dmy", "mdy", "ymd"
DATE_ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
ATTRIBUTE = "attribute:"
CONSENT = "consent:"
CONSENTS = tuple(f"{CONSENT}{channel}" for channel in ("email", "sms", "phone", "post"))
IDENTIFYING = (identity.EMAIL, identity.PHONE, identity.CUSTOMER_ID)
_IN_ORDER = tuple(sorted(IDENTIFYING))
PLACE = ("company", "line1", "line2", "postcode", "city", "region")
DETAILS = (
    "first_name",
    "last_name",
    "locale",
    "country",
    "birthday",
    "gender",
    "timezone",
    "currency",
)
FIELDS = (*IDENTIFYING, *DETAILS, *PLACE, "tags", *CONSENTS)
# Several columns may tell these; of the others each row knows one.
REPEATABLE = frozenset({"tags"})
LANGUAGES = ("en", "fr", "de")
_NOTHING = frozenset({"", "null", "none", "n/a", "na", "nan", "-", "--", "\\n", "#n/a", "(null)"})
_TRUE = frozenset(
    [
        "1",
        "x",
        "y",
        "yes",
        "true",
        "on",
        "o",
        "oui",
        "vrai",
        "j",
        "ja",
        "wahr",
        "si",
        "opt-in",
        "optin",
        "subscribed",
        "granted",
    ]
)
_FALSE = frozenset(
    [
        "0",
        "n",
        "no",
        "false",
        "off",
        "non",
        "faux",
        "nein",
        "falsch",
        "opt-out",
        "optout",
        "unsubscribed",
        "withdrawn",
    ]
)
_FEMALE = frozenset(
    [
        "f",
        "w",
        "female",
        "femme",
        "feminin",
        "frau",
        "mme",
        "mlle",
        "madame",
        "mademoiselle",
        "weiblich",
        "mrs",
        "ms",
        "miss",
        "woman",
    ]
)
_MALE = frozenset(
    [
        "m",
        "h",
        "male",
        "homme",
        "masculin",
        "mann",
        "herr",
        "monsieur",
        "mannlich",
        "mr",
        "man",
        "hr",
    ]
)
_OTHER = frozenset(["other", "autre", "andere", "divers", "d", "x", "nonbinary"])
_DATE = re.compile(
    r"^(\d{1,4})[./\-\s](\d{1,2})[./\-\s](\d{1,4})(?:[ T]\d{1,2}:\d{2}.*)?$", re.ASCII
)
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_TAG_SEPARATORS = re.compile(r"[,;|]")
_CUT = 120
_YEAR_DIGITS = 4
_CODE_LETTERS = 2
# A national number is shorter; a spreadsheet made a sum of what is longer and lost its plus.
_INTERNATIONAL_DIGITS = 11


class Fault(ValueError):
    """A cell that can't be understood; `code` says why, `cell` what stood there."""

    def __init__(self, code: str, cell: str = "") -> None:
        super().__init__(code)
        self.code, self.cell = code, cell


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the rows of one table are to be understood.

    `columns` names the field of each column, empty for those to be left out; `custom` are the
    attributes they may name, by key. `blocks(kind, value)` says whether an identifier is nobody's.
    """

    columns: Sequence[str]
    shop_id: int
    country: str
    date_order: str = DAY_FIRST
    custom: Mapping[str, attributes.Definition] = field(default_factory=dict)
    blocks: Callable[[str, str], bool] = lambda _kind, _value: False


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What one row says of a customer, as it will be kept."""

    row: int
    keys: tuple[identity.Key, ...]
    details: identity.Details
    place: addresses.Place | None = None
    values: Mapping[str, attributes.Value] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    consents: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultyCell:
    """Where a row can't be understood: the column's number, or -1 for the row as a whole."""

    column: int
    code: str
    cell: str = ""


def understand(number: int, cells: Sequence[str], plan: Plan) -> Person | list[FaultyCell]:
    """What a row says, or everything that is wrong with it: a row is taken whole or not at all."""
    told: dict[str, str] = {}
    faults: list[FaultyCell] = []
    places: dict[str, int] = {}
    for column, (name, cell) in enumerate(zip(plan.columns, cells, strict=True)):
        if not name or cell.casefold() in _NOTHING:
            continue
        if "\0" in cell or "\ufffd" in cell:
            faults.append(FaultyCell(column=column, code="unreadable"))
        elif len(cell) > attributes.LONGEST_TEXT:
            faults.append(FaultyCell(column=column, code="too_long"))
        elif name in REPEATABLE:
            told[name] = f"{told[name]},{cell}" if name in told else cell
        elif name not in told:
            told[name], places[name] = cell, column
    return _Reading(number, told, places, faults, plan).person()


class _Reading:
    """The reading of one row."""

    def __init__(
        self,
        number: int,
        told: Mapping[str, str],
        places: Mapping[str, int],
        faults: list[FaultyCell],
        plan: Plan,
    ) -> None:
        self._number, self._told, self._places = number, told, places
        self._faults, self._plan = faults, plan

    def person(self) -> Person | list[FaultyCell]:
        country = self._read("country", country_of)
        keys = self._keys(country or self._plan.country)
        details = self._details(country)
        person = Person(
            row=self._number,
            keys=keys,
            details=details,
            place=self._place(country),
            values=self._values(),
            tags=self._tags(),
            consents=self._consents(),
        )
        if not keys and not self._faults:
            self._faults.append(FaultyCell(column=-1, code="nobody"))
        return self._faults or person

    def _read(self, name: str, read: Callable[[str], str]) -> str:
        cell = self._told.get(name, "")
        if not cell:
            return ""
        try:
            return read(cell)
        except Fault as fault:
            self._note(name, fault.code, cell)
            return ""

    def _note(self, name: str, code: str, cell: str) -> None:
        column = self._places.get(name, -1)
        self._faults.append(FaultyCell(column=column, code=code, cell=cell[:60]))

    def _keys(self, region: str) -> tuple[identity.Key, ...]:
        """In the order of kinds, which is the one of keys."""
        found = []
        for kind in _IN_ORDER:
            cell = self._told.get(kind, "")
            if not cell:
                continue
            value = _identifier(kind, cell, region)
            if value is None:
                self._note(kind, f"no_{kind}", cell)
            elif self._plan.blocks(kind, value):
                self._note(kind, "blocked", cell)
            else:
                shop_id = self._plan.shop_id if kind == identity.CUSTOMER_ID else None
                found.append(identity.Key(kind, value, shop_id))
        return tuple(found)

    def _details(self, country: str) -> identity.Details:
        birthday = self._read(
            "birthday", lambda cell: date_of(cell, self._plan.date_order).isoformat()
        )
        return identity.Details(
            first_name=" ".join(self._told.get("first_name", "").split())[:_CUT],
            last_name=" ".join(self._told.get("last_name", "").split())[:_CUT],
            locale=self._read("locale", locale_of),
            country=country,
            city=" ".join(self._told.get("city", "").split())[:_CUT],
            birthday=date.fromisoformat(birthday) if birthday else None,
            gender=self._read("gender", gender_of),
            timezone=self._told.get("timezone", "")[:63],
            currency=self._read("currency", currency_of),
        )

    def _place(self, country: str) -> addresses.Place | None:
        if "line1" not in self._told:
            return None
        parts = {name: self._told.get(name, "") for name in PLACE}
        found = addresses.place(addresses.SHIPPING, country=country or self._plan.country, **parts)
        return found if found.is_usable else None

    def _values(self) -> dict[str, attributes.Value]:
        found: dict[str, attributes.Value] = {}
        for name, cell in self._told.items():
            if not name.startswith(ATTRIBUTE):
                continue
            definition = self._plan.custom[name.removeprefix(ATTRIBUTE)]
            try:
                value = attributes.clean(
                    definition, typed(definition.kind, cell, self._plan.date_order)
                )
            except (attributes.NoSuchValue, Fault) as fault:
                self._note(name, fault.code, cell)
                continue
            if value is not None:
                found[definition.key] = value
        return found

    def _tags(self) -> tuple[str, ...]:
        if "tags" not in self._told:
            return ()
        names = _TAG_SEPARATORS.split(self._told.get("tags", ""))
        return tuple(tags.each_once(name for name in names if name.strip()))

    def _consents(self) -> tuple[tuple[str, bool], ...]:
        found = []
        for name in CONSENTS:
            if name in self._told:
                try:
                    found.append((name.removeprefix(CONSENT), yes_or_no(self._told[name])))
                except Fault as fault:
                    self._note(name, fault.code, self._told[name])
        return tuple(found)


def _identifier(kind: str, cell: str, region: str) -> str | None:
    if kind == identity.EMAIL:
        return identity.normalise_email(cell)
    if kind == identity.PHONE:
        return identity.normalise_phone(phone_typed(cell), region=region)
    return identity.normalise_opaque(cell)


# --- Cells ----------------------------------------------------------------------------------------


def yes_or_no(cell: str) -> bool:
    """What a cell answers, in English, French or German. Raises Fault."""
    word = _plain(cell)
    if word not in _TRUE | _FALSE:
        raise Fault("no_boolean", cell)
    return word in _TRUE


def date_of(cell: str, order: str) -> date:
    """The day a cell names; four digits are the year wherever they stand. Raises Fault."""
    found = _DATE.match(cell)
    if not found:
        raise Fault("no_date", cell)
    first, middle, last = found.groups()
    if len(first) == _YEAR_DIGITS:
        parts = (first, middle, last)
    elif order == MONTH_FIRST:
        parts = (last, first, middle)
    elif order == YEAR_FIRST:
        parts = (first, middle, last)
    else:
        parts = (last, middle, first)
    if len(parts[0]) != _YEAR_DIGITS:
        raise Fault("no_full_year", cell)
    try:
        return date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        raise Fault("no_date", cell) from None


@lru_cache(maxsize=1024)
def country_of(cell: str) -> str:
    """The ISO code of a country named by code or in English, French or German. Raises Fault."""
    code = _countries().get(_plain(cell))
    if code is None:
        raise Fault("no_country", cell)
    return code


def locale_of(cell: str) -> str:
    """The language a cell names, by code or by name. Raises Fault."""
    named = _languages().get(_plain(cell))
    found = named or identity.normalise_locale(cell)
    if not found:
        raise Fault("no_language", cell)
    return found


def gender_of(cell: str) -> str:
    """The gender a cell or a form of address stands for. Raises Fault."""
    word = _plain(cell).strip(".")
    for words, gender in ((_FEMALE, "female"), (_MALE, "male"), (_OTHER, "other")):
        if word in words:
            return gender
    raise Fault("no_gender", cell)


def currency_of(cell: str) -> str:
    """Three letters. Raises Fault."""
    code = cell.strip().upper()
    if not _CURRENCY.match(code):
        raise Fault("no_currency", cell)
    return code


def phone_typed(cell: str) -> str:
    """A number as it was typed before a spreadsheet took it for a sum: `33612345678` with its plus."""
    digits = cell.removesuffix(".0")
    is_international = (
        digits.isascii() and digits.isdigit() and len(digits) >= _INTERNATIONAL_DIGITS
    )
    return f"+{digits}" if is_international and not digits.startswith("0") else digits


def typed(kind: str, cell: str, order: str) -> object:
    """A cell as the rules for attributes read a value of this kind. Raises Fault."""
    if kind == attributes.NUMBER:
        bare = cell.replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
        return bare.replace(",", ".") if bare.count(",") == 1 and "." not in bare else bare
    if kind == attributes.BOOLEAN:
        return yes_or_no(cell)
    if kind == attributes.DATE:
        return date_of(cell, order)
    if kind == attributes.LIST:
        return [item.strip() for item in _TAG_SEPARATORS.split(cell) if item.strip()]
    return cell


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == _CODE_LETTERS and code.isalpha():
                found.setdefault(_plain(name), code)
                found.setdefault(code.casefold(), code)
    return found | {"uk": "GB", "usa": "US"}


@lru_cache(maxsize=1)
def _languages() -> dict[str, str]:
    return {
        _plain(name): code
        for language in LANGUAGES
        for code, name in Locale(language).languages.items()
        if len(code) == _CODE_LETTERS
    }
