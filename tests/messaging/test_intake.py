"""What comes in: raw first, read later, filed once, five outcomes that add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from ecrm.kernel.models import EventRecord
from messaging import queries, services
from messaging.mime import child
from messaging.models import Content, Mail, RawMail
from messaging.rules import reading as reading_rules
from messaging.services import reading
from messaging.transports.reader import MailReader
from messaging.types import Envelope, ImapPosition
from profiles.models import Profile
from tests.company.factories import AgentFactory
from tests.messaging.factories import MailboxFactory, OutgoingMessageFactory, mail_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def reader() -> Iterator[MailReader]:
    reader = MailReader()
    yield reader
    reader.close()


def take_in(raw: bytes, reader: MailReader, **options: object) -> RawMail:
    raw_id = services.accept_raw(raw, source="smtp", **options)  # type: ignore[arg-type] # options of the test
    while reading.read_next(reader):
        pass
    return RawMail.objects.get(pk=raw_id)


def test_the_bytes_are_kept_exactly_and_once() -> None:
    mailbox = MailboxFactory()
    raw = b"From: a@b.example\r\n\xff\x00\r\n\r\nhello"

    first = services.accept_raw(raw, mailbox_id=mailbox.pk, source="smtp")
    second = services.accept_raw(raw, mailbox_id=mailbox.pk, source="smtp")

    assert first != second
    [content] = Content.objects.all()
    assert bytes(content.body) == raw


@pytest.mark.django_db(transaction=True)
def test_taking_in_refuses_to_run_inside_a_transaction_that_could_still_fail() -> None:
    mailbox = MailboxFactory()

    with pytest.raises(RuntimeError), transaction.atomic():
        services.accept_raw(b"From: a@b.example\r\n\r\nx", mailbox_id=mailbox.pk, source="smtp")

    assert not RawMail.objects.exists()


def test_the_same_place_on_the_server_is_taken_in_once() -> None:
    mailbox = MailboxFactory()
    position = ImapPosition(folder="INBOX", uidvalidity=7, uid=1)

    first = services.accept_raw(
        b"X: 1\n\nx", mailbox_id=mailbox.pk, source="imap", position=position
    )
    again = services.accept_raw(
        b"X: 1\n\nx", mailbox_id=mailbox.pk, source="imap", position=position
    )

    assert first == again


def test_a_first_contact_becomes_a_profile_and_an_event(reader: MailReader) -> None:
    mailbox = MailboxFactory()

    take_in(mail_bytes(files={"photo.jpg": b"JPG"}), reader, mailbox_id=mailbox.pk)

    mail = Mail.objects.get()
    profile = Profile.objects.get()
    assert (profile.first_name, profile.last_name) == ("Claire", "Dubois")
    received = queries.mail(mail.pk)
    assert received.profile_id == profile.pk
    assert received.from_address == "claire@example.org"
    assert received.visible_text.startswith("Bonjour,")
    assert [(a.name, a.size) for a in received.attachments] == [("photo.jpg", 3)]
    [record] = EventRecord.objects.filter(name="messaging.mail-received")
    assert record.profile_id == profile.pk
    assert record.payload == {
        "mail_id": mail.pk,
        "mailbox_id": mailbox.pk,
        "shop_id": mailbox.shop_id,
        "profile_id": profile.pk,
        "answers_message_id": None,
    }


def test_an_answer_finds_the_message_it_answers(reader: MailReader) -> None:
    message = OutgoingMessageFactory(about="order:5", recipient="claire@example.org")
    mailbox = MailboxFactory(shop=message.shop)
    headers = {"In-Reply-To": message.message_id, "References": f"<x@y> {message.message_id}"}

    take_in(mail_bytes(headers=headers), reader, mailbox_id=mailbox.pk)

    answers = queries.mail(Mail.objects.get().pk).answers
    assert answers is not None
    assert (answers.id, answers.about, answers.to) == (message.pk, "order:5", "claire@example.org")


@pytest.mark.parametrize("kind", ["forged", "other shop"])
def test_an_id_we_did_not_make_or_made_for_another_shop_proves_nothing(
    reader: MailReader, kind: str
) -> None:
    message = OutgoingMessageFactory()
    mailbox = MailboxFactory(shop=message.shop) if kind == "forged" else MailboxFactory()
    reference = message.message_id.replace(".", ".a", 1) if kind == "forged" else message.message_id

    take_in(mail_bytes(headers={"In-Reply-To": reference}), reader, mailbox_id=mailbox.pk)

    assert Mail.objects.get().answers is None


def test_a_mail_is_filed_once_however_often_it_comes(reader: MailReader) -> None:
    mailbox = MailboxFactory()
    twin_box = MailboxFactory(shop=mailbox.shop, address="contact@maison.example")
    raw = mail_bytes()

    first = take_in(raw, reader, mailbox_id=mailbox.pk)
    second = take_in(b"Received: by mx\n" + raw, reader, mailbox_id=mailbox.pk)
    third = take_in(raw, reader, mailbox_id=twin_box.pk)

    assert Mail.objects.count() == 1
    assert {second.outcome, third.outcome} == {"duplicate"}
    assert {second.original, third.original} == {first}
    assert EventRecord.objects.filter(name="messaging.mail-received").count() == 1


def test_two_shops_each_have_their_own_copy(reader: MailReader) -> None:
    raw = mail_bytes()

    take_in(raw, reader, mailbox_id=MailboxFactory().pk)
    take_in(raw, reader, mailbox_id=MailboxFactory().pk)

    assert Mail.objects.count() == 2


@pytest.mark.parametrize(
    "sender",
    [
        "victim@shop.example <evil@evil.example>",
        "a@b.example, c@d.example",
        "<a@b.example",
        "nobody",
    ],
)
def test_a_doubtful_sender_is_no_customer(reader: MailReader, sender: str) -> None:
    raw = b"From: " + sender.encode() + b"\nSubject: x\n\nHello"

    take_in(raw, reader, mailbox_id=MailboxFactory().pk)

    mail = Mail.objects.get()
    assert not mail.is_sender_sound
    assert mail.profile is None
    assert not Profile.objects.exists()


def test_mail_cannot_speak_for_us(reader: MailReader) -> None:
    mailbox = MailboxFactory(address="bonjour@maison.example")

    take_in(mail_bytes(sender="bonjour@maison.example"), reader, mailbox_id=mailbox.pk)

    mail = Mail.objects.get()
    assert (mail.is_sender_sound, mail.profile) == (False, None)
    assert "from_own_address" in mail.defects


def test_machine_mail_is_kept_and_suppressed_and_creates_nobody(reader: MailReader) -> None:
    raw = take_in(
        mail_bytes(headers={"Auto-Submitted": "auto-replied"}),
        reader,
        mailbox_id=MailboxFactory().pk,
    )

    assert raw.outcome == "suppressed"
    assert queries.mail(Mail.objects.get().pk).is_machine
    assert not Profile.objects.exists()


def test_our_own_mail_that_comes_back_is_machine_mail(reader: MailReader) -> None:
    message = OutgoingMessageFactory()
    mailbox = MailboxFactory(shop=message.shop)

    raw = take_in(mail_bytes(message_id=message.message_id), reader, mailbox_id=mailbox.pk)

    assert raw.outcome == "suppressed"


def test_a_null_return_path_is_a_machine(reader: MailReader) -> None:
    envelope = Envelope(sender="", recipient="bonjour@maison.example")

    raw = take_in(mail_bytes(), reader, mailbox_id=MailboxFactory().pk, envelope=envelope)

    assert raw.outcome == "suppressed"


def test_a_group_address_of_ours_is_no_mailing_list(reader: MailReader) -> None:
    mailbox = MailboxFactory(address="bonjour@maison.example")
    headers = {"List-Id": "<bonjour.maison.example>", "Precedence": "list"}

    raw = take_in(mail_bytes(headers=headers), reader, mailbox_id=mailbox.pk)

    assert raw.outcome == ""


def test_a_delivery_report_is_attached_to_its_message(reader: MailReader) -> None:
    message = OutgoingMessageFactory()
    mailbox = MailboxFactory(shop=message.shop)
    raw = (
        b"From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n"
        b"\r\nSorry\r\n--r\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        b"Final-Recipient: rfc822; x@y.example\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\n\r\n--r\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        b"Message-ID: " + message.message_id.encode() + b"\r\n--r--\r\n"
    )

    take_in(raw, reader, mailbox_id=mailbox.pk)

    mail = Mail.objects.get()
    assert mail.machine == "bounce"
    assert mail.answers == message
    assert mail.bounce is not None
    assert mail.bounce[0]["permanent"] is True


def test_an_unreadable_mail_is_quarantined_and_can_be_tried_again(reader: MailReader) -> None:
    raw = take_in(b"no headers at all", reader, mailbox_id=MailboxFactory().pk)
    agent = AgentFactory(owner=True)
    assert (raw.state, raw.outcome, raw.cause) == ("quarantined", "quarantined", "no_headers")

    reading.retry_raw(raw.pk, by=agent)

    raw.refresh_from_db()
    assert (raw.state, raw.outcome, raw.cause, raw.attempts) == ("received", "", "", 0)
    with pytest.raises(reading.MailNotQuarantined):
        reading.retry_raw(raw.pk, by=agent)


def test_a_mail_that_kills_its_reader_is_tried_a_few_times_and_then_quarantined() -> None:
    mailbox = MailboxFactory()
    raw_id = services.accept_raw(mail_bytes(), mailbox_id=mailbox.pk, source="smtp")
    hopeless = MailReader(seconds=0.0)
    moment = now()

    for _ in range(reading_rules.MAX_ATTEMPTS):
        assert reading.read_next(hopeless, at=moment)
        moment += timedelta(minutes=5)

    raw = RawMail.objects.get(pk=raw_id)
    assert (raw.state, raw.cause) == ("quarantined", "too_expensive")


def test_a_mail_whose_readers_all_died_is_quarantined(reader: MailReader) -> None:
    raw_id = services.accept_raw(mail_bytes(), mailbox_id=MailboxFactory().pk, source="smtp")
    RawMail.objects.update(attempts=reading_rules.MAX_ATTEMPTS)

    assert reading.read_next(reader) is False

    assert RawMail.objects.get(pk=raw_id).cause == "gave_up"


def test_too_much_memory_or_time_ends_the_child_and_not_us(reader: MailReader) -> None:
    before = reader.read(mail_bytes()).subject

    # 35 million bytes of "a" in one encoded header-less text: read within the limits, not beyond them.
    huge = reader.read(b"From: a@b.example\r\n\r\n" + b"a " * (child.MEMORY // 40))

    assert "text_cut" in huge.defects
    assert reader.read(mail_bytes()).subject == before


def test_settling_says_once_what_became_of_a_mail(reader: MailReader) -> None:
    raw = take_in(mail_bytes(), reader, mailbox_id=MailboxFactory().pk)
    mail = Mail.objects.get()

    services.settle_mail(mail.pk, outcome="conversation-opened")
    services.settle_mail(mail.pk, outcome="message-added")

    raw.refresh_from_db()
    assert raw.outcome == "conversation-opened"
    assert queries.settled_mails() == [(mail.pk, "conversation-opened")]


def test_mail_of_the_past_keeps_its_time() -> None:
    moment = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
    mailbox = MailboxFactory()

    with transaction.atomic():
        mail_id = services.import_received(
            mail_bytes(message_id="<old@x>"), mailbox_id=mailbox.pk, at=moment
        )
        again = services.import_received(
            mail_bytes(message_id="<old@x>"), mailbox_id=mailbox.pk, at=moment
        )

    assert mail_id is not None
    assert again is None
    assert Mail.objects.get().received_at == moment
    assert EventRecord.objects.get(name="messaging.mail-received").occurred_at == moment


def test_messages_of_the_past_are_sent_already() -> None:
    message = OutgoingMessageFactory()
    moment = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)

    services.record_sent({message.pk: moment})

    message.refresh_from_db()
    assert (message.state, message.sent_at) == ("sent", moment)
    assert message.tries.get().outcome == "accepted"


@pytest.mark.parametrize(
    ("written", "is_ours"),
    [
        ("Bonjour@Maison.example", True),
        ("bonjour+o-17@maison.example", True),
        ("autre@maison.example", False),
    ],
)
def test_mailboxes_are_found_by_address(written: str, is_ours: bool) -> None:
    mailbox = MailboxFactory(address="bonjour@maison.example")

    assert queries.mailbox_for(written) == (mailbox.pk if is_ours else None)
