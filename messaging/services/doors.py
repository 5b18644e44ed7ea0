"""Mail that a mail server delivers to us directly."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from django.db import DatabaseError, InterfaceError, close_old_connections

from messaging.models import RawMail
from messaging.queries.incoming import mailbox_for
from messaging.services.intake import accept_raw
from messaging.transports.listener import Door, Listener, Unavailable
from messaging.types import Envelope

log = logging.getLogger(__name__)

T = TypeVar("T")
RETRY_SECONDS: Final = 5.0


def is_ours(address: str) -> bool:
    """Whether an active mailbox has this address, with or without a plus-tag. Raises Unavailable."""
    return _with_database(lambda: mailbox_for(address)) is not None


def take(raw: bytes, *, sender: str, recipient: str) -> None:
    """Commit a delivered mail. Raises Unavailable when it could not be written down."""
    _with_database(lambda: _accept(raw, sender, recipient))


def serve(urls: Iterable[str], *, stop: threading.Event) -> None:
    """Listen at all these doors until the event is set; a port that is taken is tried again."""
    doors = [Listener(Door.from_url(url), knows=is_ours, takes=take) for url in urls]
    opened: list[Listener] = []
    try:
        for door in doors:
            while not stop.is_set() and not _opens(door):
                stop.wait(RETRY_SECONDS)
            opened.append(door)
        stop.wait()
    finally:
        for door in opened:
            door.stop()


def _opens(listener: Listener) -> bool:
    try:
        listener.start()
    except OSError:
        log.exception("mail_door_taken", extra={"port": listener.door.port})
        return False
    return True


def _accept(raw: bytes, sender: str, recipient: str) -> None:
    mailbox_id = mailbox_for(recipient)
    if mailbox_id is None:
        raise Unavailable  # switched off since it was asked for
    accept_raw(
        raw,
        mailbox_id=mailbox_id,
        source=RawMail.Source.SMTP,
        envelope=Envelope(sender=sender, recipient=recipient),
    )


def _with_database(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    except (DatabaseError, InterfaceError) as error:
        log.warning("mail_door_without_database")
        raise Unavailable from error
    finally:
        close_old_connections()
