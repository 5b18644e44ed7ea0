"""Entry points of `manage.py work sender inbound`."""

from __future__ import annotations

import threading

from django.conf import settings

from ecrm.kernel import loops
from messaging.services.sending import Sender

_senders = threading.local()


@loops.loop("sender", topic="mail", every=1.0)
def send_mail() -> bool:
    """Send what is due over this thread's connection; without a mail server everything waits."""
    if not settings.ECRM_SMTP_URL:
        return False
    return _sender().send_due()


def _sender() -> Sender:
    sender: Sender | None = getattr(_senders, "sender", None)
    if sender is None or sender.url != settings.ECRM_SMTP_URL:
        sender = _senders.sender = Sender(settings.ECRM_SMTP_URL)
    return sender
