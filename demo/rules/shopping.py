"""What the customers bought in two years, as the documents their shops would have sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from demo.rules.brand import Brand, Product, Shop
from demo.rules.people import Person, weights
from demo.rules.seasons import Calendar, at_work

CENT = Decimal("0.01")
# Older orders came in as they ended; younger ones step by step, as the shop's server told.
TOLD_STEP_BY_STEP = timedelta(days=21)
FRESH_SHARE = 0.008
CANCELLED_SHARE = 0.035
REFUNDED_SHARE = 0.06
TRANSFER_SHARE = 0.06
SALE_MONTHS = (1, 7)
SOURCES = (
    ("", "", "", 30),
    ("google", "organic", "", 22),
    ("google", "cpc", "brand", 12),
    ("newsletter", "email", "lettre-{month}", 18),
    ("instagram", "social", "atelier", 14),
    ("affiliate", "referral", "blog", 4),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One line of an order."""

    product: Product
    size: str
    colour: str
    quantity: int
    unit_price: Decimal
    discount: Decimal

    @property
    def total(self) -> Decimal:
        """What the line costs after its discount, tax included."""
        return self.quantity * self.unit_price - self.discount

    def name(self, language: str) -> str:
        """The name as it stands on an order: product, colour, size."""
        details = [part for part in (self.colour, self.size) if part and part != "unique"]
        return ", ".join([self.product.names[language], *details])


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The order as it was from this moment on."""

    at: datetime
    status: str
    document: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """An order of the demo, from the first to the present state."""

    external_id: str
    number: str
    person: Person
    items: tuple[Item, ...]
    total: Decimal
    currency: str
    carrier: str
    tracking: str
    placed_at: datetime
    steps: tuple[Step, ...]

    @property
    def status(self) -> str:
        """The present state."""
        return self.steps[-1].status


@dataclass(frozen=True, kw_only=True, slots=True)
class _Life:
    """When an order reached which state, and what was given back."""

    moments: tuple[tuple[str, datetime], ...]
    refund: Decimal


def purchases(
    brand: Brand,
    people: Sequence[Person],
    count: int,
    *,
    chapter: int,
    calendar: Calendar,
    seed: int,
) -> list[Purchase]:
    """So many orders of these people, oldest first."""
    if not count:
        return []
    chance = Random(f"{seed}:orders:{chapter}")
    since = {person.number: calendar.arrival(chance) for person in people}
    shares = [
        share * calendar.share_after(since[person.number])
        for person, share in zip(people, weights(people, chance), strict=True)
    ]
    buyers = chance.choices(people, weights=shares if any(shares) else None, k=count)
    fresh = max(1, round(count * FRESH_SHARE))
    moments = [
        calendar.latest(chance, hours=36 if index else 6)
        if index < fresh
        else calendar.draw(chance, since=since[buyer.number])
        for index, buyer in enumerate(buyers)
    ]
    made = [
        _purchase(brand, buyer, moment, chance, calendar.today, f"{chapter + 1:04d}{index:04d}")
        for index, (buyer, moment) in enumerate(zip(buyers, moments, strict=True))
    ]
    return sorted(made, key=lambda purchase: purchase.placed_at)


def _purchase(
    brand: Brand,
    person: Person,
    moment: datetime,
    chance: Random,
    today: datetime,
    external_id: str,
) -> Purchase:
    shop = brand.shop(person.shop)
    local = moment.astimezone(ZoneInfo(shop.time_zone))
    items = _basket(brand, shop, person, local.month, chance)
    goods = sum((item.total for item in items), Decimal(0))
    shipping = Decimal(0) if goods >= shop.shipping_free_from else shop.shipping
    life = _life(local, today, goods, items, chance)
    carrier = chance.choice(shop.carriers)
    purchase = Purchase(
        external_id=external_id,
        number=f"{shop.market}{local:%y%m%d}-{chance.randint(1000, 9999)}",
        person=person,
        items=items,
        total=goods + shipping,
        currency=shop.currency,
        carrier=carrier,
        tracking=f"{carrier[:2].upper()}{chance.randrange(10**10):010d}",
        placed_at=moment,
        steps=(),
    )
    steps = _steps(purchase, life, shop, shipping=shipping, chance=chance)
    is_recent = today - moment <= TOLD_STEP_BY_STEP
    return replace(purchase, steps=tuple(steps if is_recent else steps[-1:]))


def _basket(
    brand: Brand, shop: Shop, person: Person, month: int, chance: Random
) -> tuple[Item, ...]:
    is_winter = month in {10, 11, 12, 1, 2}
    likely = [_appeal(product, is_winter=is_winter) for product in brand.products]
    count = chance.choices((1, 2, 3, 4), weights=(52, 29, 13, 6))[0]
    is_sale = month in SALE_MONTHS and chance.random() < 0.45
    found: dict[str, Item] = {}
    for product in chance.choices(brand.products, weights=likely, k=count):
        price = product.prices[shop.currency]
        quantity = 2 if price < 50 and chance.random() < 0.2 else 1
        rate = chance.choice(("0.2", "0.3", "0.4")) if is_sale else "0"
        found.setdefault(
            product.sku,
            Item(
                product=product,
                size=chance.choice(product.sizes),
                colour=_colour(brand, chance.choice(product.colours), person),
                quantity=quantity,
                unit_price=price,
                discount=_cents(price * quantity * Decimal(rate)),
            ),
        )
    return tuple(found.values())


def _colour(brand: Brand, name: str, person: Person) -> str:
    """The colour in the customer's language and spelling."""
    colour = brand.colour(name, person.language)
    is_german = person.language == "de" and person.country == "DE"
    return "weiß" if is_german and colour == "weiss" else colour


