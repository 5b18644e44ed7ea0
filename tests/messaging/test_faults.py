"""Killing the post office at its most awkward moments: nothing lost, nothing doubled that need not be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from ecrm.kernel import crypto, failpoints, verify
from messaging.models import Mail, OutgoingMessage, RawMail
from messaging.services import fetching, reading
from messaging.services.mass import MassSender
from messaging.services.sending import Sender
from messaging.services.sms_sending import SmsSender
from messaging.transports.imap import ImapSession
from messaging.transports.reader import MailReader
from tests.messaging.conftest import Clock
from tests.messaging.factories import (
    EagerShopFactory,
    MailboxFactory,
    OutgoingMessageFactory,
    mail_bytes,
)
from tests.messaging.imap_server import PASSWORD, USER, ImapServer
from tests.messaging.sms_gateway import Server as Gateways
from tests.messaging.smtp_sink import Server
from tests.messaging.test_sms import account_with, queue

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
SENDING = {
    "messaging.after-claim": (0, 1),
    "messaging.after-attempt-row": (0, 1),
    "messaging.after-rcpt": (0, 1),
    "messaging.after-data-before-reply": (1, 2),
    "messaging.after-250-before-commit": (1, 2),
}
"""Failpoint → (mails the server has when the sender dies, and when a single mail has been recovered)."""
MASS = {
    "messaging.after-mass-claim": "sent",
    "messaging.after-journal-line": "ambiguous",
    "messaging.after-rcpt": "sent",
    "messaging.after-data-before-reply": "ambiguous",
    "messaging.after-250-before-commit": "ambiguous",
    "messaging.after-carried-before-settle": "sent",
}
"""Failpoint → what a mass mail ends as: what may be at the receiver is never sent again."""
SMS = {"messaging.after-sms-attempt-row": (0, 1), "messaging.after-sms-before-commit": (1, 2)}
"""Failpoint → (SMS the provider has when the sender dies, and when it has been recovered)."""
BY_PROVIDER = {"messaging.after-provider-call"}
"""tests/messaging/test_mail_provider.py dies at it."""
INTAKE = {"messaging.after-raw-insert": 0, "messaging.after-cursor": 1}
"""Failpoint → raw mails that are stored when the process dies."""

SEND = """
import sys, django; django.setup()
from messaging.services.mass import MassSender
from messaging.services.sending import Sender
Sender(sys.argv[1]).send_due()
"""
SEND_MASS = """
import os, signal, sys, django; django.setup()
from pathlib import Path
from messaging.services.mass import MassSender
from messaging.transports.carriage import Carriage
# Both die: the courier at its crash point, and its owner instead of settling what the courier left.
Carriage.leave = lambda self: os.kill(os.getpid(), signal.SIGKILL)
sender = MassSender(sys.argv[1], journals=Path(sys.argv[2]))
while sender.send_due():
    pass
"""
SEND_SMS = """
import django; django.setup()
from messaging.services.sms_sending import SmsSender
SmsSender().send_due()
"""
FETCH = """
import sys, django; django.setup()
from messaging.models import Mailbox
from messaging.services import fetching
from messaging.transports.imap import ImapSession
mailbox = Mailbox.objects.get()
session = ImapSession(fetching.login_of(mailbox))
session.open()
fetching.fetch_new(mailbox.pk, session=session, folder=mailbox.folder)
"""


def run_and_die(code: str, *arguments: str, failpoint: str, **settings: str) -> None:
    """Run the code in a process of its own on the test's database until the failpoint kills it."""
    base, _, _ = os.environ["ECRM_DATABASE_URL"].rpartition("/")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ecrm.settings",
        "ECRM_DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
        "ECRM_FAILPOINT": failpoint,
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def assert_promises_kept() -> None:
    broken = {
        invariant.key: list(invariant.check())
        for invariant in verify.all_invariants()
        if invariant.key.startswith("messaging.")
    }
    assert not any(broken.values()), broken


def test_every_failpoint_of_the_post_office_is_covered() -> None:
    ours = {name for name in failpoints.names() if name.startswith("messaging.")}

    assert ours == {*SENDING, *MASS, *SMS, *BY_PROVIDER, *INTAKE}


