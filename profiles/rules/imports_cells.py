"""What single cells of a table say: days, countries, languages, yes and no. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import lru_cache

from babel import Locale

from profiles.rules import attributes, identity, numerals

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "dmy", "mdy", "ymd"
DATE_ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
LANGUAGES = ("en", "fr", "de")
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
_UNDIVIDED = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_COUNTED = re.compile(r"[1-6]\d{4}", re.ASCII)
_FIRST_DAY = date(1899, 12, 30)
_CURRENCY = re.compile(r"^[A-Z]{3}$")
TAG_SEPARATORS = re.compile(r"[,;|]")
_YEAR_DIGITS = 4
_CODE_LETTERS = 2
# A national number is shorter; a spreadsheet made a sum of what is longer and lost its plus.
_INTERNATIONAL_DIGITS = 11


class Fault(ValueError):
    """A cell that can't be understood; `code` says why, `cell` what stood there."""

    def __init__(self, code: str, cell: str = "") -> None:
        super().__init__(code)
        self.code, self.cell = code, cell


def yes_or_no(cell: str) -> bool:
    """What a cell answers, in English, French or German. Raises Fault."""
    word = _plain(cell)
    if word not in _TRUE | _FALSE:
        raise Fault("no_boolean", cell)
    return word in _TRUE


def date_of(cell: str, order: str) -> date:
    """The day a cell names; four digits are the year wherever they stand. Raises Fault.

    A spreadsheet that lost the look of a day writes it as the number of days since the end of 1899.
    """
    if _COUNTED.fullmatch(cell):
        return _FIRST_DAY + timedelta(days=int(cell))
    found = _DATE.match(cell) or _UNDIVIDED.fullmatch(cell)
    if not found:
        raise Fault("no_date", cell)
    first, middle, last = found.groups()
    if len(first) == _YEAR_DIGITS:
        parts = (first, middle, last)
    elif order == MONTH_FIRST:
        parts = (last, first, middle)
    elif order == YEAR_FIRST and len(last) != _YEAR_DIGITS:
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
        return numerals.plain(cell)
    if kind == attributes.BOOLEAN:
        return yes_or_no(cell)
    if kind == attributes.DATE:
        return date_of(cell, order)
    if kind == attributes.LIST:
        return [item.strip() for item in TAG_SEPARATORS.split(cell) if item.strip()]
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
