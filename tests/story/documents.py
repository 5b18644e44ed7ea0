"""Orders as a shop's server sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def order(
    number: str, *, email: str, first_name: str = "Camille", version: int = 1
) -> dict[str, Any]:
    """A paid order of today."""
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    address = {
        "name": f"{first_name} Moreau",
        "line1": "12, rue des Lilas",
        "postcode": "75011",
        "city": "Paris",
        "country": "FR",
    }
    return {
        "number": number,
        "placed_at": moment,
        "updated_at": moment,
        "version": version,
        "status": "paid",
        "currency": "EUR",
        "customer": {
            "external_id": f"C-{email}",
            "email": email,
            "first_name": first_name,
            "last_name": "Moreau",
            "locale": "fr-FR",
        },
        "lines": [
            {
                "sku": "PUL-ALPE-M",
                "name": "Pull Alpe en laine mérinos, M",
                "quantity": 1,
                "unit_price": "119.00",
                "total": "119.00",
            }
        ],
        "shipping": {"method": "Colissimo", "amount": "0.00"},
        "totals": {"items": "119.00", "discount": "0.00", "shipping": "0.00", "grand": "119.00"},
        "shipping_address": address,
        "billing_address": address,
        "payments": [{"method": "card", "amount": "119.00", "status": "paid", "at": moment}],
    }
