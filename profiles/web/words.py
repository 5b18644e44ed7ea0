"""Codes in the reader's language."""

from __future__ import annotations

import phonenumbers
from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language, to_locale


def country(code: str) -> str:
    """The country's name, or its code when it has none."""
    return str(_reader().territories.get(code, code))


def language(locale: str) -> str:
    """`Français (Suisse)` for fr-CH in French; the code itself when it says nothing."""
    if not locale:
        return ""
    try:
        name = Locale.parse(locale, sep="-").get_display_name(_reader())
    except (UnknownLocaleError, ValueError):
        return locale
    return f"{name[:1].upper()}{name[1:]}" if name else locale


def place(city: str, code: str) -> str:
    """City and country."""
    return ", ".join(part for part in (city, country(code) if code else "") if part)


def telephone(number: str) -> str:
    """`+33 6 39 98 12 34` for a number in E.164."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _reader() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))
