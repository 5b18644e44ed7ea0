"""The rows of an order, written from its document.

A new order is the hottest write of the product: the order and its lines are one statement by hand.
Changes are rare enough for the ORM.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ecrm.kernel.prepared import Statement, shared_cursor
from orders.models import Order, OrderLine, Refund, Shipment
from orders.rules import document as documents
from orders.types import OrderDocument

_INSERT = Statement(
    "insert_order",
    """
WITH placed AS (
    INSERT INTO orders_order (
        shop_id, profile_id, external_id, number, status, currency, placed_at, source_version,
        source_updated_at, revision, items_count, items_total, discount_total, shipping_total,
        tax_total, grand_total, refunded_total, mismatches, document, is_erased, received_at,
        changed_at
    ) VALUES (
        %(shop_id)s, %(profile_id)s, %(external_id)s, %(number)s, %(status)s, %(currency)s,
        %(placed_at)s, %(source_version)s, %(source_updated_at)s, %(revision)s, %(items_count)s,
        %(items_total)s, %(discount_total)s, %(shipping_total)s, %(tax_total)s, %(grand_total)s,
        %(refunded_total)s, %(mismatches)s::varchar[], %(json)s::jsonb, %(is_erased)s,
        %(received_at)s, %(changed_at)s
    ) RETURNING id
), lined AS (
    INSERT INTO orders_orderline (
        order_id, position, sku, name, quantity, unit_price, discount, tax, total, category, brand
    )
    SELECT placed.id, line.number - 1, line.sku, line.name, line.quantity, line.unit_price,
           line.discount, line.tax, line.total, line.category, line.brand
    FROM placed, unnest(
        %(skus)s::text[], %(names)s::text[], %(quantities)s::numeric[], %(unit_prices)s::numeric[],
        %(discounts)s::numeric[], %(taxes)s::numeric[], %(line_totals)s::numeric[],
        %(categories)s::text[], %(brands)s::text[]
    ) WITH ORDINALITY AS line (
        sku, name, quantity, unit_price, discount, tax, total, category, brand, number
    )
)
SELECT id FROM placed
""",
)


def insert(order: Order, *, document: OrderDocument) -> None:
    """Write a new order with all its rows, and give it its id."""
    lines = document.lines
    values = order.__dict__ | {
        "json": json.dumps(order.document, ensure_ascii=False),
        "skus": [line.sku for line in lines],
        "names": [line.name for line in lines],
        "quantities": [line.quantity for line in lines],
        "unit_prices": [line.unit_price for line in lines],
        "discounts": [line.discount for line in lines],
        "taxes": [line.tax for line in lines],
        "line_totals": [line.total for line in lines],
        "categories": [line.category for line in lines],
        "brands": [line.brand for line in lines],
    }
    cursor = shared_cursor()
    _INSERT.execute(cursor, values)
    (order.pk,) = cursor.fetchone()
    _write_shipments(order, document.body)
    _write_refunds(order, document.body)


def insert_many(written: Sequence[tuple[Order, OrderDocument]]) -> None:
    """Write many new orders with all their rows in four statements, and give them their ids."""
    Order.objects.bulk_create(order for order, _document in written)
    OrderLine.objects.bulk_create(
        row for order, document in written for row in _lines(order, document)
    )
    Shipment.objects.bulk_create(
        row for order, document in written for row in _shipments(order, document.body)
    )
    Refund.objects.bulk_create(
        row for order, document in written for row in _refunds(order, document.body)
    )


def update(order: Order, *, document: OrderDocument, before: Mapping[str, Any]) -> None:
    """Write an order again, and the rows of those parts of its document that changed."""
    order.save(force_update=True)
    if document.body.get("lines") != before.get("lines"):
        order.lines.all().delete()
        _write_lines(order, document)
    if document.body.get("shipments") != before.get("shipments"):
        order.shipments.all().delete()
        _write_shipments(order, document.body)
    if document.body.get("refunds") != before.get("refunds"):
        order.refunds.all().delete()
        _write_refunds(order, document.body)


def set_columns(order: Order, *, document: OrderDocument, at: datetime) -> None:
    """Let the columns say what the document says."""
    totals = document.totals
    order.number = document.number
    order.status = document.status
    order.currency = document.currency
    order.placed_at = document.placed_at
    if document.version is not None:
        order.source_version = document.version
    order.source_updated_at = document.updated_at or order.source_updated_at
    order.items_count = sum(
        int(line.quantity) if line.quantity == int(line.quantity) else 1 for line in document.lines
    )
    order.items_total, order.discount_total = totals.items, totals.discount
    order.shipping_total, order.tax_total = totals.shipping, totals.tax
    order.grand_total, order.refunded_total = totals.grand, totals.refunded
    order.mismatches = list(document.mismatches)
    order.document = dict(document.body)
    order.changed_at = at


def _write_lines(order: Order, document: OrderDocument) -> None:
    OrderLine.objects.bulk_create(_lines(order, document))


def _write_shipments(order: Order, body: Mapping[str, Any]) -> None:
    if body.get("shipments"):
        Shipment.objects.bulk_create(_shipments(order, body))


def _write_refunds(order: Order, body: Mapping[str, Any]) -> None:
    if body.get("refunds"):
        Refund.objects.bulk_create(_refunds(order, body))


def _lines(order: Order, document: OrderDocument) -> Iterator[OrderLine]:
    for position, line in enumerate(document.lines):
        yield OrderLine(
            order_id=order.pk,
            position=position,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            tax=line.tax,
            total=line.total,
            category=line.category,
            brand=line.brand,
        )


def _shipments(order: Order, body: Mapping[str, Any]) -> Iterator[Shipment]:
    for position, shipment in enumerate(body.get("shipments") or ()):
        yield Shipment(
            order_id=order.pk,
            position=position,
            carrier=shipment.get("carrier") or "",
            tracking_number=shipment.get("tracking_number") or "",
            tracking_url=shipment.get("tracking_url") or "",
            status=shipment.get("status") or "",
        )


def _refunds(order: Order, body: Mapping[str, Any]) -> Iterator[Refund]:
    for position, refund in enumerate(body.get("refunds") or ()):
        yield Refund(
            order_id=order.pk,
            position=position,
            external_id=refund.get("id") or "",
            amount=Decimal(refund["amount"]),
            reason=refund.get("reason") or "",
            refunded_at=documents.instant(refund["at"]) if refund.get("at") else None,
        )
