"""Promises about mail that `manage.py verify` checks on the live database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, F, Q
from django.utils.timezone import now

from ecrm.kernel.verify import invariant
from messaging.models import DeliveryAttempt, Mail, OutgoingMessage, ProviderCall, RawMail

MOST_LINES = 100
STUCK_AFTER = timedelta(minutes=10)
CALLS_STUCK_AFTER = timedelta(hours=1)
"""Longer than all the pauses between the attempts to apply one."""
PARKED_CAUSES = frozenset(
    {"no_mail", "not_understood", "unknown_mailbox", "unknown_message", "gave_up", "erased"}
)

State = OutgoingMessage.State
Outcome = DeliveryAttempt.Outcome


@invariant("messaging.accepted-once", "R6: at most one accepted attempt per message.")
def _accepted_once() -> Iterable[str]:
    rows = (
        DeliveryAttempt.objects.filter(outcome=Outcome.ACCEPTED)
        .values("message_id")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    return [
        f"message {row['message_id']} was accepted {row['times']} times"
        for row in rows[:MOST_LINES]
    ]


@invariant(
    "messaging.mass-mail-tried-once",
    "R7: a mass mail that the server may have taken is not tried again unless a person ordered it.",
)
def _mass_mail_once() -> Iterable[str]:
    rows = (
        OutgoingMessage.objects.filter(purpose=OutgoingMessage.Purpose.MARKETING)
        .annotate(
            taken=Count(
                "tries",
                filter=Q(tries__outcome__in=[Outcome.ACCEPTED, Outcome.UNKNOWN]),
                distinct=True,
            ),
            ordered=Count("interventions", filter=Q(interventions__kind="retried"), distinct=True),
        )
        .filter(taken__gt=F("ordered") + 1)
    )
    return [
        f"message {pk} was handed over too often"
        for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]


@invariant(
    "messaging.sent-means-accepted", "R8: every sent message has an attempt that a server accepted."
)
def _sent_means_accepted() -> Iterable[str]:
    rows = OutgoingMessage.objects.filter(state__in=[State.SENT, State.DELIVERED]).exclude(
        tries__outcome=Outcome.ACCEPTED
    )
    return [
        f"message {pk} has no accepted attempt"
        for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]


@invariant("messaging.accepted-means-sent", "R8: what a server accepted is not sent again.")
def _accepted_means_sent() -> Iterable[str]:
    rows = DeliveryAttempt.objects.filter(outcome=Outcome.ACCEPTED).exclude(
        message__state__in=[State.SENT, State.DELIVERED, State.FAILED]
    )
    return [
        f"message {pk} is {state}, though a server accepted it"
        for pk, state in rows.values_list("message_id", "message__state")[:MOST_LINES]
    ]


@invariant(
    "messaging.nothing-stuck", "R4: no message stays claimed long after its lease has ended."
)
def _nothing_stuck() -> Iterable[str]:
    rows = OutgoingMessage.objects.abandoned(now() - STUCK_AFTER)
    return [f"message {pk} is stuck" for pk in rows.values_list("pk", flat=True)[:MOST_LINES]]


@invariant("messaging.attempts-end", "R5: an attempt is open only while its message is claimed.")
def _attempts_end() -> Iterable[str]:
    rows = DeliveryAttempt.objects.filter(outcome=Outcome.ATTEMPTING).exclude(
        message__state=State.CLAIMED, message__lease_token=F("lease_token")
    )
    return [
        f"attempt {number} of message {pk} has no end"
        for pk, number in rows.values_list("message_id", "number")[:MOST_LINES]
    ]


@invariant("messaging.sum-of-outcomes", "R9, R16: every received mail is in exactly one outcome.")
def _sum_of_outcomes() -> Iterable[str]:
    with_mail = RawMail.objects.filter(mail__isnull=False).filter(
        Q(outcome__in=["duplicate", "quarantined"]) | Q(state="received")
    )
    without_mail = RawMail.objects.filter(mail__isnull=True, state="read").exclude(
        outcome="duplicate"
    )
    return [
        *(
            f"raw mail {pk} has a mail and no place for it"
            for pk in with_mail.values_list("pk", flat=True)[:MOST_LINES]
        ),
        *(
            f"raw mail {pk} was read and has no mail"
            for pk in without_mail.values_list("pk", flat=True)[:MOST_LINES]
        ),
    ]


@invariant("messaging.mail-is-settled", "R16: a mail that was read becomes part of a conversation.")
def _mail_is_settled() -> Iterable[str]:
    rows = RawMail.objects.filter(state="read", outcome="", received_at__lt=now() - STUCK_AFTER)
    return [
        f"raw mail {pk} was read and waits" for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]


@invariant("messaging.mail-is-read", "R4: a received mail is read or quarantined soon.")
def _mail_is_read() -> Iterable[str]:
    rows = RawMail.objects.due(now() - STUCK_AFTER)
    return [
        f"raw mail {pk} waits to be read" for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]


@invariant(
    "messaging.duplicates-have-originals", "R17: the original of a duplicate is in the same shop."
)
def _duplicates() -> Iterable[str]:
    rows = RawMail.objects.filter(outcome="duplicate").exclude(
        original__mailbox__shop=F("mailbox__shop"), original__mail__isnull=False
    )
    return [
        f"raw mail {pk} has no original" for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]


@invariant("messaging.cursor-behind-mail", "R16: no cursor stands before a mail that was taken in.")
def _cursor() -> Iterable[str]:
    rows = RawMail.objects.filter(
        uid__isnull=False,
        mailbox__cursors__folder=F("folder"),
        mailbox__cursors__uidvalidity=F("uidvalidity"),
    ).filter(uid__gt=F("mailbox__cursors__last_uid"))
    return [
        f"raw mail {pk} lies before its cursor"
        for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]


@invariant("messaging.calls-are-settled", "R4, R9: what a provider told is applied or parked soon.")
def _calls_are_settled() -> Iterable[str]:
    rows = ProviderCall.objects.filter(
        state=ProviderCall.State.RECEIVED, received_at__lt=now() - CALLS_STUCK_AFTER
    ).filter(available_at__lt=now() - STUCK_AFTER)
    return [f"provider call {pk} waits" for pk in rows.values_list("pk", flat=True)[:MOST_LINES]]


@invariant(
    "messaging.parked-calls-are-shown", "R9: a parked call has a cause that people can read."
)
def _parked_calls() -> Iterable[str]:
    rows = ProviderCall.objects.filter(state=ProviderCall.State.PARKED).exclude(
        cause__in=PARKED_CAUSES
    )
    return [
        f"provider call {pk} is parked for “{cause}”, which nobody explains"
        for pk, cause in rows.values_list("pk", "cause")[:MOST_LINES]
    ]


@invariant("messaging.unsound-senders", "A doubtful sender is nobody's customer.")
def _unsound() -> Iterable[str]:
    rows = Mail.objects.filter(is_sender_sound=False, profile__isnull=False)
    return [
        f"mail {pk} has a customer it cannot prove"
        for pk in rows.values_list("pk", flat=True)[:MOST_LINES]
    ]
