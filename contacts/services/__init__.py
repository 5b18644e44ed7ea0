"""Writes. What other modules call stands here; the rest is in the files beside."""

from contacts.services.answering import add_note, reply
from contacts.services.intake import add_customer_message, open_request, open_ticket
from contacts.services.mailroom import receive_mail
from contacts.services.triage import assign, change_state, snooze, take

__all__ = [
    "add_customer_message",
    "add_note",
    "assign",
    "change_state",
    "open_request",
    "open_ticket",
    "receive_mail",
    "reply",
    "snooze",
    "take",
]
