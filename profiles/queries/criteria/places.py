"""The countries and languages which segments offer, in the reader's words."""

from __future__ import annotations

from babel import Locale
from django.utils.translation import get_language, to_locale

from company import queries as company
from profiles.queries import listing


def countries() -> list[tuple[str, str]]:
    """The countries of the customers we know."""
    names = Locale.parse(to_locale(get_language() or "en")).territories
    present = listing.countries(shop.id for shop in company.all_shops())
    return sorted(((code, str(names.get(code, code))) for code in present), key=lambda c: c[1])


def languages() -> list[tuple[str, str]]:
    """The languages which the shops speak."""
    names = Locale.parse(to_locale(get_language() or "en")).languages
    spoken = {code for shop in company.all_shops() for code in shop.languages}
    return sorted((code, str(names.get(code, code)).capitalize()) for code in spoken)
