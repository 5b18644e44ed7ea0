"""Writes. What other modules call stands here; the rest is in the files beside."""

from contacts.services.answering import add_note, reply
from contacts.services.intake import add_customer_message, open_request, open_ticket
from contacts.services.mailroom import receive_mail
from contacts.services.rating import ask, rate, set_asking
from contacts.services.triage import assign, change_state, snooze, take

__all__ = [
    "add_customer_message",
    "add_note",
    "ask",
    "assign",
    "change_state",
    "open_request",
    "open_ticket",
    "rate",
    "receive_mail",
    "reply",
    "set_asking",
    "snooze",
    "take",
]