def _appeal(product: Product, *, is_winter: bool) -> float:
    fitting = {"winter": is_winter, "summer": not is_winter}.get(product.season, True)
    return (1.0 if fitting else 0.15) * (1.6 if product.prices["EUR"] < 100 else 1.0)


def _life(
    placed_at: datetime, today: datetime, goods: Decimal, items: Sequence[Item], chance: Random
) -> _Life:
    def after(moment: datetime, low: float, high: float) -> datetime:
        return moment + timedelta(hours=chance.uniform(low, high))

    fate = chance.random()
    moments = [("pending" if chance.random() < TRANSFER_SHARE else "paid", placed_at)]
    if moments[0][0] == "pending":
        moments.append(("paid", after(placed_at, 6, 40)))
    if fate < CANCELLED_SHARE:
        moments.append(("cancelled", after(moments[-1][1], 1, 18)))
        return _Life(moments=_until(moments, today), refund=Decimal(0))
    moments.append(("processing", at_work(after(moments[-1][1], 1, 10), chance)))
    moments.append(("shipped", at_work(after(moments[-1][1], 3, 30), chance)))
    moments.append(("delivered", at_work(after(moments[-1][1], 24, 90), chance)))
    refund = Decimal(0)
    if fate < CANCELLED_SHARE + REFUNDED_SHARE:
        refund = goods if chance.random() < 0.6 else items[0].total
        state = "refunded" if refund == goods else "delivered"
        moments.append((state, at_work(after(moments[-1][1], 190, 400), chance)))
    else:
        moments.append(("completed", after(moments[-1][1], 720, 730)))
    happened = _until(moments, today)
    return _Life(moments=happened, refund=refund if len(happened) == len(moments) else Decimal(0))


def _until(
    moments: Sequence[tuple[str, datetime]], today: datetime
) -> tuple[tuple[str, datetime], ...]:
    return tuple((state, moment) for state, moment in moments if moment <= today)


