"""The SMTP side of the demo mailbox: a small server, and how a customer's mail program talks to it."""

from __future__ import annotations

import logging
import smtplib
import threading
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_BYTES = 36 * 1024 * 1024
HANDLERS = 2

Deliver = Callable[..., None]


class _Handler:
    """Says 250 only after `deliver` has returned for every recipient."""

    def __init__(self, deliver: Deliver, pool: ThreadPoolExecutor) -> None:
        self._deliver = deliver
        self._pool = pool

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - the name is aiosmtpd's
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        sender = envelope.mail_from or ""
        try:
            for recipient in envelope.rcpt_tos:
                call = partial(self._deliver, raw, sender=sender, recipient=recipient)
                await get_running_loop().run_in_executor(self._pool, call)
        except Exception:
            # Whoever sent this keeps it and comes again: nothing is lost with the database away.
            log.exception("demo_mail_not_stored")
            return "451 4.3.0 Not stored, try again later"
        return "250 2.0.0 Stored"


def serve(stop: threading.Event, *, port: int, deliver: Deliver) -> None:
    """Take mail on the port until the event is set. Raises OSError when the port is taken."""
    with ThreadPoolExecutor(max_workers=HANDLERS, thread_name_prefix="demo-mail") as pool:
        controller = Controller(
            _Handler(deliver, pool),
            hostname=HOST,
            port=port,
            data_size_limit=MAX_BYTES,
            ident="demo mailbox",
        )
        controller.start()
        try:
            stop.wait()
        finally:
            controller.stop()


def submit(raw: bytes, *, sender: str, recipient: str, port: int) -> None:
    """Send a mail by SMTP. Raises smtplib.SMTPException and OSError."""
    with smtplib.SMTP(HOST, port, timeout=10) as connection:
        connection.sendmail(sender, [recipient], raw)
