"""Writing the orders of the demo world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo import mime
from demo.rules.shopping import Purchase
from demo.services import mailbox
from demo.services.texts import the_brand
from messaging import queries as messages
from messaging import services as messaging
from messaging.types import OutgoingInfo
from orders import services as orders

# Since when the product sends the confirmations; older orders were imported.
CONFIRMED_SINCE = timedelta(days=21)
# How much of it still lies in the customers' mailboxes.
KEPT_SINCE = timedelta(days=3)
DELIVERY_TIME = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """What became of a purchase: the order, and the Message-ID of its confirmation if there was one."""

    order_id: int
    confirmation: str = ""


def write_purchases(
    purchases: Sequence[Purchase], *, shop_ids: Mapping[str, int], today: datetime
) -> dict[str, Placed]:
    """Send each order through all its states; returns what was placed, by external id."""
    order_ids = {purchase.external_id: _put(purchase, shop_ids) for purchase in purchases}
    young = [p for p in purchases if today - p.placed_at <= CONFIRMED_SINCE]
    confirmations = _confirm(young, order_ids, today)
    return {
        external_id: Placed(order_id=order_id, confirmation=confirmations.get(external_id, ""))
        for external_id, order_id in order_ids.items()
    }


def _confirm(
    purchases: Sequence[Purchase], order_ids: Mapping[str, int], today: datetime
) -> dict[str, str]:
    """The Message-IDs of the confirmations these orders got at the time, by external id."""
    queued = {
        p.external_id: orders.queue_confirmation(order_ids[p.external_id], at=p.placed_at)
        for p in purchases
    }
    sent = [(p, message_id) for p in purchases if (message_id := queued[p.external_id])]
    messaging.record_sent({message_id: p.placed_at + DELIVERY_TIME for p, message_id in sent})
    infos = messages.outgoing_many(message_id for _purchase, message_id in sent)
    for purchase, message_id in sent:
        if today - purchase.placed_at <= KEPT_SINCE:
            _deliver(infos[message_id], purchase)
    return {p.external_id: infos[message_id].message_id_header for p, message_id in sent}


def _deliver(info: OutgoingInfo, purchase: Purchase) -> None:
    shop = the_brand().shop(purchase.person.shop)
    raw = mime.compose(
        from_name=shop.sender_name,
        from_address=shop.support_email,
        to_address=info.to,
        subject=info.subject,
        text=info.text,
        message_id=info.message_id_header,
        written_at=purchase.placed_at,
    )
    mailbox.keep(raw, owner=info.to, at=purchase.placed_at + DELIVERY_TIME)


def _put(purchase: Purchase, shop_ids: Mapping[str, int]) -> int:
    order_id = 0
    for index, step in enumerate(purchase.steps):
        document = orders.read_document(step.document, external_id=purchase.external_id)
        order_id = orders.put_order(
            shop_id=shop_ids[purchase.person.shop],
            external_id=purchase.external_id,
            document=document,
            at=step.at if index else purchase.placed_at,
        ).order_id
    return order_id
