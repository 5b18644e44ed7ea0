"""Taking in the orders of shops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from ecrm.kernel import failpoints, outbox
from ecrm.kernel.errors import DomainError
from ecrm.kernel.prepared import Statement, one_trip, shared_cursor
from orders import queries
from orders.events import OrderChanged, OrderPlaced
from orders.models import Order
from orders.rules import precedence
from orders.services import figures, privacy, rows
from orders.services.documents import read_document
from orders.types import BatchResult, Expectation, OrderDocument, PutResult
from profiles import services as profiles

SOURCE = "order"
GROUP = 50

BEFORE_COMMIT = failpoints.declare("orders.before-commit")
AFTER_COMMIT = failpoints.declare("orders.after-commit")


class OrderExpectationFailed(DomainError):
    """The stored order is not the one the writer believes to replace (If-Match, If-None-Match)."""

    code = "precondition_failed"
    status = 412


@transaction.atomic
def put_order(
    *,
    shop_id: int,
    external_id: str,
    document: OrderDocument,
    expecting: Expectation | None = None,
    at: datetime | None = None,
) -> PutResult:
    """Create or replace one order as the shop sees it now, with everything that follows in one commit.

    The customer's profile is found or created, lines and figures are written, and OrderPlaced or
    OrderChanged is published. A state older than the stored one, or the same again, changes nothing. Of an
    erased customer's order only what the law asks for is kept, whatever is told about it again.
    Writers of one order wait for each other. Raises OrderExpectationFailed.
    """
    moment = at or now()
    order = _locked(shop_id, external_id)
    _check_expectation(order, expecting)
    with one_trip(), outbox.gathering():
        if order is None:
            result = _insert(shop_id, external_id, document, at=moment)
        else:
            result = _replace(order, document, at=moment)
    BEFORE_COMMIT.hit()
    transaction.on_commit(AFTER_COMMIT.hit)
    return result


def put_orders(
    *, shop_id: int, items: Sequence[Any], at: datetime | None = None
) -> list[BatchResult]:
    """Take in many raw orders, each with its `external_id`; a refused one never blocks another.

    Items are committed in groups; when a group collides with another writer, its items are tried again
    one by one.
    """
    results: list[BatchResult] = []
    for start in range(0, len(items), GROUP):
        group = items[start : start + GROUP]
        try:
            with transaction.atomic():
                answers = [_put_item(item, shop_id=shop_id, at=at) for item in group]
        except OperationalError:
            if connection.in_atomic_block:
                raise
            answers = [_put_item(item, shop_id=shop_id, at=at) for item in group]
        results += answers
    return results


def _put_item(item: Any, *, shop_id: int, at: datetime | None) -> BatchResult:
    external_id = item.get("external_id") if isinstance(item, dict) else None
    try:
        document = read_document(item, external_id=external_id)
        result = put_order(shop_id=shop_id, external_id=str(external_id), document=document, at=at)
    except DomainError as refusal:
        name = external_id if isinstance(external_id, str) else None
        return BatchResult(external_id=name, refusal=refusal)
    return BatchResult(
        external_id=external_id,
        order_id=result.order_id,
        created=result.created,
        changed=result.changed,
    )


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))"
_FIND = Statement(
    "find_order",
    "SELECT id FROM orders_order WHERE shop_id = %(shop_id)s AND external_id = %(external_id)s",
)


def _locked(shop_id: int, external_id: str) -> Order | None:
    """The order, or None when we never heard of it; nobody else writes it until we are done.

    The first writers of an order have no row to lock, so all of them wait for a lock on its name.
    """
    cursor = shared_cursor()
    names = {"shop_id": shop_id, "external_id": external_id}
    _FIND.execute(cursor, names | {"name": f"order:{shop_id}:{external_id}"}, after=_LOCK)
    found = cursor.fetchone()
    if found is None:
        return None
    return Order.objects.select_for_update(of=("self",), no_key=True).get(pk=found[0])


def _check_expectation(order: Order | None, expecting: Expectation | None) -> None:
    if expecting is None:
        return
    if order is None and expecting.revisions is not None:
        raise OrderExpectationFailed(_("There is no such order yet."))
    if order is not None and expecting.is_new:
        raise OrderExpectationFailed(_("There is such an order already."))
    if order is not None and expecting.revisions and order.revision not in expecting.revisions:
        raise OrderExpectationFailed(_("The order has changed since you read it."))


def _insert(shop_id: int, external_id: str, document: OrderDocument, *, at: datetime) -> PutResult:
    resolution = profiles.resolve(
        document.customer, shop_id=shop_id, source=SOURCE, at=document.placed_at
    )
    if resolution.is_erased:
        document = privacy.without_person(document)
    order = Order(
        shop_id=shop_id,
        profile_id=resolution.profile_id,
        external_id=external_id,
        is_erased=resolution.is_erased,
        received_at=at,
    )
    rows.set_columns(order, document=document, at=at)
    rows.insert(order, document=document)
    figures.count_new(order)
    outbox.publish(
        OrderPlaced(order_id=order.pk, profile_id=order.profile_id, shop_id=shop_id),
        at=order.placed_at,
    )
    return PutResult(order_id=order.pk, created=True, changed=True, order=queries.stored(order))


def _replace(order: Order, document: OrderDocument, *, at: datetime) -> PutResult:
    if order.is_erased:
        document = privacy.without_person(document)
    incoming = precedence.Stamp(
        version=document.version, updated_at=document.updated_at, status=document.status
    )
    if not precedence.is_newer(incoming, order.stamp) or order.document == document.body:
        return PutResult(
            order_id=order.pk, created=False, changed=False, order=queries.stored(order)
        )
    weight, status, body = figures.Weight.of(order), order.status, order.document
    rows.set_columns(order, document=document, at=max(at, order.received_at))
    order.revision += 1
    rows.update(order, document=document, before=body)
    moment = document.updated_at or at
    if document.body.get("customer") != body.get("customer"):
        profiles.learn(
            order.profile_id,
            identity=document.customer,
            shop_id=order.shop_id,
            source=SOURCE,
            at=moment,
        )
    figures.correct(order, before=weight)
    outbox.publish(
        OrderChanged(
            order_id=order.pk,
            profile_id=order.profile_id,
            shop_id=order.shop_id,
            status_before=status,
            status_after=order.status,
        ),
        at=moment,
    )
    return PutResult(order_id=order.pk, created=False, changed=True, order=queries.stored(order))