def _steps(
    purchase: Purchase, life: _Life, shop: Shop, *, shipping: Decimal, chance: Random
) -> list[Step]:
    base = _document(purchase, shop, shipping=shipping, chance=chance)
    steps = []
    for version, (status, moment) in enumerate(life.moments, start=1):
        is_last = version == len(life.moments)
        refund = life.refund if is_last else Decimal(0)
        document = {
            **base,
            "status": status,
            "version": version,
            "updated_at": _iso(moment, shop),
            "totals": {**base["totals"], "refunded": str(refund)},
            "payments": _payments(base["payments"], status),
            "shipments": _shipments(purchase, status),
            "refunds": _refunds(purchase, refund, moment, shop),
        }
        steps.append(Step(at=moment, status=status, document=document))
    return steps


def _document(
    purchase: Purchase, shop: Shop, *, shipping: Decimal, chance: Random
) -> dict[str, Any]:
    person = purchase.person
    goods = sum((item.total for item in purchase.items), Decimal(0))
    source, medium, campaign, _weight = chance.choices(SOURCES, weights=[s[3] for s in SOURCES])[0]
    address = _address(person)
    method = chance.choices(("card", "twint" if shop.market == "CH" else "paypal"), (70, 30))[0]
    return {
        "number": purchase.number,
        "placed_at": _iso(purchase.placed_at, shop),
        "currency": shop.currency,
        "customer": {
            "external_id": person.customer_id,
            "email": person.email,
            "phone": person.phone or None,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "locale": person.locale,
            "accepts_marketing": person.accepts_marketing,
        },
        "lines": [_line(item, person.language, shop) for item in purchase.items],
        "shipping": {
            "method": purchase.carrier,
            "amount": str(shipping),
            "tax": str(_tax(shipping, shop)),
        },
        "totals": {
            "items": str(goods),
            "discount": "0.00",
            "shipping": str(shipping),
            "tax": str(_tax(purchase.total, shop)),
            "grand": str(purchase.total),
        },
        "billing_address": address,
        "shipping_address": address,
        "payments": [
            {"method": method, "amount": str(purchase.total), "at": _iso(purchase.placed_at, shop)}
        ],
        "attribution": {
            "source": source,
            "medium": medium,
            "campaign": campaign.format(month=f"{purchase.placed_at:%Y-%m}"),
            "landing": f"https://{shop.domain}/",
        },
        "cart_token": f"{chance.getrandbits(64):016x}",
    }


def _line(item: Item, language: str, shop: Shop) -> dict[str, Any]:
    return {
        "sku": "-".join(part for part in (item.product.sku, item.size.replace(" ", "")) if part),
        "name": item.name(language),
        "quantity": item.quantity,
        "unit_price": str(item.unit_price),
        "discount": str(item.discount),
        "tax": str(_tax(item.total, shop)),
        "total": str(item.total),
    }


def _address(person: Person) -> dict[str, Any]:
    return {
        "name": f"{person.first_name} {person.last_name}",
        "line1": person.line1,
        "postcode": person.postcode,
        "city": person.city,
        "country": person.country,
    }


def _payments(payments: list[dict[str, Any]], status: str) -> list[dict[str, Any]]:
    state = {"pending": "pending", "cancelled": "voided", "refunded": "refunded"}.get(
        status, "paid"
    )
    return [{**payment, "status": state} for payment in payments]


def _shipments(purchase: Purchase, status: str) -> list[dict[str, Any]]:
    if status in {"pending", "paid", "processing", "cancelled"}:
        return []
    return [
        {
            "carrier": purchase.carrier,
            "tracking_number": purchase.tracking,
            "tracking_url": f"https://suivi.example/{purchase.tracking}",
            "status": "in_transit" if status == "shipped" else "delivered",
        }
    ]


def _refunds(purchase: Purchase, refund: Decimal, at: datetime, shop: Shop) -> list[dict[str, Any]]:
    if not refund:
        return []
    return [
        {
            "id": f"R{purchase.external_id}",
            "amount": str(refund),
            "at": _iso(at, shop),
            "reason": "return",
        }
    ]


def _tax(amount: Decimal, shop: Shop) -> Decimal:
    return _cents(amount - amount / (1 + shop.tax))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _iso(moment: datetime, shop: Shop) -> str:
    return moment.astimezone(ZoneInfo(shop.time_zone)).isoformat(timespec="seconds")
