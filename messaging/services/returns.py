"""What came back about a message of ours: a report of its delivery, or a complaint about it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from messaging.mime.bounces import Bounce
from messaging.mime.reading import ParsedMail
from messaging.models import Mail, OutgoingMessage
from messaging.rules import refusals
from messaging.services import reports

NO_ANSWER = 550
"""The reply that a report stands for when it names none."""


@transaction.atomic
def apply(mail: Mail, *, parsed: ParsedMail, at: datetime) -> None:
    """Write down what a report says about the message it answers. Applying it again changes nothing.

    A report that answers no message of ours changes nothing either: anybody can write one.
    """
    message = mail.answers
    if message is None:
        return
    if mail.machine == Mail.Machine.COMPLAINT:
        reports.note_complaint(message.pk, at=at)
    elif mail.machine == Mail.Machine.BOUNCE and (verdict := _verdict(parsed, message)):
        reports.note_bounced(
            message.pk,
            reason=_word(verdict),
            detail=" ".join(filter(None, [verdict.status, verdict.reason])),
            # Who forwards his mail to a dead address is alive himself.
            is_permanent=verdict.permanent and _is_about(verdict, message),
            at=at,
        )


def _verdict(parsed: ParsedMail, message: OutgoingMessage) -> Bounce | None:
    """The verdict for the recipient of the message; the only one counts whatever address it names."""
    final = [verdict for verdict in parsed.bounces if not verdict.is_delayed]
    named = next((verdict for verdict in final if _is_about(verdict, message)), None)
    return named or (final[0] if len(final) == 1 else None)


def _is_about(verdict: Bounce, message: OutgoingMessage) -> bool:
    return verdict.recipient.lower() == message.recipient.lower()


def _word(verdict: Bounce) -> str:
    code = int(verdict.reply_code) if verdict.reply_code.startswith("5") else NO_ANSWER
    return refusals.reason_of(code, f"{verdict.status} {verdict.reason}")
