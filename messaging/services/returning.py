"""Where answers and reports come back to: addresses that name the message, where the mailbox takes them."""

from __future__ import annotations

from collections.abc import Iterable

from ecrm.kernel.prepared import Statement
from messaging.models import OutgoingMessage
from messaging.rules import tokens
from messaging.services.keys import signing_key

_TAKING_PLUS = Statement(
    "mailboxes_taking_plus",
    """
SELECT address FROM messaging_mailbox
WHERE is_active AND takes_plus AND address = ANY(%(addresses)s::text[])
""",
)


def plus_addresses(senders: Iterable[str]) -> frozenset[str]:
    """Those of these senders whose mailbox takes plus addresses. Runs one query."""
    wanted = {sender.lower() for sender in senders}
    rows = _TAKING_PLUS.rows(addresses=sorted(wanted)) if wanted else []
    return frozenset(address for (address,) in rows)


def envelope_sender(message: OutgoingMessage, *, plus: frozenset[str]) -> str:
    """The envelope sender: a bounce then names the message, whatever the reporting server keeps of it."""
    sender = message.from_address
    if sender.lower() not in plus:
        return sender
    return tokens.envelope_sender(sender, message.uuid, key=signing_key())


def reply_to(message: OutgoingMessage, *, plus: frozenset[str]) -> str:
    """Where the recipient's answer goes; "" is to the sender.

    What a person wrote in a request asks for answers that name it, also from mail programs which forget
    what they answer. Automatic mail keeps the plain address.
    """
    if message.reply_to or message.is_automatic or message.from_address.lower() not in plus:
        return message.reply_to
    token = tokens.token(message.uuid, use="reply", key=signing_key())
    return tokens.plus_address(message.from_address, token) or ""
