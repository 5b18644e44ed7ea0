"""Following a mailbox on a real IMAP server: by UID, committed before going on, each mailbox by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.timezone import now

from ecrm.kernel import crypto
from messaging.models import FolderCursor, Mail, Mailbox, RawMail
from messaging.services import fetching, reading
from messaging.transports.imap import ImapFailed, ImapSession
from messaging.transports.reader import MailReader
from tests.messaging.factories import MailboxFactory, mail_bytes
from tests.messaging.imap_server import PASSWORD, USER, CuttableWire, ImapServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[ImapServer]:
    server = ImapServer()
    server.start()
    yield server
    server.stop()


def watched(port: int, **options: object) -> Mailbox:
    return MailboxFactory(
        host="127.0.0.1",
        port=port,
        security="none",
        username=USER,
        secret_encrypted=crypto.encrypt(str(options.pop("password", PASSWORD))),
        **options,
    )


def fetch(mailbox: Mailbox) -> int:
    session = ImapSession(fetching.login_of(mailbox))
    try:
        session.open()
        return fetching.fetch_new(mailbox.pk, session=session, folder=mailbox.folder)
    finally:
        session.close()


def test_new_mail_is_taken_in_once_and_left_unread(server: ImapServer) -> None:
    mailbox = watched(server.port)
    server.append(mail_bytes(subject="un"), mail_bytes(subject="deux"))

    assert fetch(mailbox) == 2
    assert fetch(mailbox) == 0
    server.append(mail_bytes(subject="trois"))
    assert fetch(mailbox) == 1

    assert RawMail.objects.count() == 3
    client = server.client()
    client.select("INBOX")
    assert client.uid("SEARCH", "UNSEEN")[1][0].split() != []
    client.logout()


def test_mail_read_by_somebody_else_is_taken_in_too(server: ImapServer) -> None:
    mailbox = watched(server.port)
    server.append(mail_bytes())
    client = server.client()
    client.select("INBOX")
    client.uid("STORE", "1:*", "+FLAGS", "(\\Seen)")
    client.logout()

    assert fetch(mailbox) == 1


def test_a_cut_wire_loses_nothing_and_doubles_nothing(server: ImapServer) -> None:
    wire = CuttableWire(server.port)
    mailbox = watched(wire.port)
    server.append(*[mail_bytes(text=f"{number} " * 800) for number in range(6)])

    cuts = 0
    while RawMail.objects.count() < 6:
        wire.budget = 3500 if cuts < 4 else None
        try:
            fetch(mailbox)
        except ImapFailed:
            cuts += 1
    wire.close()

    assert cuts == 4
    assert RawMail.objects.count() == RawMail.objects.values("content").distinct().count() == 6


def test_a_folder_made_anew_is_read_again_and_its_old_mails_are_duplicates(
    server: ImapServer,
) -> None:
    client = server.client()
    client.create("Support")
    mailbox = watched(server.port, folder="Support")
    kept = mail_bytes(subject="ancien")
    server.append(kept, folder="Support")
    fetch(mailbox)
    client.delete("Support")
    client.create("Support")
    client.logout()
    server.append(kept, mail_bytes(subject="nouveau"), folder="Support")

    assert fetch(mailbox) == 2

    reader = MailReader()
    while reading.read_next(reader):
        pass
    reader.close()
    assert Mail.objects.count() == 2
    assert sorted(RawMail.objects.values_list("outcome", flat=True)) == ["", "", "duplicate"]


def test_the_cursor_moves_with_the_mail_and_only_with_it(server: ImapServer) -> None:
    mailbox = watched(server.port)
    server.append(mail_bytes())
    fetch(mailbox)

    cursor = FolderCursor.objects.get()

    assert cursor.last_uid == RawMail.objects.get().uid
    assert cursor.uidvalidity == RawMail.objects.get().uidvalidity


def test_a_wrong_password_is_said_in_the_server_s_words(server: ImapServer) -> None:
    mailbox = watched(server.port, password="wrong")

    found = fetching.test_connection(fetching.login_of(mailbox))

    assert not found.is_good
    assert "wrong" not in found.error
    assert found.error


def test_a_good_mailbox_passes_its_test_and_stays_untouched(server: ImapServer) -> None:
    mailbox = watched(server.port)
    server.append(mail_bytes(), mail_bytes())

    found = fetching.test_connection(fetching.login_of(mailbox))

    assert (found.is_good, found.mails) == (True, 2)
    assert not RawMail.objects.exists()


def test_a_password_never_travels_in_the_open_to_the_internet() -> None:
    mailbox = MailboxFactory(
        host="imap.example.com",
        security="none",
        username="x",
        secret_encrypted=crypto.encrypt("secret"),
    )

    found = fetching.test_connection(fetching.login_of(mailbox))

    assert "unencrypted" in found.error


def test_only_one_process_watches_a_mailbox() -> None:
    import uuid

    mailbox = watched(9)
    first, second = uuid.uuid4(), uuid.uuid4()
    moment = now()

    assert fetching.hold(mailbox.pk, token=first, at=moment)
    assert not fetching.hold(mailbox.pk, token=second, at=moment)
    assert fetching.hold(
        mailbox.pk, token=second, at=moment + fetching.LEASE + timedelta(seconds=1)
    )
    assert not fetching.hold(
        mailbox.pk, token=first, at=moment + fetching.LEASE + timedelta(seconds=2)
    )


def test_a_server_that_tells_of_new_mail_is_not_asked_for_it(server: ImapServer) -> None:
    session = ImapSession(fetching.login_of(watched(server.port)))
    session.open()
    ends = threading.Event()
    timer = threading.Timer(0.3, server.append, [mail_bytes()])
    timer.start()

    started = time.monotonic()
    told = session.wait(120, ends=ends)
    waited = time.monotonic() - started
    session.refresh()

    assert told
    assert waited < 110
    assert len(session.uids_after(0)) == 1
    timer.join()
    session.close()


def test_news_that_arrive_byte_by_byte_are_news(server: ImapServer) -> None:
    wire = CuttableWire(server.port)
    session = ImapSession(fetching.login_of(watched(wire.port)))
    session.open()
    wire.drips = True
    timer = threading.Timer(0.3, server.append, [mail_bytes()])
    timer.start()

    told = session.wait(30, ends=threading.Event())
    session.refresh()

    assert told
    assert len(session.uids_after(0)) == 1
    timer.join()
    session.close()
    wire.close()


def test_who_is_told_to_stop_does_not_wait_for_news(server: ImapServer) -> None:
    session = ImapSession(fetching.login_of(watched(server.port)))
    session.open()
    ends = threading.Event()
    ends.set()

    assert session.wait(3600, ends=ends)
    assert session.uids_after(0) == []
    session.close()


def test_a_wire_that_is_cut_while_waiting_is_noticed(server: ImapServer) -> None:
    wire = CuttableWire(server.port)
    session = ImapSession(fetching.login_of(watched(wire.port)))
    session.open()
    wire.budget = 20
    threading.Timer(0.3, server.append, [mail_bytes()]).start()

    with pytest.raises(ImapFailed):
        for _ in range(3):
            session.wait(5, ends=threading.Event())
            session.refresh()

    session.close()
    wire.close()


@pytest.mark.django_db(transaction=True)
def test_a_dead_server_makes_only_its_own_mail_wait(server: ImapServer) -> None:
    dead = watched(9)
    alive = watched(server.port)
    server.append(mail_bytes())
    tower = fetching.Watchtower()

    tower.look()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        dead.refresh_from_db()
        alive.refresh_from_db()
        if RawMail.objects.exists() and dead.failures and alive.last_checked_at:
            break
        time.sleep(0.1)
    tower.close()

    assert RawMail.objects.get().mailbox == alive
    assert (alive.failures, alive.last_error) == (0, "")
    assert dead.failing_since is not None
    assert dead.last_error
    alive.refresh_from_db()
    assert alive.lease_token is None, "the next process may watch at once"
