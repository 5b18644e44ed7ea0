"""Asking customers by mail to confirm what they allow (double opt-in)."""

from __future__ import annotations

from django.db import transaction

from company import queries as company
from messaging.services.outgoing import InvalidRecipient, queue_mail
from profiles import queries as profiles


@transaction.atomic
def request_confirmation(consent_id: int) -> int | None:
    """The message with the link that grants; None when nobody waits for it any more.

    The same question is sent once. An address that takes no mail leaves the question open.
    """
    asked = profiles.consents.asked(consent_id)
    if asked is None:
        return None
    shop = company.shop(asked.shop_id)
    language = asked.language.partition("-")[0].lower()
    try:
        return queue_mail(
            shop_id=asked.shop_id,
            to=asked.address,
            profile_id=asked.profile_id,
            purpose="transactional",
            template="messaging/email/confirm_consent",
            context={"asked": asked, "shop": shop},
            language=language if language in shop.languages else shop.default_language,
            dedupe_key=f"consent:{consent_id}",
            about=f"consent:{consent_id}",
        )
    except InvalidRecipient:
        return None
