"""Postal addresses as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale


def lines(address: Mapping[str, Any] | None, *, language: str) -> tuple[str, ...]:
    """The address line by line, the country named in the reader's language; empty without address."""
    if not address:
        return ()
    town = f"{address.get('postcode') or ''} {address.get('city') or ''}".strip()
    parts = (
        address.get("name"),
        address.get("company"),
        address.get("line1"),
        address.get("line2"),
        town,
        address.get("region"),
        country_name(address.get("country") or "", language=language),
    )
    return tuple(part.strip() for part in parts if part and part.strip())


def country_name(code: str, *, language: str) -> str:
    """France for FR; the code itself when nobody knows it."""
    locale = Locale.parse(language.replace("-", "_"))
    return str(locale.territories.get(code, code))
