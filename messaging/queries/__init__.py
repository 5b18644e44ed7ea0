"""Reads. What other modules call stands here; the screens of the post office are in the files beside."""

from messaging.queries import checks
from messaging.queries.incoming import mail, mailbox_for, settled_mails
from messaging.queries.outgoing import outgoing, outgoing_many

__all__ = ["checks", "mail", "mailbox_for", "outgoing", "outgoing_many", "settled_mails"]
