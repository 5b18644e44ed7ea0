"""How what customers do on the shops' sites reads on the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.utils.formats import time_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from ecrm.kernel.money import Money, is_currency
from profiles import extensions
from profiles.extensions import Deed, DeedWords, TimelineText
from profiles.rules import event_names as names

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

BROWSING = "browsing"
MOST_NAMED = 3
MOST_LINES = 60
LONGEST = 80
_SENTENCES = {
    names.CART_VIEWED: gettext_lazy("Viewed the cart"),
    names.CART_UPDATED: gettext_lazy("Changed the cart"),
    names.CHECKOUT_STARTED: gettext_lazy("Went to the checkout"),
    "checkout-step-viewed": gettext_lazy("Went on in the checkout"),
    "checkout-step-completed": gettext_lazy("Completed a step of the checkout"),
    "payment-info-entered": gettext_lazy("Entered how to pay"),
    names.ORDER_COMPLETED: gettext_lazy("Completed an order on the site"),
    "coupon-entered": gettext_lazy("Entered a voucher"),
    "coupon-applied": gettext_lazy("Used a voucher"),
    "coupon-denied": gettext_lazy("Entered a voucher that was refused"),
    "promotion-clicked": gettext_lazy("Opened a promotion"),
    names.GROUP_JOINED: gettext_lazy("Belongs to a group"),
}
_ABOUT = {
    names.PRODUCT_ADDED: gettext_lazy("Put %(article)s into the cart"),
    names.PRODUCT_REMOVED: gettext_lazy("Took %(article)s out of the cart"),
    "product-added-to-wishlist": gettext_lazy("Put %(article)s on the wish list"),
    "product-shared": gettext_lazy("Shared %(article)s"),
    "product-reviewed": gettext_lazy("Reviewed %(article)s"),
}
_OF_CARTS = {names.PRODUCT_ADDED, names.PRODUCT_REMOVED, names.CART_UPDATED}


def register() -> None:
    """Add words for every name we know, and for all others."""
    for name in sorted(names.BROWSING):
        extensions.deeds.register(DeedWords(key=name, icon="eye", render=browsed, group=BROWSING))
    for name in sorted({*_SENTENCES, *_ABOUT} - names.BROWSING):
        icon = "shopping-cart" if name in _OF_CARTS else "bolt"
        extensions.deeds.register(DeedWords(key=name, icon=icon, render=did))
    extensions.deeds.register(DeedWords(key="", icon="bolt", render=did))


def did(deeds: Sequence[Deed]) -> TimelineText:
    """“Put Pull Alba into the cart”, with what it was worth."""
    deed = deeds[0]
    return TimelineText(title=sentence(deed), detail=_worth(deed))


def browsed(deeds: Sequence[Deed]) -> TimelineText:
    """“Viewed 7 pages and 3 products”, with what was looked at; each view on demand."""
    if len(deeds) == 1:
        return TimelineText(title=sentence(deeds[0]))
    articles = _distinct(article(d) for d in deeds if d.name == names.PRODUCT_VIEWED)
    searches = _distinct(f"“{_query(d)}”" for d in deeds if d.name == names.PRODUCT_SEARCHED)
    seen = [f"{_clock(deed)} {sentence(deed)}" for deed in deeds[:MOST_LINES]]
    return TimelineText(
        title=_summary(deeds, len(articles), len(searches)),
        detail=" · ".join([*_shortened(articles), *_shortened(searches)]),
        lines=tuple(seen),
    )


def _summary(deeds: Sequence[Deed], articles: int, searches: int) -> str:
    viewed = sum(d.name in {names.PAGE_VIEWED, names.SCREEN_VIEWED} for d in deeds)
    viewed = viewed or sum(d.name != names.PRODUCT_SEARCHED for d in deeds) - articles
    parts = []
    if viewed > 0:
        parts.append(ngettext("%(count)s page", "%(count)s pages", viewed) % {"count": viewed})
    if articles:
        text = ngettext("%(count)s product", "%(count)s products", articles)
        parts.append(text % {"count": articles})
    if parts:
        return _("Viewed %(what)s") % {"what": _and(parts)}
    return ngettext("Searched once", "Searched %(count)s times", searches) % {"count": searches}


def _and(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return _("%(first)s and %(second)s") % {"first": parts[0], "second": parts[1]}


def sentence(deed: Deed) -> str:
    """One deed in words."""
    if found := _VIEWS.get(deed.name):
        text, what = found
        return str(text) % {"what": what(deed)}
    if deed.name in _ABOUT:
        return str(_ABOUT[deed.name]) % {"article": article(deed)}
    if deed.name in _SENTENCES:
        return str(_SENTENCES[deed.name])
    words = deed.name.replace("-", " ")
    return f"{words[:1].upper()}{words[1:]}"


def article(deed: Deed) -> str:
    """The product's name, as the shop told it with the deed, or its number."""
    inner = deed.properties.get("product")
    places = [deed.properties, inner if isinstance(inner, dict) else {}]
    for place in places:
        for key in ("name", "title", "product_name", "productName"):
            if found := _text(place.get(key)):
                return found
    return deed.sku or _("a product")


def _page(deed: Deed) -> str:
    told = deed.properties
    found = _text(told.get("title")) or _text(told.get("name")) or _text(told.get("path"))
    return found or _text(urlsplit(_text(told.get("url"))).path) or "/"


def _category(deed: Deed) -> str:
    told = deed.properties
    for key in ("category", "list", "list_id", "name", "title"):
        if found := _text(told.get(key)):
            return found
    return _page(deed)


def _query(deed: Deed) -> str:
    return _text(deed.properties.get("query")) or "…"


def _worth(deed: Deed) -> str:
    currency = _text(deed.properties.get("currency")).upper()
    if deed.value is None or not is_currency(currency):
        return ""
    return Money(deed.value, currency).in_words_of(get_language() or "en")


def _clock(deed: Deed) -> str:
    return time_format(localtime(deed.occurred_at), "H:i")


def _text(value: object) -> str:
    return value.strip()[:LONGEST] if isinstance(value, str) else ""


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _shortened(texts: Sequence[str]) -> list[str]:
    if len(texts) <= MOST_NAMED:
        return list(texts)
    return [*texts[:MOST_NAMED], f"+{len(texts) - MOST_NAMED}"]


_VIEWS: dict[str, tuple[_StrPromise, Callable[[Deed], str]]] = {
    names.PAGE_VIEWED: (gettext_lazy("Viewed the page %(what)s"), _page),
    names.SCREEN_VIEWED: (gettext_lazy("Viewed the screen %(what)s"), _page),
    names.PRODUCT_VIEWED: (gettext_lazy("Viewed %(what)s"), article),
    names.PRODUCT_CLICKED: (gettext_lazy("Viewed %(what)s"), article),
    names.PRODUCT_LIST_VIEWED: (gettext_lazy("Viewed the category %(what)s"), _category),
    "product-list-filtered": (gettext_lazy("Viewed the category %(what)s"), _category),
    names.PRODUCT_SEARCHED: (gettext_lazy("Searched for “%(what)s”"), _query),
}
