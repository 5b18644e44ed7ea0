"""Two quick ways to HTML, for what pages show a hundred times or what a hundred pages show.

`drawn` keeps parts of pages which look the same to many. The values that a part shows are the key under
which its drawing is kept, and nothing else reaches its template. So there is nothing to invalidate: other
values are another drawing. `filled` writes the rows of long lists.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from html import escape

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

# Some kilobytes each; those not asked for any more give way.
REMEMBERED = 1024
# Stands where the token of a form will be; random, so that no text that somebody typed equals it.
_TOKEN = secrets.token_hex(16)


def drawn(template: str, **values: Hashable) -> SafeString:
    """The template filled with these values alone, in the language of the moment.

    For what shows neither time nor secrets: words, pictures, addresses, frozen facts. Text among the
    values is plain and gets escaped; raises TypeError for markup, which equals the same plain text.
    """
    return _drawn(template, get_language(), tuple(values.items()))


def drawn_form(template: str, *, csrf_token: str, **values: Hashable) -> SafeString:
    """As `drawn`, for what holds forms: their token, another for each request, is put in afterwards."""
    form = drawn(template, csrf_token=_TOKEN, **values)
    return SafeString(form.replace(_TOKEN, escape(csrf_token)))


@lru_cache(maxsize=REMEMBERED)
def _drawn(
    template: str, _language: str | None, values: tuple[tuple[str, Hashable], ...]
) -> SafeString:
    if any(isinstance(value, SafeString) for _name, value in values):
        raise TypeError(f"{template} is drawn from values, not from markup.")
    return render_to_string(template, dict(values))


def filled(markup: str, rows: Iterable[Mapping[str, object]]) -> SafeString:
    """The markup once for each row, its `{names}` filled in and escaped unless they are markup.

    It is `format_html_join` without its question to each of a thousand values whether it is lazy.
    """
    return SafeString(
        "\n".join([markup.format_map({k: safe(v) for k, v in row.items()}) for row in rows])
    )


def safe(value: object) -> str:
    """The value as HTML: escaped, unless it is markup."""
    return value if isinstance(value, SafeString) else escape(str(value))
