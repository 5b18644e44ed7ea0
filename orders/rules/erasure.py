"""What stays of an order whose customer was erased: what was sold, when, for how much, to which country.

Accounting and tax law ask for no more. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]

_KEPT = ("number", "placed_at", "updated_at", "version", "status", "currency", "totals")
_PARTS = {
    "lines": ("sku", "name", "quantity", "unit_price", "discount", "tax", "total"),
    "discounts": ("amount",),
    "payments": ("method", "amount", "status", "at"),
    "shipments": ("carrier", "status", "lines"),
    "refunds": ("id", "amount", "at", "lines"),
}
_SHIPPING = ("method", "amount", "tax")
_PART_LINE = ("sku", "quantity")
_PLACES = ("billing_address", "shipping_address")


def without_person(body: Body) -> dict[str, Any]:
    """The document without customer, streets and towns, tracking, free text and unknown fields."""
    kept = {name: body[name] for name in _KEPT if name in body}
    if isinstance(kept.get("totals"), dict):
        kept["totals"] = _only(kept["totals"], tuple(n for n in kept["totals"] if n != "extra"))
    for name, fields in _PARTS.items():
        if isinstance(body.get(name), list):
            kept[name] = [_only(item, fields) for item in body[name] if isinstance(item, dict)]
    if isinstance(body.get("shipping"), dict):
        kept["shipping"] = _only(body["shipping"], _SHIPPING)
    for name in _PLACES:
        if country := (body.get(name) or {}).get("country"):
            kept[name] = {"country": country}
    return kept


def _only(item: Body, fields: tuple[str, ...]) -> dict[str, Any]:
    kept = {name: item[name] for name in fields if name in item}
    if isinstance(kept.get("lines"), list):
        kept["lines"] = [
            _only(line, _PART_LINE) if isinstance(line, dict) else line for line in kept["lines"]
        ]
    return kept
