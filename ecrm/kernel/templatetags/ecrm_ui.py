"""Tags and filters of every template: icons, money, times, names."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any, Literal

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal
from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django_vite.templatetags.django_vite import vite_asset_url

from ecrm.kernel import drawing
from ecrm.kernel.money import Money

register = template.Library()

HUES = 8
# Lists are read again and again: what their rows print is put into words once.
REMEMBERED = 4096
_A_MINUTE, _AN_HOUR, _A_DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(hours=24)
_CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Z])(?=\d)")


@cache
def _sprite_names() -> frozenset[str]:
    lines = (Path(settings.BASE_DIR) / "frontend" / "icons.txt").read_text().splitlines()
    return frozenset(line.strip() for line in lines)


def _language() -> str:
    return get_language() or "en"


@cache  # looking a locale up costs more than most of what is formatted with it
def _locale_of(language: str) -> Locale:
    return Locale.parse(language, sep="-")


@register.simple_tag
def drawn(template_name: str, csrf_token: object = None, **values: Hashable) -> SafeString:
    """Return the part drawn once for all who see the same values (ecrm/kernel/drawing.py); else an include.

    A part with forms gets `csrf_token`.
    """
    if csrf_token is None:
        return drawing.drawn(template_name, **values)
    return drawing.drawn_form(template_name, csrf_token=str(csrf_token), **values)


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """Return one drawing of the sprite; without a label it is decoration and silent.

    The names are listed in frontend/icons.txt; another name warns, which fails a test.
    """
    if name not in _sprite_names():
        warnings.warn(f"frontend/icons.txt does not list the icon {name}.", stacklevel=2)
    return _drawing(name, label, f"ec-icon {css}".strip())


@lru_cache(maxsize=REMEMBERED)
def _drawing(name: str, label: str, classes: str) -> SafeString:
    href = f"{vite_asset_url('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>',
            classes, label, href,
        )  # fmt: skip
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}"></use></svg>',
        classes, href,
    )  # fmt: skip


@register.filter
def money(value: Any, currency: str = "") -> str:
    """Show an amount in the reader's locale: a Money, or a number with its currency."""
    return _money(value, currency, _language())


def _money(value: Any, currency: str, language: str) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, Money):
        return _amount(value.amount, currency or value.currency, language)
    return _amount(Decimal(value), currency, language)


@lru_cache(maxsize=REMEMBERED)
def _amount(amount: Decimal, code: str, language: str) -> str:
    locale = _locale_of(language)
    if not code:
        return format_decimal(amount, format="#,##0.00", locale=locale)
    shown = format_currency(amount, code, locale=locale)
    return _CODE_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", shown)


@register.filter
def number(value: Any) -> str:
    """Show a number with the reader's separators."""
    return "" if value is None or value == "" else _number(value, _language())


@lru_cache(maxsize=REMEMBERED)
def _number(value: Any, language: str) -> str:
    return format_decimal(value, locale=_locale_of(language))


@register.filter
def ago(value: datetime | date | None) -> SafeString | str:
    """Show how long ago, with the exact time on hover; the browser keeps it up to date."""
    return reader().ago(value)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and when: asking once for a whole list costs a tenth of asking again for each cell."""

    language: str
    zone: tzinfo
    at: datetime
    today: date

    def money(self, value: Any) -> str:
        """As the filter of this name shows it."""
        return _money(value, "", self.language)

    def number(self, value: Any) -> str:
        """As the filter of this name shows it."""
        return "" if value is None else _number(value, self.language)

    def ago(self, value: datetime | date | None) -> SafeString | str:
        """As the filter of this name shows it."""
        if value is None or value == "":
            return ""
        moment = _as_datetime(value)
        age = self.at - moment
        if -_A_DAY < age < _A_DAY:
            head = _time_head(moment, self.zone, self.language)
            return SafeString(f"{head}{_recently(age, self.language)}</time>")
        return _days_ago(moment, self.today, self.zone, self.language)


def reader() -> Reader:
    """The reader of the page that is being drawn."""
    at, zone = timezone.now(), timezone.get_current_timezone()
    return Reader(_language(), zone, at, at.astimezone(zone).date())


@lru_cache(maxsize=REMEMBERED)
def _time_head(moment: datetime, zone: tzinfo, language: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}" data-ecrm-ago>',
        moment.astimezone(UTC).isoformat(timespec="seconds"), _exact(moment.astimezone(zone), language),
    )  # fmt: skip


@lru_cache(maxsize=REMEMBERED)
def _days_ago(moment: datetime, today: date, zone: tzinfo, language: str) -> SafeString:
    """Return a time whose words change at midnight only."""
    on = moment.astimezone(zone).date()
    text = gettext("yesterday") if (today - on).days == 1 else _day(on, today.year, language)
    return format_html("{}{}</time>", _time_head(moment, zone, language), text)


@register.filter
def exact(value: datetime | date | None) -> str:
    """Show day and time in full, in the reader's locale and zone."""
    if value is None or value == "":
        return ""
    return _exact(timezone.localtime(_as_datetime(value)), _language())


def _exact(moment: datetime, language: str) -> str:
    return f"{_whole_day(moment.date(), language)} {moment:%H:%M}"


@lru_cache(maxsize=REMEMBERED)
def _whole_day(on: date, language: str) -> str:
    return format_date(on, "d MMM y", locale=_locale_of(language))


@register.filter
def day(value: datetime | date | None) -> str:
    """Show the day; the year only when it is not this one."""
    if value is None or value == "":
        return ""
    local = timezone.localtime(_as_datetime(value)).date()
    return _day(local, timezone.localtime().year, _language())


@lru_cache(maxsize=REMEMBERED)
def _day(local: date, this_year: int, language: str) -> str:
    pattern = "d MMM" if local.year == this_year else "d MMM y"
    return format_date(local, pattern, locale=_locale_of(language))


@register.filter
def initials(name: str | None) -> str:
    """Return one or two capital letters which stand for a person."""
    words = [word for word in (name or "").replace("@", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    letters = words[0][0] if len(words) == 1 else words[0][0] + words[-1][0]
    return letters.upper()


@register.filter
def hue(name: object) -> int:
    """Return 1 to 8: the colour which always belongs to this name."""
    return zlib.crc32(str(name).encode()) % HUES + 1


def _as_datetime(value: datetime | date) -> datetime:
    if isinstance(value, datetime):
        return value if timezone.is_aware(value) else timezone.make_aware(value)
    return timezone.make_aware(datetime(value.year, value.month, value.day))  # noqa: DTZ001


def _recently(age: timedelta, language: str) -> str:
    """Return the words for a moment of the last day or the next; ago.ts follows the same steps."""
    if abs(age) < _A_MINUTE:
        return _ago_in(0, "minute", language)
    if abs(age) < _AN_HOUR:
        return _ago_in(-round(age / _A_MINUTE), "minute", language)
    return _ago_in(-round(age / _AN_HOUR), "hour", language)


@cache  # so many minutes or hours, in three languages
def _ago_in(count: int, unit: Literal["minute", "hour"], language: str) -> str:
    if count == 0:
        return escape(gettext("now"))
    # A threshold out of reach keeps 60 minutes from becoming an hour.
    words = format_timedelta(
        timedelta(**{f"{unit}s": count}),
        granularity=unit,
        threshold=float("inf"),
        add_direction=True,
        # The narrow French "-3 h" would read as a negative number.
        format="narrow" if language == "en" else "short",
        locale=_locale_of(language),
    )
    return escape(words)
