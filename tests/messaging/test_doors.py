"""Mail servers that deliver to us directly, over real sessions: "250" only when the mail is ours for good."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, connections

from messaging.models import Content, RawMail
from messaging.services import doors
from messaging.transports import listener
from messaging.transports.listener import Door, Listener
from tests.messaging.factories import MailboxFactory, mail_bytes
from tests.messaging.smtp_sink import free_port

pytestmark = pytest.mark.django_db(transaction=True)

FROM = "claire@example.org"
Opens = Callable[[str], Listener]


@pytest.fixture
def opens() -> Iterator[Opens]:
    opened: list[Listener] = []

    def open_door(protocol: str) -> Listener:
        door = Door(protocol, "127.0.0.1", free_port())
        opened.append(Listener(door, knows=doors.is_ours, takes=doors.take))
        opened[-1].start()
        return opened[-1]

    yield open_door
    for door in opened:
        door.stop()


def smtp(door: Listener) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", door.door.port, timeout=10)


def terminate_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_delivered_mail_is_committed_before_the_server_is_told(opens: Opens) -> None:
    mailbox = MailboxFactory(address="bonjour@maison.example")
    raw = mail_bytes().replace(b"\n", b"\r\n")

    with smtp(opens("smtp")) as session:
        session.sendmail(FROM, ["Bonjour+abc@maison.example"], raw)
        stored = RawMail.objects.get()

    assert stored.mailbox == mailbox
    assert bytes(stored.content.body) == raw
    assert (stored.source, stored.envelope_sender) == ("smtp", FROM)
    assert stored.envelope_recipient == "Bonjour+abc@maison.example"


def test_the_empty_sender_of_a_report_is_kept(opens: Opens) -> None:
    MailboxFactory(address="bonjour@maison.example")

    with smtp(opens("smtp")) as session:
        session.sendmail("", ["bonjour@maison.example"], mail_bytes())

    assert RawMail.objects.get().envelope_sender == ""


def test_a_mailbox_nobody_knows_is_refused_and_the_others_get_their_mail(opens: Opens) -> None:
    MailboxFactory(address="bonjour@maison.example")
    MailboxFactory(address="off@maison.example", is_active=False)
    to = ["bonjour@maison.example", "nobody@maison.example", "off@maison.example"]

    with smtp(opens("smtp")) as session:
        refused = session.sendmail(FROM, to, mail_bytes())

    assert {address: code for address, (code, _) in refused.items()} == {to[1]: 550, to[2]: 550}
    assert RawMail.objects.count() == 1


def test_one_mail_to_two_mailboxes_is_two_deliveries_of_the_same_bytes(opens: Opens) -> None:
    first = MailboxFactory()
    second = MailboxFactory(shop=first.shop)

    with smtp(opens("smtp")) as session:
        session.sendmail(FROM, [first.address, second.address], mail_bytes())

    assert {row.mailbox_id for row in RawMail.objects.all()} == {first.pk, second.pk}
    assert Content.objects.count() == 1


def test_lmtp_answers_for_each_recipient(opens: Opens) -> None:
    first, second = MailboxFactory(), MailboxFactory()
    door = opens("lmtp")

    with smtplib.LMTP("127.0.0.1", door.door.port, timeout=10) as session:
        session.ehlo()
        session.mail(FROM)
        session.rcpt(first.address)
        session.rcpt(second.address)
        code, _ = session.data(mail_bytes())
        second_code, _ = session.getreply()

    assert (code, second_code) == (250, 250)
    assert RawMail.objects.count() == 2


def test_without_the_database_the_server_is_asked_to_come_again(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = MailboxFactory()
    door = opens("smtp")

    with smtp(door) as session:
        session.ehlo()
        session.mail(FROM)
        assert session.rcpt(mailbox.address)[0] == 250
        with monkeypatch.context() as outage:
            terminate_other_connections()
            outage.setitem(connections.settings["default"], "PORT", str(free_port()))
            assert session.data(mail_bytes())[0] == 451
            session.mail(FROM)
            assert session.rcpt(mailbox.address)[0] == 451
        session.rset()
        session.sendmail(FROM, [mailbox.address], mail_bytes())

    assert RawMail.objects.count() == 1


def test_a_fault_of_ours_never_refuses_a_mail_for_good() -> None:
    def breaks(raw: bytes, /, *, sender: str, recipient: str) -> None:
        raise ZeroDivisionError

    door = Listener(Door("smtp", "127.0.0.1", free_port()), knows=lambda _: True, takes=breaks)
    door.start()
    try:
        with smtp(door) as session:
            session.ehlo()
            session.mail(FROM)
            session.rcpt("a@b.example")
            assert session.data(b"x")[0] == 451
    finally:
        door.stop()


def test_a_line_longer_than_the_standard_allows_is_taken(opens: Opens) -> None:
    mailbox = MailboxFactory()
    raw = b"From: a@b.example\r\n\r\n" + b"x" * 200_000 + b"\r\n"

    with smtp(opens("smtp")) as session:
        session.sendmail(FROM, [mailbox.address], raw)

    assert bytes(RawMail.objects.get().content.body) == raw


def test_a_mail_that_is_too_large_is_refused(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "LARGEST", 10_000)
    mailbox = MailboxFactory()

    with smtp(opens("smtp")) as session:
        session.ehlo()
        assert session.esmtp_features["size"] == "10000"
        session.mail(FROM)
        session.rcpt(mailbox.address)
        code, _ = session.data(b"x" * 80 + b"\r\n" + b"y" * 20_000)

    assert code == 552
    assert not RawMail.objects.exists()


def test_a_broken_connection_leaves_nothing_half_taken(opens: Opens) -> None:
    mailbox = MailboxFactory()
    door = opens("smtp")

    with socket.create_connection(("127.0.0.1", door.door.port), timeout=10) as wire:
        for line in (b"EHLO x", f"MAIL FROM:<{FROM}>".encode(), b"", b"DATA"):
            wire.recv(4096)
            wire.sendall((line or f"RCPT TO:<{mailbox.address}>".encode()) + b"\r\n")
        wire.recv(4096)
        wire.sendall(b"Subject: half\r\n\r\nhal")

    with smtp(door) as session:
        session.noop()
    assert not RawMail.objects.exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:25", "smtp://127.0.0.1", "lmtp:2003", ""])
def test_a_door_needs_a_protocol_a_host_and_a_port(url: str) -> None:
    with pytest.raises(ValueError, match="smtp://host:port"):
        Door.from_url(url)
