"""Writes. What other modules call stands here; the rest of the post office's work is in the files beside."""

from messaging.services.history import import_received, record_sent
from messaging.services.intake import accept_raw, settle_mail
from messaging.services.mailboxes import create_mailbox
from messaging.services.outgoing import queue_mail
from messaging.services.privacy import forget_words
from messaging.services.reports import note_bounced, note_complaint, note_delivered
from messaging.services.sms import queue_sms
from messaging.services.suppressions import lift_own, suppress

__all__ = [
    "accept_raw",
    "create_mailbox",
    "forget_words",
    "import_received",
    "lift_own",
    "note_bounced",
    "note_complaint",
    "note_delivered",
    "queue_mail",
    "queue_sms",
    "record_sent",
    "settle_mail",
    "suppress",
]
