"""The demo shop: what it sells today, and the order its server sends to the product's API."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random, SystemRandom
from typing import Any

import httpx
from django.conf import settings
from django.utils.timezone import localtime, now
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from company import queries as company
from demo import queries
from demo.rules.people import plain
from demo.services.texts import the_brand
from ecrm.kernel.errors import DomainError

SHOP = "alba-fr"
SHOWN = (
    "PUL-ALPE",
    "GIL-LAUZ",
    "CHE-MIST",
    "ESP-PLAG",
    "ECH-NUAG",
    "PLA-BIVO",
    "BOU-FIGU",
    "CAB-HALL",
)
TIMEOUT = 10.0


class ShopClosed(DomainError):
    """The demo world is not loaded, so there is no shop and no key."""

    code = "demo_shop_closed"


class OrderNotTaken(DomainError):
    """The product's API did not take the order; the message says what it answered."""

    code = "demo_order_not_taken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """Something in the shop window."""

    sku: str
    name: str
    price: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What the shop's server sent and what it heard back."""

    url: str
    document: dict[str, Any]
    status: int
    number: str
    email: str
    milliseconds: int


def window() -> list[Good]:
    """What the shop sells today, in the visitor's language."""
    brand = the_brand()
    currency = brand.shop(SHOP).currency
    language = (get_language() or "en")[:2]
    shown = [product for sku in SHOWN for product in brand.products if product.sku == sku]
    return [
        Good(
            sku=product.sku,
            name=product.names.get(language, product.names["en"]),
            price=product.prices[currency],
            currency=currency,
        )
        for product in shown
    ]


def customer() -> dict[str, str]:
    """Somebody who might order: a new name each time."""
    chance: Random = SystemRandom()
    names = the_brand().regions["fr"]
    first_name, last_name = chance.choice(names["women"]), chance.choice(names["surnames"])
    address = f"{plain(first_name)}.{plain(last_name)}@{names['mail_domains'][0]}"
    return {"first_name": first_name, "last_name": last_name, "email": address, "language": "fr"}


def order(
    *, first_name: str, last_name: str, email: str, language: str, products: Sequence[str]
) -> Said:
    """Send an order as the shop's server would. Raises ShopClosed and OrderNotTaken."""
    key = queries.shop_key(SHOP)
    if not key or company.shop_by_slug(SHOP) is None:
        raise ShopClosed(_("Load the demo world first: manage.py demo."))
    moment = now()
    number = f"FR{localtime(moment):%y%m%d}-{secrets.randbelow(9000) + 1000}"
    document = _document(
        {
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
            "locale": f"{language}-FR",
        },
        products,
        language=language,
        number=number,
        at=moment,
    )
    url = f"{settings.ECRM_BASE_URL}/api/v1/orders/web-{secrets.token_hex(6)}"
    try:
        answer = httpx.put(
            url,
            json=document,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise OrderNotTaken(_("The API does not answer. Nothing was ordered.")) from error
    if not answer.is_success:
        raise OrderNotTaken(
            _("The API refused the order with status %(status)d.") % {"status": answer.status_code}
        )
    return Said(
        url=url,
        document=document,
        status=answer.status_code,
        number=number,
        email=email,
        milliseconds=round(answer.elapsed.total_seconds() * 1000),
    )


def _document(
    person: dict[str, str], skus: Sequence[str], *, language: str, number: str, at: datetime
) -> dict[str, Any]:
    shop = the_brand().shop(SHOP)
    chosen = [product for product in the_brand().products if product.sku in skus]
    goods = sum((product.prices[shop.currency] for product in chosen), Decimal(0))
    shipping = Decimal(0) if goods >= shop.shipping_free_from else shop.shipping
    address = {
        "name": f"{person['first_name']} {person['last_name']}",
        "line1": "12, rue des Lilas",
        "postcode": "75011",
        "city": "Paris",
        "country": shop.market,
    }
    return {
        "number": number,
        "placed_at": localtime(at).isoformat(timespec="seconds"),
        "updated_at": localtime(at).isoformat(timespec="seconds"),
        "version": 1,
        "status": "paid",
        "currency": shop.currency,
        "customer": {**person, "accepts_marketing": False},
        "lines": [
            {
                "sku": product.sku,
                "name": product.names[language],
                "quantity": 1,
                "unit_price": str(product.prices[shop.currency]),
                "total": str(product.prices[shop.currency]),
            }
            for product in chosen
        ],
        "shipping": {"method": shop.carriers[0], "amount": str(shipping)},
        "totals": {
            "items": str(goods),
            "discount": "0.00",
            "shipping": str(shipping),
            "grand": str(goods + shipping),
        },
        "billing_address": address,
        "shipping_address": address,
        "payments": [{"method": "card", "amount": str(goods + shipping), "status": "paid"}],
    }
