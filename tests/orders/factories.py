"""Orders for the tests of every module: documents as shops send them, taken in by the service."""

from __future__ import annotations

import copy
import itertools
from datetime import datetime
from typing import Any

from orders import services
from orders.api.examples import ORDER
from orders.models import Order
from tests.company.factories import ShopFactory

_numbers = itertools.count(1)


def order_document(**changes: Any) -> dict[str, Any]:
    """A valid raw document; keyword arguments replace whole parts of it."""
    return copy.deepcopy(ORDER) | changes


def put(shop: Any, external_id: str, *, at: datetime | None = None, **changes: Any) -> Any:
    """Take one order in as the API does."""
    document = services.read_document(order_document(**changes), external_id=external_id)
    return services.put_order(shop_id=shop.pk, external_id=external_id, document=document, at=at)


def make_order(
    shop: Any = None, *, at: datetime | None = None, email: str | None = None, **changes: Any
) -> Order:
    """A new order, by default of a new customer."""
    number = next(_numbers)
    address = email or f"customer{number}@example.org"
    changes.setdefault("customer", {"email": address, "first_name": "Ana", "last_name": "Durand"})
    changes.setdefault("number", f"FR-{20000 + number}")
    result = put(shop or ShopFactory(), f"ext-{number}", at=at, **changes)
    return Order.objects.get(pk=result.order_id)
