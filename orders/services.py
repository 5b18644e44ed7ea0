"""Writes: taking in the orders of shops."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.types import ShopInfo
from ecrm.kernel import failpoints, outbox
from ecrm.kernel.errors import DomainError, InvalidDocument
from ecrm.kernel.money import minor_units
from messaging import services as messaging
from orders import queries
from orders.events import OrderChanged, OrderPlaced
from orders.models import Order, OrderLine, Refund, Shipment
from orders.rules import document as documents
from orders.rules import ledger, precedence
from orders.types import BatchResult, Expectation, Line, OrderDocument, PutResult, Totals
from profiles import services as profiles
from profiles.types import Identity

SOURCE = "order"
GROUP = 50
MAIL_LANGUAGES = frozenset({"en", "fr", "de"})

log = logging.getLogger(__name__)

BEFORE_COMMIT = failpoints.declare("orders.before-commit")
AFTER_COMMIT = failpoints.declare("orders.after-commit")


class OrderExpectationFailed(DomainError):
    """The stored order is not the one the writer believes to replace (If-Match, If-None-Match)."""

    code = "precondition_failed"
    status = 412


# --- Reading a document ---------------------------------------------------------------------------


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
    )


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
        refunds=sum((_amount(refund, "amount") for refund in body.get("refunds") or ()), Decimal(0)),
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
        accepts_marketing=customer.get("accepts_marketing"),
    )


# --- Taking an order in ---------------------------------------------------------------------------


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
    OrderChanged is published. A state older than the stored one, or the same again, changes nothing.
    Writers of one order wait for each other. Raises OrderExpectationFailed.
    """
    moment = at or now()
    _wait_for_turn(f"order:{shop_id}:{external_id}")
    order = Order.objects.for_writing(shop_id=shop_id, external_id=external_id)
    _check_expectation(order, expecting)
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
                results += [_put_item(item, shop_id=shop_id, at=at) for item in group]
        except OperationalError:
            if connection.in_atomic_block:
                raise
            results += [_put_item(item, shop_id=shop_id, at=at) for item in group]
    return results


def _put_item(item: Any, *, shop_id: int, at: datetime | None) -> BatchResult:
    external_id = item.get("external_id") if isinstance(item, dict) else None
    try:
        document = read_document(item, external_id=external_id)
        result = put_order(
            shop_id=shop_id, external_id=external_id, document=document, at=at
        )
    except DomainError as refusal:
        name = external_id if isinstance(external_id, str) else None
        return BatchResult(external_id=name, refusal=refusal)
    return BatchResult(
        external_id=external_id,
        order_id=result.order_id,
        created=result.created,
        changed=result.changed,
    )


