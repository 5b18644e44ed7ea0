"""What customers and strangers looked at on the shops' sites in the last weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from demo.rules.brand import Brand, Product, Shop
from demo.rules.people import Person
from demo.rules.seasons import awake

WEEKS = 5
VISITORS_SHARE = 0.3
STRANGERS = 0.06
MOST_CHAPTERS = 10
_PAGES = {
    "fr": (("/", "Accueil"), ("/nouveautes", "Nouveautés"), ("/livraison", "Livraison et retours")),
    "de": (("/", "Start"), ("/neu", "Neu"), ("/versand", "Versand und Rückgabe")),
    "en": (("/", "Home"), ("/new", "New in"), ("/delivery", "Delivery and returns")),
}
_SEARCHES = {
    "fr": ("pull laine", "lin", "plaid", "chemise blanche", "cadeau"),
    "de": ("pullover", "leinen", "decke", "hemd weiss", "geschenk"),
    "en": ("jumper", "linen", "throw", "white shirt", "gift"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What somebody did during one visit, as a shop's site tells it."""

    shop: str
    calls: Sequence[dict[str, Any]]


def visits(
    brand: Brand, people: Sequence[Person], *, chapter: int, today: datetime, seed: int
) -> list[Visit]:
    """The visits of some of these people, and of some whom nobody knows."""
    chance = Random(f"{seed}:visits:{chapter}")
    found = []
    for person in people:
        if chance.random() < VISITORS_SHARE:
            who = {"userId": person.customer_id}
            for number in range(chance.choice((1, 1, 2, 3))):
                name = f"{person.number}-{number}"
                found.append(_visit(brand, person.shop, person.language, who, name, today, chance))
        if chance.random() < STRANGERS:
            name = f"stranger-{person.number}"
            who = {"anonymousId": name}
            found.append(_visit(brand, person.shop, person.language, who, name, today, chance))
    return found


def _visit(
    brand: Brand,
    shop_slug: str,
    language: str,
    who: dict[str, str],
    name: str,
    today: datetime,
    chance: Random,
) -> Visit:
    shop = brand.shop(shop_slug)
    spoken = language if language in _PAGES else "en"
    at = awake(today - timedelta(seconds=chance.randint(900, WEEKS * 7 * 86_400)), chance)
    calls = []
    for number, said in enumerate(_steps(brand, shop, spoken, chance)):
        at += timedelta(seconds=chance.randint(8, 150))
        if at >= today:
            break
        stamp = {"timestamp": at.isoformat(), "messageId": f"demo-{name}-{number}"}
        calls.append({**who, **said, **stamp, "context": {"locale": f"{spoken}-{shop.market}"}})
    return Visit(shop=shop_slug, calls=calls)


def _steps(brand: Brand, shop: Shop, language: str, chance: Random) -> Iterator[dict[str, Any]]:
    for path, title in chance.sample(_PAGES[language], chance.randint(1, 2)):
        yield {"type": "page", "properties": {"path": path, "title": title}}
    if chance.random() < 0.35:
        words = chance.choice(_SEARCHES[language])
        yield {"type": "track", "event": "Products Searched", "properties": {"query": words}}
    seen = chance.sample(brand.products, chance.randint(1, 4))
    for product in seen:
        yield _about("Product Viewed", product, shop, language)
    if chance.random() < 0.3:
        yield _about("Product Added", seen[-1], shop, language)
        if chance.random() < 0.4:
            yield {"type": "track", "event": "Checkout Started", "properties": {}}


def _about(event: str, product: Product, shop: Shop, language: str) -> dict[str, Any]:
    properties = {
        "sku": product.sku,
        "name": product.names[language],
        "price": str(product.prices[shop.currency]),
        "currency": shop.currency,
    }
    return {"type": "track", "event": event, "properties": properties}
