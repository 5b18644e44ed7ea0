"""Where answers and reports come back to: addresses that name the message, where the mailbox takes them."""

from __future__ import annotations

from collections.abc import Iterable

from messaging.models import Mailbox, OutgoingMessage
from messaging.rules import tokens
from messaging.services.keys import signing_key


def plus_addresses(senders: Iterable[str]) -> frozenset[str]:
    """Those of these senders whose mailbox takes plus addresses. Runs one query."""
    wanted = {sender.lower() for sender in senders}
    return frozenset(Mailbox.objects.all().taking_plus(wanted)) if wanted else frozenset()


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
