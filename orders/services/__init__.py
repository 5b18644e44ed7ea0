"""Writes. What other modules call stands here."""

from orders.services.documents import read_document
from orders.services.history import import_orders
from orders.services.intake import OrderExpectationFailed, put_order, put_orders
from orders.services.mails import queue_confirmation

__all__ = [
    "OrderExpectationFailed",
    "import_orders",
    "put_order",
    "put_orders",
    "queue_confirmation",
    "read_document",
]
