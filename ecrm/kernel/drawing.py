"""Parts of pages which look the same to many: drawn once for all who would see the same.

The values that a part shows are the key under which its drawing is kept, and nothing else reaches its
template. So there is nothing to invalidate: other values are another drawing.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

# Some kilobytes each; those not asked for any more give way.
REMEMBERED = 1024


def drawn(template: str, **values: Hashable) -> SafeString:
    """The template filled with these values alone, in the language of the moment.

    For what shows neither time nor secrets: words, pictures, addresses, frozen facts. Text among the
    values is plain and gets escaped; raises TypeError for markup, which equals the same plain text.
    """
    return _drawn(template, get_language(), tuple(values.items()))


@lru_cache(maxsize=REMEMBERED)
def _drawn(
    template: str, _language: str | None, values: tuple[tuple[str, Hashable], ...]
) -> SafeString:
    if any(isinstance(value, SafeString) for _name, value in values):
        raise TypeError(f"{template} is drawn from values, not from markup.")
    return render_to_string(template, dict(values))
