"""Django's own mail (sign-in codes, invitations) goes through the post office like everything else."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from email.utils import parseaddr

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import get_language

from messaging import services
from messaging.services.outgoing import InvalidHeader, InvalidRecipient, Sender


class QueueEmailBackend(BaseEmailBackend):
    """Queues one confidential message per recipient: it belongs to no shop and no page shows its text."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages down; a sender sends them. Returns how many mails were accepted."""
        return sum(self._queue(message) for message in email_messages)

    def _queue(self, message: EmailMessage) -> bool:
        name, address = parseaddr(message.from_email)
        for recipient in message.recipients():
            try:
                services.queue_mail(
                    shop_id=None,
                    to=parseaddr(recipient)[1] or recipient,
                    profile_id=None,
                    purpose="transactional",
                    language=get_language() or "en",
                    subject=str(message.subject),
                    text=str(message.body),
                    html=_html(message),
                    dedupe_key=f"account:{uuid.uuid4()}",
                    sender=Sender(name=name, address=address.lower()),
                    is_confidential=True,
                )
            except (InvalidRecipient, InvalidHeader):
                if not self.fail_silently:
                    raise
                return False
        return True


def _html(message: EmailMessage) -> str | None:
    if not isinstance(message, EmailMultiAlternatives):
        return None
    found = (content for content, kind in message.alternatives if kind == "text/html")
    return next((str(content) for content in found), None)