@pytest.mark.parametrize("failpoint", SENDING)
def test_a_single_mail_survives_the_death_of_its_sender(
    failpoint: str, smtp: Server, clock: Clock, make_sender: Callable[..., Sender]
) -> None:
    message = OutgoingMessageFactory()
    at_death, in_the_end = SENDING[failpoint]

    run_and_die(SEND, smtp.url, failpoint=failpoint)
    assert len(smtp.sink.accepted) == at_death
    sender = make_sender(smtp.url)
    for _ in range(4):
        clock.forward(seconds=61)
        sender.send_due()

    message.refresh_from_db()
    assert message.state == "sent"
    assert len(smtp.sink.accepted) == in_the_end
    assert {mail.mail["Message-ID"] for mail in smtp.sink.accepted} == {message.message_id}
    assert_promises_kept()


@pytest.mark.parametrize("failpoint", SMS)
def test_an_sms_survives_the_death_of_its_sender(
    failpoint: str, sms_gateway: Gateways, sms_sender: SmsSender, clock: Clock
) -> None:
    message = queue(account_with("generic", sms_gateway))
    at_death, in_the_end = SMS[failpoint]

    run_and_die(SEND_SMS, failpoint=failpoint, ECRM_PRIVATE_HOSTS=f"127.0.0.1:{sms_gateway.port}")
    assert len(sms_gateway.gateway.taken) == at_death
    for _ in range(4):
        clock.forward(seconds=61)
        sms_sender.send_due()

    message.refresh_from_db()
    assert message.state == "sent"
    assert len(sms_gateway.gateway.taken) == in_the_end
    assert {taken.said["reference"] for taken in sms_gateway.gateway.taken} == {message.uuid.hex}
    assert_promises_kept()


@pytest.mark.parametrize(("failpoint", "state"), MASS.items())
def test_a_mass_mail_is_never_handed_over_twice(
    failpoint: str,
    state: str,
    smtp: Server,
    clock: Clock,
    make_mass_sender: Callable[..., MassSender],
    tmp_path: Path,
) -> None:
    message = OutgoingMessageFactory(shop=EagerShopFactory(), purpose="marketing", lane=2)

    run_and_die(SEND_MASS, smtp.url, str(tmp_path / "journals"), failpoint=failpoint)
    sender = make_mass_sender(smtp.url)
    for _ in range(4):
        clock.forward(seconds=61)
        sender.send_due()

    message.refresh_from_db()
    assert message.state == state
    assert len(smtp.sink.accepted) == (1 if state == "sent" else 0) or state == "ambiguous"
    assert len(smtp.sink.accepted) <= 1
    assert_promises_kept()


@pytest.fixture
def imap() -> Iterator[ImapServer]:
    server = ImapServer()
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("failpoint", INTAKE)
def test_a_mail_is_taken_in_once_whenever_the_fetcher_dies(
    failpoint: str, imap: ImapServer
) -> None:
    mailbox = MailboxFactory(
        host="127.0.0.1",
        port=imap.port,
        security="none",
        username=USER,
        secret_encrypted=crypto.encrypt(PASSWORD),
    )
    imap.append(mail_bytes(subject="un"), mail_bytes(subject="deux"))

    run_and_die(FETCH, failpoint=failpoint)
    assert RawMail.objects.count() == INTAKE[failpoint]
    session = ImapSession(fetching.login_of(mailbox))
    session.open()
    fetching.fetch_new(mailbox.pk, session=session, folder=mailbox.folder)
    session.close()
    reader = MailReader()
    while reading.read_next(reader):
        pass
    reader.close()

    assert sorted(Mail.objects.values_list("subject", flat=True)) == ["deux", "un"]
    assert RawMail.objects.count() == 2
    assert_promises_kept()


def test_ten_murders_of_senders_lose_nothing(
    smtp: Server, clock: Clock, make_sender: Callable[..., Sender]
) -> None:
    messages = OutgoingMessageFactory.create_batch(30)
    points = [*SENDING, *SENDING]

    for failpoint in points:
        run_and_die(SEND, smtp.url, failpoint=failpoint)
        OutgoingMessage.objects.filter(state="claimed").update(lease_until=clock())
    sender = make_sender(smtp.url)
    for _ in range(6):
        clock.forward(seconds=61)
        sender.send_due()

    ids = [mail.mail["Message-ID"] for mail in smtp.sink.accepted]
    assert set(ids) == {message.message_id for message in messages}
    assert set(OutgoingMessage.objects.values_list("state", flat=True)) == {"sent"}
    unknown = OutgoingMessage.objects.filter(tries__outcome="unknown").count()
    assert len(ids) - len(set(ids)) <= unknown <= len(points)
    assert_promises_kept()
