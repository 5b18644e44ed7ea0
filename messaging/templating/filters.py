"""What templates can do with values. Every filter knows how much its result may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache, wraps
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal
from liquid import Environment
from liquid.context import RenderContext

from messaging.templating.faults import TooMuch

LARGEST: Final = 256 * 1024
LARGEST_NUMBER: Final = 10**30
REMEMBERED: Final = 4096

_NAMES: Final = """
    abs append at_least at_most capitalize ceil compact concat default divided_by downcase escape
    first floor has join last lstrip map minus modulo newline_to_br plus prepend remove
    remove_first replace replace_first reverse round rstrip size slice sort sort_natural split
    strip strip_html strip_newlines sum times truncate truncatewords uniq upcase url_encode where
"""
OFFERED: Final = frozenset(_NAMES.split())
OURS: Final = frozenset({"money", "number", "date"})

Filter = Callable[..., Any]


def install(environment: Environment) -> None:
    """Leave only filters that cannot hurt, each within its bounds, and add those of our own."""
    environment.filters = {
        name: _bounded(name, function)
        for name, function in environment.filters.items()
        if name in OFFERED
    }
    for name, function in (("money", _money), ("number", _number), ("date", _date)):
        environment.add_filter(name, function)


def _bounded(name: str, function: Filter) -> Filter:
    """The same filter, refusing arguments from which it would make too much."""

    @wraps(function)
    def bounded(*values: Any, **options: Any) -> Any:
        for value in values:
            if isinstance(value, range):
                raise TooMuch("range", token=None)
            if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
                raise TooMuch("number", token=None)
        if _size(name, values) > LARGEST:
            raise TooMuch(name, token=None)
        return function(*values, **options)

    return bounded


def _size(name: str, values: tuple[Any, ...]) -> int:
    """The length of what a filter that multiplies would make; nothing for the others."""
    if name.startswith("replace") and len(values) == len(("text", "old", "new")):
        text, old, new = map(str, values)
        return len(text) + text.count(old) * len(new)
    if name == "join" and len(values) > 1 and isinstance(values[0], (list, tuple)):
        return len(values[0]) * len(str(values[1]))
    if name == "newline_to_br" and values:
        return 7 * len(str(values[0]))
    return 0


def _with_context(function: Filter) -> Filter:
    function.with_context = True  # type: ignore[attr-defined] # how the library asks for it
    return function


@_with_context
def _money(value: Any, currency: Any = "", *, context: RenderContext) -> str:
    """An amount in the recipient's way: {"amount", "currency"}, or a number with its currency."""
    if isinstance(value, Mapping):
        value, currency = value.get("amount"), currency or value.get("currency")
    return _amount(_decimal(value), str(currency or ""), _language(context))


@_with_context
def _number(value: Any, *, context: RenderContext) -> str:
    """A number with the recipient's separators."""
    return _amount(_decimal(value), "#", _language(context))


@_with_context
def _date(value: Any, style: Any = "long", *, context: RenderContext) -> str:
    """A day or moment in the recipient's way: short, medium, long or full; with `… time` its time too."""
    moment = _moment(value)
    if moment is None:
        return ""
    length, _blank, wanted = str(style).partition(" ")
    length = length if length in {"short", "medium", "long", "full"} else "long"
    return _day(moment, length, _language(context), is_timed=wanted == "time")


@lru_cache(maxsize=REMEMBERED)
def _day(moment: date, length: str, language: str, *, is_timed: bool) -> str:
    if not (is_timed and isinstance(moment, datetime)):
        return format_date(moment, length, locale=_locale(language))
    day = format_date(moment, length, locale=_locale(language))
    return f"{day}, {format_time(moment, 'short', locale=_locale(language))}"


def _moment(value: Any) -> date | datetime | None:
    if isinstance(value, (date, datetime)):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < LARGEST_NUMBER else None


@lru_cache(maxsize=REMEMBERED)
def _amount(amount: Decimal | None, currency: str, language: str) -> str:
    if amount is None:
        return ""
    locale = _locale(language)
    if currency == "#":
        return format_decimal(amount, locale=locale)
    if not currency:
        return format_decimal(amount, format="#,##0.00", locale=locale)
    return format_currency(amount, currency, locale=locale)


def _language(context: RenderContext) -> str:
    return str(context.globals.get("language") or "en")


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
