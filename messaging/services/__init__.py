"""Writes. What other modules call stands here; the rest of the post office's work is in the files beside."""

from messaging.services.intake import accept_raw, settle_mail
from messaging.services.outgoing import queue_mail

__all__ = ["accept_raw", "queue_mail", "settle_mail"]
