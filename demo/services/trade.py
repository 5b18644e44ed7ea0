"""Writing the orders of the demo world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo import mime, queries
from demo.rules.shopping import Purchase
from demo.services import mailbox
from demo.services.texts import the_brand
from messaging import queries as messages
from messaging import services as messaging
from messaging.types import OutgoingInfo
from orders import queries as stored
from orders import services as orders
from orders.types import PastState

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
) -> None:
    """Send each order through all its states, and confirm the young ones."""
    order_ids: dict[str, int] = {}
    for slug, shop_id in shop_ids.items():
        own = [purchase for purchase in purchases if purchase.person.shop == slug]
        states = [state for purchase in own for state in _states(purchase)]
        results = orders.import_orders(shop_id=shop_id, states=states)
        for state, result in zip(states, results, strict=True):
            order_ids[state.external_id] = result.order_id
    young = [purchase for purchase in purchases if _is_young(purchase, today)]
    _confirm(young, order_ids, shop_ids=shop_ids.values(), today=today)


def placed(
    purchases: Sequence[Purchase], *, shop_ids: Mapping[str, int], today: datetime
) -> dict[str, Placed]:
    """What became of these purchases, by external id."""
    names = [purchase.external_id for purchase in purchases]
    order_ids: dict[str, int] = {}
    for shop_id in shop_ids.values():
        rows = stored.orders_of_shop(shop_id).filter(external_id__in=names)
        order_ids |= dict(rows.values_list("external_id", "pk"))
    queued = {
        purchase.external_id: orders.queue_confirmation(order_ids[purchase.external_id])
        for purchase in purchases
        if _is_young(purchase, today)
    }
    infos = messages.outgoing_many(mail_id for mail_id in queued.values() if mail_id)
    return {
        name: Placed(order_id=order_id, confirmation=_message_id(infos, queued.get(name)))
        for name, order_id in order_ids.items()
    }


def _message_id(infos: Mapping[int, OutgoingInfo], mail_id: int | None) -> str:
    return infos[mail_id].message_id_header if mail_id else ""


def _is_young(purchase: Purchase, today: datetime) -> bool:
    return today - purchase.placed_at <= CONFIRMED_SINCE


def _states(purchase: Purchase) -> Iterator[PastState]:
    for index, step in enumerate(purchase.steps):
        yield PastState(
            external_id=purchase.external_id,
            document=orders.read_document(step.document, external_id=purchase.external_id),
            at=step.at if index else purchase.placed_at,
        )


def _confirm(
    purchases: Sequence[Purchase],
    order_ids: Mapping[str, int],
    *,
    shop_ids: Iterable[int],
    today: datetime,
) -> None:
    """Write the confirmations these orders got at the time."""
    queued = {
        p.external_id: orders.queue_confirmation(order_ids[p.external_id], at=p.placed_at)
        for p in purchases
    }
    sent = [(p, mail_id) for p in purchases if (mail_id := queued[p.external_id])]
    messaging.record_sent({mail_id: p.placed_at + DELIVERY_TIME for p, mail_id in sent})
    kept = {mail_id: p for p, mail_id in sent if today - p.placed_at <= KEPT_SINCE}
    infos = messages.outgoing_many(kept)
    designs = queries.designs(kept, shop_ids=shop_ids)
    for mail_id, purchase in kept.items():
        _deliver(infos[mail_id], designs[mail_id], purchase)


def _deliver(info: OutgoingInfo, html: str, purchase: Purchase) -> None:
    shop = the_brand().shop(purchase.person.shop)
    raw = mime.compose(
        from_name=shop.sender_name,
        from_address=shop.support_email,
        to_address=info.to,
        subject=info.subject,
        text=info.text,
        html=html,
        message_id=info.message_id_header,
        written_at=purchase.placed_at,
    )
    mailbox.keep(raw, owner=info.to, at=purchase.placed_at + DELIVERY_TIME)
