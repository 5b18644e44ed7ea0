"""What a received mail belongs to, with every kind of evidence and every way to steal or forge it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from messaging.models import Mail, Mailbox, OutgoingMessage, RawMail, Suppression
from messaging.rules import tokens
from messaging.services import accept_raw, reading
from messaging.services.keys import signing_key
from messaging.transports.reader import MailReader
from messaging.types import Envelope
from tests.messaging.factories import MailboxFactory, OutgoingMessageFactory, mail_bytes

pytestmark = pytest.mark.django_db

OWN = "bonjour@maison.example"


@pytest.fixture(scope="module")
def reader() -> Iterator[MailReader]:
    reader = MailReader()
    yield reader
    reader.close()


@pytest.fixture
def mailbox() -> Mailbox:
    return MailboxFactory(address=OWN)


@pytest.fixture
def message(mailbox: Mailbox) -> OutgoingMessage:
    return sent(mailbox)


def sent(mailbox: Mailbox, **values: object) -> OutgoingMessage:
    return OutgoingMessageFactory(
        shop=mailbox.shop,
        **{
            "recipient": "claire@example.org",
            "state": "sent",
            "sent_at": mailbox.created_at,
            "settled_at": mailbox.created_at,
            **values,
        },
    )


def token(message: OutgoingMessage, use: tokens.Use = "reply") -> str:
    found = tokens.plus_address(OWN, tokens.token(message.uuid, use=use, key=signing_key()))
    assert found is not None
    return found


def take_in(
    raw: bytes, reader: MailReader, mailbox: Mailbox, *, to: str = "", sender: str | None = None
) -> Mail:
    envelope = Envelope(sender=sender or "", recipient=to) if to else None
    raw_id = accept_raw(raw, mailbox_id=mailbox.pk, source="smtp", envelope=envelope)
    while reading.read_next(reader):
        pass
    return RawMail.objects.get(pk=raw_id).mail


# --- The signed address ---


@pytest.mark.parametrize("place", ["To", "Cc", "Delivered-To", "X-Original-To", "envelope"])
def test_the_signed_address_names_the_message_wherever_it_stands(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage, place: str
) -> None:
    address = token(message).upper()
    if place == "envelope":
        mail = take_in(mail_bytes(), reader, mailbox, to=address, sender="claire@example.org")
    else:
        mail = take_in(mail_bytes(headers={place: address}), reader, mailbox)

    assert (mail.answers, mail.evidence) == (message, "reply-token")


def test_the_signed_address_is_stronger_than_a_message_id(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    other = sent(mailbox)
    headers = {"To": token(message), "In-Reply-To": other.message_id}

    assert take_in(mail_bytes(headers=headers), reader, mailbox).answers == message


def test_a_token_stolen_from_another_shop_is_worth_nothing(
    reader: MailReader, mailbox: Mailbox
) -> None:
    foreign = sent(MailboxFactory())

    mail = take_in(mail_bytes(to=token(foreign)), reader, mailbox)

    assert (mail.answers, mail.evidence) == (None, "")


@pytest.mark.parametrize("forgery", ["guessed", "other use", "other key"])
def test_a_token_that_we_did_not_make_is_worth_nothing(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage, forgery: str
) -> None:
    made = {
        "guessed": tokens.token(message.uuid, use="reply", key=b"guessed")[:-1] + "a",
        "other use": tokens.token(message.uuid, use="unsubscribe", key=signing_key()),
        "other key": tokens.token(message.uuid, use="reply", key=b"another key"),
    }[forgery]

    mail = take_in(mail_bytes(to=f"bonjour+{made}@maison.example"), reader, mailbox)

    assert mail.answers is None


def test_a_token_made_with_the_former_key_is_still_ours(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage, settings
) -> None:
    address = token(message)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key " * 6

    assert take_in(mail_bytes(to=address), reader, mailbox).answers == message


def test_no_evidence_says_who_wrote(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    raw = mail_bytes(sender="Mallory <mallory@example.net>", to=token(message))

    mail = take_in(raw, reader, mailbox)

    assert mail.answers == message
    assert mail.profile is not None
    assert mail.profile_id != message.profile_id
    assert mail.from_address == "mallory@example.net"


# --- Message-IDs ---


def test_a_message_id_of_ours_counts_though_another_mail_stands_between(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    headers = {
        "In-Reply-To": "<forwarded@friend.example>",
        "References": f"{message.message_id} <x@y>",
    }

    mail = take_in(mail_bytes(headers=headers), reader, mailbox)

    assert (mail.answers, mail.evidence) == (message, "our-id")


def test_a_forwarded_mail_of_ours_inside_a_new_mail_is_no_answer(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    text = f"Regardez :\n\n---- Message transféré ----\nMessage-ID: {message.message_id}\n"

    assert take_in(mail_bytes(text=text), reader, mailbox).answers is None


def test_the_id_of_an_earlier_mail_counts_for_the_same_customer_only(
    reader: MailReader, mailbox: Mailbox
) -> None:
    first = take_in(mail_bytes(message_id="<first@example.org>"), reader, mailbox)
    headers = {"In-Reply-To": "<first@example.org>"}

    same = take_in(mail_bytes(headers=headers, text="encore"), reader, mailbox)
    stranger = take_in(mail_bytes(headers=headers, sender="mallory@example.net"), reader, mailbox)

    assert (same.continues, same.evidence) == (first, "their-id")
    assert (stranger.continues, stranger.evidence) == (None, "")


# --- Reports ---


def report(message: OutgoingMessage, **parts: str) -> bytes:
    values = {
        "action": "failed",
        "status": "5.1.1",
        "code": "550 5.1.1 User unknown",
        "recipient": message.recipient,
        "id": f"Message-ID: {message.message_id}",
        **parts,
    }
    return (
        (
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: {to}\nSubject: Undelivered\n"
            "Message-ID: <{number}@mx.example>\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n"
            "--r\n\nSorry\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
            "Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
            "Diagnostic-Code: smtp; {code}\n\n"
            "--r\nContent-Type: text/rfc822-headers\n\n{id}\n--r--\n"
        )
        .format(**{"to": OWN, "number": message.pk, **values})
        .encode()
    )


def spared() -> list[tuple[str, str, str]]:
    return list(Suppression.objects.values_list("address", "scope", "reason"))


def test_a_dead_address_fails_the_message_and_is_spared_from_now_on(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    mail = take_in(report(message), reader, mailbox)

    message.refresh_from_db()
    assert mail.answers == message
    assert (message.state, message.reason) == ("failed", "unknown_recipient")
    assert "User unknown" in message.reason_detail
    assert spared() == [("claire@example.org", "everything", "hard_bounce")]


def test_a_full_mailbox_fails_the_message_and_spares_nobody(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    take_in(report(message, status="5.2.2", code="552 5.2.2 Mailbox full"), reader, mailbox)

    message.refresh_from_db()
    assert (message.state, message.reason) == ("failed", "mailbox_full")
    assert spared() == []


def test_a_delay_changes_nothing(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    take_in(report(message, action="delayed", status="4.4.1"), reader, mailbox)

    message.refresh_from_db()
    assert (message.state, spared()) == ("sent", [])


def test_the_signed_return_address_names_the_message_when_the_report_does_not(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    mail = take_in(report(message, id="Subject: x"), reader, mailbox, to=token(message, "bounce"))

    message.refresh_from_db()
    assert (mail.evidence, message.state) == ("bounce-tok", "failed")


def test_who_forwards_his_mail_to_a_dead_address_is_not_spared(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    take_in(report(message, recipient="old@work.example"), reader, mailbox)

    message.refresh_from_db()
    assert (message.state, spared()) == ("failed", [])


@pytest.mark.parametrize("forgery", ["other shop", "unsigned"])
def test_a_report_about_nothing_of_ours_spares_nobody(
    reader: MailReader, mailbox: Mailbox, forgery: str
) -> None:
    foreign = sent(MailboxFactory()) if forgery == "other shop" else sent(mailbox)
    named = foreign.message_id if forgery == "other shop" else f"<{foreign.uuid.hex}@shop.example>"

    mail = take_in(report(foreign, id=f"Message-ID: {named}"), reader, mailbox)

    foreign.refresh_from_db()
    assert (mail.machine, mail.answers) == ("bounce", None)
    assert (foreign.state, spared()) == ("sent", [])


def test_a_failure_told_in_prose_finds_its_message_by_the_headers_below(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    raw = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n"
        "Hi. This is the qmail-send program at mx.example.\n\n<claire@example.org>:\n"
        "Sorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n"
        f"From: {OWN}\nMessage-ID: {message.message_id}\n\nBonjour\n"
    ).encode()

    take_in(raw, reader, mailbox)

    message.refresh_from_db()
    assert message.state == "failed"
    assert spared() == [("claire@example.org", "everything", "hard_bounce")]


def complaint(message: OutgoingMessage, *, kind: str = "abuse", fields: str = "") -> bytes:
    return (
        (
            "From: <feedback@provider.example>\nTo: {to}\nSubject: FW: x\n"
            "Content-Type: multipart/report; report-type=feedback-report; boundary=r\n\n"
            "--r\n\nThis is an abuse report.\n"
            "--r\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n"
            "User-Agent: X/1\n{fields}\n"
            "--r\nContent-Type: message/rfc822\n\nFrom: {to}\n{id}Subject: x\n\nhi\n--r--\n"
        )
        .format(
            to=OWN,
            kind=kind,
            fields=fields,
            id="" if fields else f"Message-ID: {message.message_id}\n",
        )
        .encode()
    )


def test_a_complaint_ends_marketing_at_once_and_leaves_the_message_sent(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    mail = take_in(complaint(message), reader, mailbox)

    message.refresh_from_db()
    assert (mail.machine, mail.answers) == ("complaint", message)
    assert message.state == "sent"
    assert spared() == [("claire@example.org", "marketing", "complaint")]


def test_a_complaint_that_withholds_the_mail_is_about_the_signed_sender_it_names(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    fields = f"Original-Mail-From: <{token(message, 'bounce')}>\n"

    take_in(complaint(message, fields=fields), reader, mailbox)

    assert spared() == [("claire@example.org", "marketing", "complaint")]


def test_a_complaint_that_names_an_address_only_spares_nobody(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    fields = "Original-Rcpt-To: <victim@example.org>\n"

    mail = take_in(complaint(message, fields=fields), reader, mailbox)

    assert mail.machine == "complaint"
    assert spared() == []


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_a_report_that_is_no_complaint_spares_nobody(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage, kind: str
) -> None:
    mail = take_in(complaint(message, kind=kind), reader, mailbox)

    assert mail.machine == "notification"
    assert spared() == []


def test_outlook_returns_the_mail_and_names_who_complained(
    reader: MailReader, mailbox: Mailbox, message: OutgoingMessage
) -> None:
    raw = (
        f"From: staff@hotmail.example\nTo: {OWN}\nSubject: complaint about message\n"
        "Content-Type: multipart/mixed; boundary=r\n\n--r\nContent-Type: message/rfc822\n\n"
        "X-HmXmrOriginalRecipient: claire@example.org\n"
        f"From: {OWN}\nMessage-ID: {message.message_id}\n\nhi\n--r--\n"
    ).encode()

    assert take_in(raw, reader, mailbox).machine == "complaint"
    assert spared() == [("claire@example.org", "marketing", "complaint")]
