"""Which of our rows point at a customer."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from messaging.services import privacy
from profiles.extensions import Combine, Holding, Unique, holdings


def register() -> None:
    """Declare what a merge of two customers moves, and what is personal."""
    for key, table, label in (
        ("messaging.outgoing", "messaging_outgoingmessage", _("Messages sent")),
        ("messaging.mail", "messaging_mail", _("Mails received")),
        ("messaging.sms", "messaging_receivedsms", _("SMS received")),
    ):
        holdings.register(Holding(key=key, table=table, label=label, order=30))
    holdings.register(
        Holding(
            key="messaging.pace",
            table="messaging_mailpace",
            label=_("How often he wants marketing"),
            order=30,
            unique=Unique(columns=("shop_id",), combine={"days": Combine.GREATEST}),
        )
    )
    privacy.register()
