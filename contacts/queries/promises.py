"""What must always be true of tickets; `manage.py verify` lists every breach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.utils.timezone import now

from contacts.models import Ticket, TicketMessage
from ecrm.kernel.verify import invariant
from messaging import queries as mails

SHOWN = 100
PAGE = 1000
WAKE_GRACE = timedelta(minutes=15)

_GAPS = """
SELECT t.id, t.last_seq, m.count, m.lowest, m.highest
FROM contacts_ticket t
LEFT JOIN (
    SELECT ticket_id, count(*) AS count, min(seq) AS lowest, max(seq) AS highest
    FROM contacts_ticketmessage GROUP BY ticket_id
) m ON m.ticket_id = t.id
WHERE t.last_seq <> coalesce(m.count, 0)
   OR (m.count > 0 AND (m.lowest <> 1 OR m.highest <> t.last_seq))
LIMIT %s
"""
_TWICE = """
SELECT ticket_id, client_id, count(*) FROM contacts_ticketmessage
WHERE client_id IS NOT NULL GROUP BY ticket_id, client_id HAVING count(*) > 1
LIMIT %s
"""


@invariant("R12", "The messages of a ticket are numbered 1..n without gap or repeat.")
def numbering_breaches() -> Iterator[str]:
    """Each ticket whose numbers do not add up."""
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, [SHOWN])
        for ticket_id, last_seq, count, lowest, highest in cursor.fetchall():
            yield (
                f"ticket {ticket_id} is at {last_seq} but has {count or 0} messages"
                f" numbered {lowest}..{highest}"
            )


@invariant("R13", "A message sent again under its client id is the same message.")
def resent_twice() -> Iterator[str]:
    """Each client id that left two messages in one ticket."""
    with connection.cursor() as cursor:
        cursor.execute(_TWICE, [SHOWN])
        for ticket_id, client_id, count in cursor.fetchall():
            yield f"ticket {ticket_id} has {count} messages of client id {client_id}"


@invariant("contacts.mail-has-message", "Every settled mail stands in exactly one ticket.")
def mails_without_message() -> Iterator[str]:
    """Each mail that messaging was told is settled and no ticket shows."""
    after = 0
    while settled := mails.settled_mails(after_id=after, limit=PAGE):
        ids = [mail_id for mail_id, _outcome in settled]
        shown = TicketMessage.objects.filter(mail_id__in=ids).values_list("mail_id", flat=True)
        for mail_id in sorted(set(ids) - set(shown)):
            yield f"mail {mail_id} is settled but stands in no ticket"
        after = ids[-1]


@invariant("contacts.answer-has-mail", "Every answer of an agent has exactly one outgoing mail.")
def answers_without_mail() -> Iterator[str]:
    """Each answer that no outgoing message carries, or one that belongs to another ticket."""
    answers = TicketMessage.objects.filter(kind=TicketMessage.Kind.AGENT)
    for pk in answers.filter(outgoing=None).values_list("pk", flat=True)[:SHOWN]:
        yield f"answer {pk} has no outgoing mail"
    for pk, ticket_id, about in (
        answers.filter(outgoing__isnull=False)
        .values_list("pk", "ticket_id", "outgoing__about")
        .iterator(chunk_size=PAGE)
    ):
        if about != f"ticket:{ticket_id}":
            yield f"answer {pk} of ticket {ticket_id} went out as {about or 'nothing'}"


@invariant("contacts.snooze-ends", "A snoozed ticket wakes at its time.")
def oversleeping() -> Iterator[str]:
    """Each ticket that should have woken some time ago."""
    late = Ticket.objects.due_to_wake(now() - WAKE_GRACE)
    for pk, until in late.values_list("pk", "snoozed_until")[:SHOWN]:
        yield f"ticket {pk} sleeps since {until}"


@invariant("contacts.opened-with-words", "Every ticket begins with a message.")
def empty_tickets() -> Iterator[str]:
    """Each ticket without a single message."""
    for pk in Ticket.objects.filter(last_seq=0).values_list("pk", flat=True)[:SHOWN]:
        yield f"ticket {pk} has no message"