def _wait_for_turn(name: str) -> None:
    """Let one transaction at a time write an order, the first one too: there is no row to lock yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _check_expectation(order: Order | None, expecting: Expectation | None) -> None:
    if expecting is None:
        return
    if order is None and expecting.revisions is not None:
        raise OrderExpectationFailed(_("There is no such order yet."))
    if order is not None and expecting.is_new:
        raise OrderExpectationFailed(_("There is such an order already."))
    if order is not None and expecting.revisions and order.revision not in expecting.revisions:
        raise OrderExpectationFailed(_("The order has changed since you read it."))


def _insert(
    shop_id: int, external_id: str, document: OrderDocument, *, at: datetime
) -> PutResult:
    resolution = profiles.resolve(
        document.customer, shop_id=shop_id, source=SOURCE, at=document.placed_at
    )
    order = Order(
        shop_id=shop_id,
        profile_id=resolution.profile_id,
        external_id=external_id,
        received_at=at,
    )
    _set_columns(order, document, at=at)
    order.save(force_insert=True)
    _write_lines(order, document)
    _write_shipments(order, document.body)
    _write_refunds(order, document.body)
    if ledger.is_counted(order.status):
        profiles.count_order(
            order.profile_id,
            shop_id=shop_id,
            currency=order.currency,
            revenue=order.revenue,
            placed_at=order.placed_at,
        )
    outbox.publish(
        OrderPlaced(order_id=order.pk, profile_id=order.profile_id, shop_id=shop_id),
        at=order.placed_at,
    )
    return PutResult(order_id=order.pk, created=True, changed=True, order=queries.stored(order))


def _replace(order: Order, document: OrderDocument, *, at: datetime) -> PutResult:
    incoming = precedence.Stamp(
        version=document.version, updated_at=document.updated_at, status=document.status
    )
    if not precedence.is_newer(incoming, order.stamp) or order.document == document.body:
        return PutResult(
            order_id=order.pk, created=False, changed=False, order=queries.stored(order)
        )
    before = _Before.of(order)
    _set_columns(order, document, at=max(at, order.received_at))
    order.revision += 1
    order.save(force_update=True)
    _rewrite_rows(order, document, before.document)
    if document.body.get("customer") != before.document.get("customer"):
        profiles.learn(
            order.profile_id,
            document.customer,
            shop_id=order.shop_id,
            source=SOURCE,
            at=document.updated_at or at,
        )
    _correct_figures(order, before)
    outbox.publish(
        OrderChanged(
            order_id=order.pk,
            profile_id=order.profile_id,
            shop_id=order.shop_id,
            status_before=before.status,
            status_after=order.status,
        ),
        at=document.updated_at or at,
    )
    return PutResult(order_id=order.pk, created=False, changed=True, order=queries.stored(order))


# --- What the customer is told --------------------------------------------------------------------


@transaction.atomic
def queue_confirmation(order_id: int, *, at: datetime | None = None) -> int | None:
    """The id of the mail that confirms the order, queued once however often this is called.

    None when there is nobody to write to. The mail speaks the customer's language.
    """
    order = Order.objects.get(pk=order_id)
    shop = company.shop(order.shop_id)
    customer = order.document.get("customer") or {}
    language = _language(customer.get("locale") or "", shop)
    if not customer.get("email"):
        return None
    try:
        return messaging.queue_mail(
            shop_id=order.shop_id,
            to=customer["email"],
            profile_id=order.profile_id,
            purpose="transactional",
            template="orders/email/confirmation",
            context={
                "order": queries.details(order, language=language),
                "first_name": customer.get("first_name") or "",
                "shop": shop,
            },
            language=language,
            dedupe_key=f"order-confirmation:{order_id}",
            about=f"order:{order_id}",
            at=at,
        )
    except DomainError as refusal:
        log.info("confirmation_not_sent", extra={"order_id": order_id, "code": refusal.code})
        return None


def _language(locale: str, shop: ShopInfo) -> str:
    """The customer's language where we write it, else the shop's, else English."""
    for wish in (locale, shop.default_language):
        if (language := wish[:2].lower()) in MAIL_LANGUAGES:
            return language
    return "en"


# --- Rows of an order -----------------------------------------------------------------------------


def _set_columns(order: Order, document: OrderDocument, *, at: datetime) -> None:
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
    OrderLine.objects.bulk_create(
        OrderLine(
            order_id=order.pk,
            position=position,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            tax=line.tax,
            total=line.total,
        )
        for position, line in enumerate(document.lines)
    )


def _write_shipments(order: Order, body: Mapping[str, Any]) -> None:
    Shipment.objects.bulk_create(
        Shipment(
            order_id=order.pk,
            position=position,
            carrier=shipment.get("carrier") or "",
            tracking_number=shipment.get("tracking_number") or "",
            tracking_url=shipment.get("tracking_url") or "",
            status=shipment.get("status") or "",
        )
        for position, shipment in enumerate(body.get("shipments") or ())
    )


def _write_refunds(order: Order, body: Mapping[str, Any]) -> None:
    Refund.objects.bulk_create(
        Refund(
            order_id=order.pk,
            position=position,
            external_id=refund.get("id") or "",
            amount=Decimal(refund["amount"]),
            reason=refund.get("reason") or "",
            refunded_at=documents.instant(refund["at"]) if refund.get("at") else None,
        )
        for position, refund in enumerate(body.get("refunds") or ())
    )


def _rewrite_rows(order: Order, document: OrderDocument, before: Mapping[str, Any]) -> None:
    """Replace the rows of those parts of the document that changed."""
    if document.body.get("lines") != before.get("lines"):
        order.lines.all().delete()
        _write_lines(order, document)
    if document.body.get("shipments") != before.get("shipments"):
        order.shipments.all().delete()
        _write_shipments(order, document.body)
    if document.body.get("refunds") != before.get("refunds"):
        order.refunds.all().delete()
        _write_refunds(order, document.body)


# --- Figures of the customer ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Before:
    """What an order was before it was replaced."""

    status: str
    currency: str
    placed_at: datetime
    revenue: Decimal
    document: Mapping[str, Any]

    @classmethod
    def of(cls, order: Order) -> _Before:
        return cls(
            status=order.status,
            currency=order.currency,
            placed_at=order.placed_at,
            revenue=order.revenue,
            document=order.document,
        )

    @property
    def is_counted(self) -> bool:
        return ledger.is_counted(self.status)


def _correct_figures(order: Order, before: _Before) -> None:
    """An addition where that is exact; a recount when the order begins or ends to count, or moves."""
    is_counted = ledger.is_counted(order.status)
    if not is_counted and not before.is_counted:
        return
    is_same_place = (order.currency, order.placed_at) == (before.currency, before.placed_at)
    if is_counted and before.is_counted and is_same_place:
        if difference := order.revenue - before.revenue:
            profiles.add_revenue(
                order.profile_id,
                shop_id=order.shop_id,
                currency=order.currency,
                amount=difference,
            )
        return
    for currency in sorted({order.currency, before.currency}):
        profiles.recount_orders(
            order.profile_id,
            shop_id=order.shop_id,
            currency=currency,
            count=partial(
                queries.count_orders,
                order.profile_id,
                shop_id=order.shop_id,
                currency=currency,
            ),
        )
