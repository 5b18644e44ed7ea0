"""What customers asked us, and what is left of it when they are erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from profiles.extensions.privacy import (
    Ageing,
    Fate,
    Personal,
    Processing,
    ageing,
    personal,
    processings,
)

HIS = "SELECT k.id FROM contacts_ticket k WHERE k.profile_id = ANY(%(profiles)s)"
STATISTICS = _(
    "That there was a request, when, and how fast it was answered stays for the statistics, without "
    "any of its words."
)
_WORDS = (
    "author_name = '', author_address = '', text = '', quoted_text = '', has_html = false,"
    " attachments = '[]'::jsonb"
)
_SPOKEN = (
    "(t.author_name <> '' OR t.author_address <> '' OR t.text <> '' OR t.quoted_text <> ''"
    " OR t.attachments <> '[]'::jsonb)"
)
_CLOSED = (
    "subject = '', snippet = '', reply_to = '', tags = '{}', state = 'closed',"
    " closed_at = coalesce(closed_at, %(at)s), solved_at = coalesce(solved_at, %(at)s),"
    " snoozed_until = NULL, waiting_since = NULL, version = version + 1,"
    " epoch = gen_random_uuid()"
)


def register() -> None:
    """Declare what requests hold about people, and how long their words are kept."""
    processings.register(
        Processing(
            key="requests",
            label=_("Requests"),
            purpose=_("To answer you and to help you with your orders."),
            basis=_("Contract (art. 6(1)(b) GDPR) and our legitimate interest in good service."),
            period=_("3 years after the request was closed, unless you ask for erasure earlier."),
            recipients=_("The agents of the shop; the provider of our mailboxes."),
            order=30,
        )
    )
    for declared in (_drafts(), _ratings(), _messages(), _tickets()):
        personal.register(declared)
    ageing.register(
        Ageing(
            key="contacts.ticket",
            table="contacts_ticket",
            label=_("Words of closed requests"),
            help=_("What was said is removed; that there was a request stays for the statistics."),
            source=_("3 years after the last contact: CNIL, reference for commercial management"),
            days=1096,
            least=30,
            age="t.last_message_at",
            where=(
                "t.state IN ('solved', 'closed') AND EXISTS (SELECT 1 FROM contacts_ticketmessage m"
                " WHERE m.ticket_id = t.id AND (m.text <> '' OR m.quoted_text <> ''"
                " OR m.author_address <> '' OR m.attachments <> '[]'::jsonb))"
            ),
            shop="t.shop_id",
            carry_out=lambda ids, at: empty_tickets(ids, at=at),
            link="contacts:ticket",
            example="t.number",
            order=30,
        )
    )


def _drafts() -> Personal:
    return Personal(
        key="contacts.draft",
        table="contacts_draft",
        label=_("Drafts of answers"),
        processing="requests",
        order=5,
        where=f"t.ticket_id IN ({HIS})",
        untold=_("Not sent: an agent is still writing it."),
    )


def _ratings() -> Personal:
    return Personal(
        key="contacts.rating",
        table="contacts_rating",
        label=_("Ratings of our answers"),
        processing="requests",
        order=5,
        where=f"t.ticket_id IN ({HIS}) AND t.comment <> ''",
        fate=Fate.EMPTIED,
        changes="comment = ''",
        why=STATISTICS,
        columns={
            "score": ("t.score", _("Rating")),
            "comment": ("t.comment", _("Comment")),
            "rated_at": ("t.rated_at", _("Date")),
        },
    )


def _messages() -> Personal:
    return Personal(
        key="contacts.message",
        table="contacts_ticketmessage",
        label=_("Messages in requests"),
        processing="requests",
        order=6,
        where=(
            f"(t.ticket_id IN ({HIS}) OR lower(t.author_address) = ANY(%(addresses)s))"
            f" AND {_SPOKEN}"
        ),
        fate=Fate.EMPTIED,
        changes=_WORDS,
        why=STATISTICS,
        columns={
            "request": (
                "(SELECT k.number FROM contacts_ticket k WHERE k.id = t.ticket_id)",
                _("Request"),
            ),
            "at": ("t.created_at", _("Date")),
            "kind": ("t.kind", _("Kind")),
            "channel": ("t.channel", _("Channel")),
            "author": ("t.author_name", _("Name")),
            "address": ("t.author_address", _("Address")),
            "text": ("t.text", _("Text")),
            "attachments": ("t.attachments", _("Attachments")),
        },
    )


def _tickets() -> Personal:
    return Personal(
        key="contacts.ticket",
        table="contacts_ticket",
        label=_("Requests"),
        processing="requests",
        order=8,
        holdings=("contacts.ticket",),
        fate=Fate.EMPTIED,
        changes=_CLOSED,
        why=STATISTICS,
        columns={
            "number": ("t.number", _("Number")),
            "subject": ("t.subject", _("Subject")),
            "opened_at": ("t.opened_at", _("Opened")),
            "channel": ("t.channel", _("Channel")),
            "state": ("t.state", _("State")),
            "reply_to": ("t.reply_to", _("Address")),
            "tags": ("t.tags", _("Tags")),
        },
        emails="t.reply_to",
    )


def empty_tickets(ticket_ids: Sequence[int], *, at: datetime) -> list[int]:
    """Remove the words of these finished tickets and close them. Returns their ids."""
    with connection.cursor() as cursor:
        for table, changes, column in (
            ("contacts_ticketmessage", _WORDS, "ticket_id"),
            ("contacts_rating", "comment = ''", "ticket_id"),
            ("contacts_ticket", _CLOSED, "id"),
        ):
            cursor.execute(
                f"UPDATE {table} SET {changes} WHERE {column} = ANY(%(ids)s)",  # noqa: S608 - names from this file
                {"ids": list(ticket_ids), "at": at},
            )
    return list(ticket_ids)
