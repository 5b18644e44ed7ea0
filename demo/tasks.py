"""The demo mailbox: an SMTP server on this machine, run by `manage.py work mailbox`."""

from __future__ import annotations

import threading

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from demo import transports
from demo.services import mailbox
from ecrm.kernel import loops


@loops.service("mailbox")
def serve_mailbox(stop: threading.Event) -> None:
    """Take all mail of the demo: the answer 250 means that it is stored."""
    if not settings.ECRM_DEMO:
        raise ImproperlyConfigured("The demo mailbox runs in demo mode only (ECRM_DEMO=1).")
    transports.serve(stop, port=settings.ECRM_DEMO_SMTP_PORT, deliver=mailbox.receive)
