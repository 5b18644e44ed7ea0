"""Examples of the API document; the tests send them."""

from __future__ import annotations

from typing import Any

ORDER: dict[str, Any] = {
    "number": "FR-10042",
    "placed_at": "2026-03-01T14:05:00+01:00",
    "updated_at": "2026-03-01T14:06:30+01:00",
    "status": "paid",
    "currency": "EUR",
    "customer": {
        "external_id": "88123",
        "email": "claire.dubois@example.fr",
        "phone": "06 39 98 12 34",
        "first_name": "Claire",
        "last_name": "Dubois",
        "locale": "fr-FR",
        "accepts_marketing": True,
    },
    "lines": [
        {
            "sku": "LIN-SHIRT-M",
            "name": "Chemise en lin, M",
            "quantity": 2,
            "unit_price": "49.00",
            "discount": "9.80",
            "tax": "14.70",
            "total": "88.20",
        },
        {
            "sku": "BELT-90",
            "name": "Ceinture",
            "quantity": 1,
            "unit_price": "29.90",
            "total": "29.90",
        },
    ],
    "shipping": {"method": "Colissimo", "amount": "4.90", "tax": "0.82"},
    "discounts": [{"code": "BIENVENUE10", "amount": "9.80"}],
    "totals": {
        "items": "118.10",
        "discount": "0.00",
        "shipping": "4.90",
        "tax": "20.50",
        "grand": "123.00",
        "refunded": "0.00",
    },
    "billing_address": {
        "name": "Claire Dubois",
        "line1": "12 rue des Lilas",
        "postcode": "69003",
        "city": "Lyon",
        "country": "FR",
    },
    "shipping_address": {
        "name": "Claire Dubois",
        "line1": "12 rue des Lilas",
        "postcode": "69003",
        "city": "Lyon",
        "country": "FR",
    },
    "payments": [
        {
            "method": "card",
            "amount": "123.00",
            "status": "captured",
            "at": "2026-03-01T14:06:10+01:00",
        }
    ],
    "shipments": [],
    "refunds": [],
    "attribution": {"source": "newsletter", "medium": "email", "campaign": "spring"},
}
