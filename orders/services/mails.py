"""What customers are told about their orders."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from company import queries as company
from company.types import ShopInfo
from ecrm.kernel.errors import DomainError
from messaging import services as messaging
from orders.models import Order
from orders.queries import mails

MAIL_LANGUAGES = frozenset({"en", "fr", "de"})

log = logging.getLogger(__name__)


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
            template=mails.CONFIRMATION,
            context=mails.confirmation_data(order, language=language),
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
