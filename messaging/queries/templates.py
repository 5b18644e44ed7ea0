"""Templates as senders use them: which one stands, and what it says to one recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils import translation

from company import queries as company
from company.types import ShopInfo
from messaging import extensions
from messaging.extensions import BlockSource, TemplateWording
from messaging.models import MessageTemplate, TemplateText
from messaging.templating.compiling import Compiled, compiled
from messaging.templating.faults import TemplateFaulty
from messaging.types import Rendered, TemplateRef

__all__ = ["TemplateFaulty", "current", "rendered"]

MOST_KEPT: Final = 500
# Where the curve of sRGB bends, and the luminance above which dark text reads better than white.
DARKEST: Final = 0.04045
BRIGHT: Final = 0.36


def current(shop_id: int, key: str) -> TemplateRef:
    """The template of this key as the shop uses it now. One query."""
    version_id = (
        MessageTemplate.objects.in_use()
        .filter(shop_id=shop_id, key=key)
        .values_list("published_id", flat=True)
        .first()
    )
    return TemplateRef(shop_id=shop_id, key=key, version_id=version_id)


def rendered(ref: TemplateRef, *, language: str, data: Mapping[str, Any]) -> Rendered:
    """What a template says to one recipient; for senders, thousands of times a second.

    `data` holds plain values only: dictionaries, lists, texts, numbers, moments. `shop` is added;
    `links.unsubscribe` and `links.preferences` make the foot of the mail. A language the template does
    not speak falls back to the shop's main one. Compiled once per process, version and language, with
    one query; after that none.

    Raises TemplateFaulty, which concerns this recipient only, and LookupError for no such template.
    """
    return _program(ref, language).render(data)


# --- What was compiled before ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    """A compiled template and the values of the shop that are set into it."""

    shop: Mapping[str, str]
    program: Compiled


_kept: dict[tuple[TemplateRef, str], _Kept] = {}


def _program(ref: TemplateRef, language: str) -> Compiled:
    shop = shop_values(company.shop(ref.shop_id))
    known = _kept.get((ref, language))
    if known is not None and known.shop == shop:
        return known.program
    wording = choose(wordings(ref), language, shop=company.shop(ref.shop_id))
    program = compiled(wording, shop=shop, blocks=block_sources(wording.language))
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[ref, language] = _Kept(shop, program)
    return program


def wordings(ref: TemplateRef) -> dict[str, TemplateWording]:
    """A template in each of its languages. Raises LookupError when there is no such template."""
    if ref.version_id is not None:
        return texts_of(ref.version_id)
    built_in = extensions.templates.get(ref.key)
    if built_in is None:
        raise LookupError(f"There is no template {ref.key}.")
    return dict(built_in.wordings())


def texts_of(version_id: int) -> dict[str, TemplateWording]:
    """A version in each of its languages. One query."""
    return {row.language: wording(row) for row in TemplateText.objects.filter(version=version_id)}


def wording(row: TemplateText) -> TemplateWording:
    """A row as the compiler takes it."""
    return TemplateWording(
        language=row.language,
        format=row.format,
        subject=row.subject,
        preheader=row.preheader,
        source=row.source,
    )


def choose(
    found: Mapping[str, TemplateWording], language: str, *, shop: ShopInfo
) -> TemplateWording:
    """The wording in this language, else in the shop's main one, else in any. Raises LookupError."""
    for wanted in (language, language.partition("-")[0].lower(), shop.default_language):
        if wanted in found:
            return found[wanted]
    for wanted in sorted(found):
        return found[wanted]
    raise LookupError("The template has no text.")


def block_sources(language: str) -> dict[str, BlockSource]:
    """Every content block in this language."""
    with translation.override(language):
        return {block.key: block.source() for block in extensions.blocks.all()}


def shop_values(shop: ShopInfo) -> dict[str, str]:
    """What templates may say of the shop."""
    return {
        "name": shop.name,
        "brand": shop.brand,
        "sender_name": shop.sender_name,
        "support_email": shop.support_email,
        "logo_url": shop.logo_url,
        "accent_color": shop.accent_color,
        "on_accent_color": on_accent(shop.accent_color),
        "url": f"https://{shop.domains[0]}" if shop.domains else "",
    }


def on_accent(color: str) -> str:
    """Black or white, whichever reads better on this colour (relative luminance of WCAG 2.2)."""
    try:
        channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    except ValueError:
        return "#ffffff"
    light = [c / 12.92 if c <= DARKEST else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
    return "#ffffff" if luminance < BRIGHT else "#24211d"


def customer_values(*, first_name: str, last_name: str, email: str) -> dict[str, str]:
    """What templates may say of a customer."""
    name = f"{first_name} {last_name}".strip()
    return {"first_name": first_name, "last_name": last_name, "name": name, "email": email}
