"""The brand of the demo as its texts describe it: shops, staff, products, conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """A shop of the brand; `share` is its part of the customers in percent."""

    slug: str
    name: str
    market: str
    languages: tuple[str, ...]
    currency: str
    time_zone: str
    accent_color: str
    domain: str
    sender_name: str
    support_email: str
    share: int
    carriers: tuple[str, ...]
    tax: Decimal
    shipping: Decimal
    shipping_free_from: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Staff:
    """Somebody who works for the brand; without a shop in all of them."""

    email: str
    name: str
    role: str
    language: str
    speaks: tuple[str, ...]
    shop: str = ""

    def can_answer(self, shop: str, language: str) -> bool:
        """Whether customers of this shop may be answered by him in this language."""
        return (
            self.role in {"support", "manager"}
            and self.shop in {"", shop}
            and language in self.speaks
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """Something the shops sell; names by language, prices by currency."""

    sku: str
    names: Mapping[str, str]
    prices: Mapping[str, Decimal]
    season: str
    sizes: tuple[str, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One step of a conversation: who speaks, how many hours after the step before, in which words."""

    who: str
    texts: tuple[str, ...]
    after: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A conversation as it happens again and again; `order` says what kind of order it needs.

    `phone` is what the agent writes down when the customer calls instead of writing.
    """

    key: str
    tags: tuple[str, ...]
    weight: int
    order: str
    channels: tuple[str, ...]
    subjects: tuple[str, ...]
    turns: tuple[Turn, ...]
    priority: int
    has_photo: bool
    phone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Brand:
    """Everything that is the same for every seed."""

    shops: tuple[Shop, ...]
    staff: tuple[Staff, ...]
    products: tuple[Product, ...]
    scenarios: Mapping[str, tuple[Scenario, ...]]
    regions: Mapping[str, Mapping[str, Sequence[str]]]
    colours: Mapping[str, Mapping[str, str]]

    def colour(self, name: str, language: str) -> str:
        """What a colour is called in this language; the products name them in French."""
        return self.colours.get(name, {}).get(language, name)

    def shop(self, slug: str) -> Shop:
        """The shop of this short name."""
        return next(shop for shop in self.shops if shop.slug == slug)


def brand_from(
    brand: Mapping[str, Any],
    regions: Mapping[str, Any],
    conversations: Mapping[str, Mapping[str, Any]],
) -> Brand:
    """The brand from the decoded text files; conversations come by language."""
    return Brand(
        shops=tuple(_shop(entry) for entry in brand["shops"]),
        staff=tuple(_staff(entry) for entry in brand["agents"]),
        products=tuple(_product(entry) for entry in brand["products"]),
        scenarios={
            language: tuple(_scenario(entry) for entry in texts["scenarios"])
            for language, texts in conversations.items()
        },
        regions=regions,
        colours=brand["colours"],
    )


def _shop(entry: Mapping[str, Any]) -> Shop:
    amounts = {name: Decimal(entry[name]) for name in ("tax", "shipping", "shipping_free_from")}
    lists = {name: tuple(entry[name]) for name in ("languages", "carriers")}
    return Shop(**{**entry, **amounts, **lists})


def _staff(entry: Mapping[str, Any]) -> Staff:
    return Staff(**{**entry, "speaks": tuple(entry["speaks"])})


def _product(entry: Mapping[str, Any]) -> Product:
    return Product(
        sku=entry["sku"],
        names={language: entry[language] for language in ("fr", "de", "en")},
        prices={"EUR": Decimal(entry["eur"]), "CHF": Decimal(entry["chf"])},
        season=entry["season"],
        sizes=tuple(entry["sizes"]),
        colours=tuple(entry["colours"]),
    )


def _scenario(entry: Mapping[str, Any]) -> Scenario:
    return Scenario(
        key=entry["key"],
        tags=tuple(entry["tags"]),
        weight=entry["weight"],
        order=entry["order"],
        channels=tuple(entry["channels"]),
        subjects=tuple(entry["subjects"]),
        turns=tuple(
            Turn(
                who=turn["who"],
                texts=tuple(text.strip() for text in turn["texts"]),
                after=float(turn.get("after", 0)),
            )
            for turn in entry["turns"]
        ),
        priority=entry.get("priority", 2),
        has_photo=entry.get("photo", False),
        phone=entry.get("phone", ""),
    )
