"""Reading what a shop sent: from decoded JSON to an order we can calculate with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from ecrm.kernel.errors import InvalidDocument
from ecrm.kernel.money import minor_units
from orders.rules import document as documents
from orders.rules import ledger
from orders.types import Line, OrderDocument, Totals
from profiles.types import Address, Identity

LONGEST_WORD = 200
_ADDRESS = ("name", "company", "line1", "line2", "postcode", "city", "region", "country")


def read_document(raw: Any, *, external_id: Any) -> OrderDocument:
    """A checked order from decoded JSON. Raises InvalidDocument with every fault and its pointer."""
    body, faults = documents.read(raw, external_id=external_id)
    if faults:
        raise InvalidDocument(
            _("The order has faults; each is listed with a pointer."),
            fields={fault.pointer: fault.text for fault in faults},
            codes={fault.pointer: fault.code for fault in faults},
        )
    lines = tuple(_line(line) for line in body["lines"])
    totals = _totals(body, lines)
    updated_at = body.get("updated_at")
    return OrderDocument(
        body=body,
        number=body.get("number") or external_id,
        status=body["status"],
        currency=body["currency"],
        placed_at=documents.instant(body["placed_at"]),
        updated_at=documents.instant(updated_at) if updated_at else None,
        version=body.get("version"),
        customer=_identity(body),
        lines=lines,
        totals=totals,
        mismatches=_mismatches(body, lines, totals),
    )


def _amount(part: Mapping[str, Any] | None, name: str) -> Decimal:
    return Decimal((part or {}).get(name) or 0)


def _line(line: Mapping[str, Any]) -> Line:
    quantity = Decimal(line["quantity"])
    unit_price, discount = _amount(line, "unit_price"), _amount(line, "discount")
    total = line.get("total")
    return Line(
        sku=line.get("sku") or "",
        name=line.get("name") or "",
        quantity=quantity,
        unit_price=unit_price,
        discount=discount,
        tax=_amount(line, "tax"),
        total=Decimal(total) if total is not None else quantity * unit_price - discount,
        category=_word(line, "category"),
        brand=_word(line, "brand"),
    )


def _word(line: Mapping[str, Any], name: str) -> str:
    """A text the shop wrote beside the fields of the contract, in one line."""
    found = (line.get("extra") or {}).get(name)
    return " ".join(found.split())[:LONGEST_WORD] if isinstance(found, str) else ""


def _totals(body: Mapping[str, Any], lines: tuple[Line, ...]) -> Totals:
    """The totals; a part the shop left out is the sum of what it did send."""
    given, shipping = body["totals"], body.get("shipping")
    refunds = sum((_amount(refund, "amount") for refund in body.get("refunds") or ()), Decimal(0))

    def total(name: str, otherwise: Decimal) -> Decimal:
        return Decimal(given[name]) if given.get(name) is not None else otherwise

    return Totals(
        items=total("items", sum((line.total for line in lines), Decimal(0))),
        discount=total("discount", Decimal(0)),
        shipping=total("shipping", _amount(shipping, "amount")),
        tax=total("tax", Decimal(0)),
        grand=total("grand", Decimal(0)),
        refunded=total("refunded", refunds),
    )


def _mismatches(
    body: Mapping[str, Any], lines: tuple[Line, ...], totals: Totals
) -> tuple[str, ...]:
    sums = ledger.Sums(
        lines=sum((line.total for line in lines), Decimal(0)),
        listed=sum((line.quantity * line.unit_price for line in lines), Decimal(0)),
        items=totals.items,
        discount=totals.discount,
        shipping=totals.shipping,
        tax=totals.tax,
        grand=totals.grand,
        refunded=totals.refunded,
        refunds=sum(
            (_amount(refund, "amount") for refund in body.get("refunds") or ()), Decimal(0)
        ),
    )
    tolerance = Decimal(1).scaleb(-minor_units(body["currency"]))
    return tuple(ledger.mismatches(sums, tolerance=tolerance))


def _identity(body: Mapping[str, Any]) -> Identity:
    """The customer as the order names him; the address helps out with name, country and city."""
    customer: Mapping[str, Any] = body.get("customer") or {}
    address = body.get("shipping_address") or body.get("billing_address") or {}
    billing = body.get("billing_address") or address
    first_name, last_name = customer.get("first_name") or "", customer.get("last_name") or ""
    if not first_name and not last_name:
        first_name, _space, last_name = (billing.get("name") or "").strip().rpartition(" ")
    return Identity(
        email=customer.get("email"),
        phone=customer.get("phone"),
        customer_id=customer.get("external_id"),
        first_name=first_name,
        last_name=last_name,
        locale=customer.get("locale") or "",
        country=billing.get("country") or address.get("country") or "",
        city=address.get("city") or "",
        currency=body.get("currency") or "",
        addresses=tuple(_addresses(body)),
        accepts_marketing=customer.get("accepts_marketing"),
        is_proven=True,
    )


def _addresses(body: Mapping[str, Any]) -> Iterator[Address]:
    for kind in ("shipping", "billing"):
        found: Mapping[str, Any] = body.get(f"{kind}_address") or {}
        if found:
            yield Address(kind=kind, **{name: found.get(name) or "" for name in _ADDRESS})
