"""Plays one customer's story inside one process, step by step, and may be asked to die on the way.

Run in the product's environment: Django is set up once, then each line on standard input,
`<name> <failpoint or -> <seconds after the beginning>`, is played in a fork. The answer is one line: `done`,
or `killed`. Playing a name again takes the story up where it broke off, as servers and people do.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import uuid
from contextlib import suppress
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from typing import Any

import django

# The answers have the standard output to themselves; the product's log goes where errors go.
ANSWERS = os.fdopen(os.dup(sys.stdout.fileno()), "w")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecrm.settings")
django.setup()

import time_machine  # noqa: E402 - Django must be set up first
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from company import queries as company  # noqa: E402
from ecrm.kernel import doorbell, failpoints, loops  # noqa: E402
from messaging import queries as mails  # noqa: E402
from messaging import services as messaging  # noqa: E402
from messaging.types import ImapPosition  # noqa: E402
from profiles import queries as profile_queries  # noqa: E402
from profiles import services as profiles  # noqa: E402
from profiles.services import erasing, retention  # noqa: E402
from profiles.types import Identity  # noqa: E402
from tests.story.documents import order  # noqa: E402
from tests.story.people import ANSWER, FIRST_QUESTION, THANKS  # noqa: E402

HOST = "localhost"
BEGAN = now()
NAMESPACE = uuid.UUID("0b7d1a52-6a1f-4f5e-9d6b-0f7f3c6f2a11")
# One customer's story has no campaign, no SMS and no provider: tests/messaging/ dies at these.
NOT_OF_THE_STORY = {
    "messaging.after-mass-claim",
    "messaging.after-journal-line",
    "messaging.after-carried-before-settle",
    "messaging.after-provider-call",
    "messaging.after-sms-attempt-row",
    "messaging.after-sms-before-commit",
}


def play(name: str, *, key: str, agent_email: str, mailbox: str) -> None:
    """The whole story of one customer; each step may have happened before."""
    customer, number = f"{name}@customer.example", f"FR-{name}"
    document = order(number, email=customer, first_name=name.capitalize())
    _put(name, document, key)
    _work()
    confirmation = _sent_to(customer)[0]
    position = ImapPosition(folder="INBOX", uidvalidity=1, uid=_uid(name))
    first = _letter(customer, mailbox, FIRST_QUESTION.format(number=number), answering=confirmation)
    _accept(first, mailbox, position=position)
    _work()
    _answer(customer, ANSWER.format(number=number), agent_email)
    _work()
    answer = _sent_to(customer)[1]
    thanks = _letter(customer, mailbox, THANKS.format(number=number), answering=answer)
    _accept(thanks, mailbox)
    _work()
    _join_visitor(name, customer)
    _work()
    _forget_others(name)
    _work()


def _forget_others(name: str) -> None:
    """Somebody asks to be erased, and a visitor was not seen for more than a year."""
    shop_id = company.all_shops()[0].id
    person = Identity(email=f"leaving-{name}@elsewhere.example")
    person_id = profiles.resolve(person, shop_id=shop_id, source="form", at=BEGAN).profile_id
    with suppress(erasing.AlreadyErased):
        erasing.erase(person_id, by=None, source="story")

    visitor = Identity(anonymous_id=f"passing-{name}")
    long_ago = BEGAN - timedelta(days=400)
    profiles.resolve(visitor, shop_id=shop_id, source="form", at=long_ago)
    rule = retention.set_rule("profiles.visitor", shop_id=None, days=395, by=None)
    if not rule.is_active:
        retention.ask_report(rule.pk, by=None)
        while retention.foresee_next():
            pass
        rule.refresh_from_db()
        retention.switch(rule.pk, is_active=True, seen_count=rule.foreseen_count, by=None)
    retention.begin_runs()
    while retention.run_next():
        pass


def _join_visitor(name: str, customer: str) -> None:
    """A visitor turns out to be the customer; that is undone, and done again."""
    shop_id = company.all_shops()[0].id
    visitor = Identity(anonymous_id=f"visitor-{name}")
    visitor_id = profiles.resolve(visitor, shop_id=shop_id, source="form").profile_id
    person_id = profile_queries.find_by_email(customer)
    assert person_id is not None
    if not profile_queries.merges_of(person_id):
        profiles.merge(visitor_id, into=person_id, by=None)
    (latest, *before) = profile_queries.merges_of(person_id)
    if not before and latest.undone_at is None:
        profiles.undo_merge(latest.id, by=None)
    if not before:
        profiles.merge(latest.merged_id, into=person_id, by=None)


def _put(name: str, document: dict[str, Any], key: str) -> None:
    answer = Client(SERVER_NAME=HOST).put(
        f"/api/v1/orders/{name}",
        data=json.dumps(document),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code in {200, 201}, answer.content


def _work() -> None:
    loops.run_until_idle("relay", "sender", "inbound", "privacy")


def _sent_to(customer: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_id FROM messaging_outgoingmessage WHERE recipient = %s ORDER BY id",
            [customer],
        )
        return [row[0] for row in cursor.fetchall()]


def _letter(customer: str, mailbox: str, text: str, *, answering: str) -> bytes:
    """The same mail each time it is presented: the source has it until we take it."""
    identity = uuid.uuid5(NAMESPACE, f"{customer}:{text}").hex
    lines = [
        f"From: {customer}",
        f"To: {mailbox}",
        "Subject: Re: Votre commande",
        "Date: Sun, 22 Nov 2026 09:12:00 +0100",
        f"Message-ID: <{identity}@customer.example>",
        f"In-Reply-To: {answering}",
        f"References: {answering}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        "",
    ]
    raw = "\r\n".join(lines).encode()
    assert BytesParser(policy=policy.default).parsebytes(raw)["Message-ID"]
    return raw


def _uid(name: str) -> int:
    return uuid.uuid5(NAMESPACE, name).int % 1_000_000_000 + 1


def _accept(raw: bytes, mailbox: str, position: ImapPosition | None = None) -> None:
    mailbox_id = mails.mailbox_for(mailbox)
    assert mailbox_id is not None
    source = "imap" if position else "smtp"
    messaging.accept_raw(raw, mailbox_id=mailbox_id, source=source, position=position)


def _answer(customer: str, text: str, agent_email: str) -> None:
    from company import queries as company

    agent = company.agent_by_email(agent_email)
    assert agent is not None
    client = Client(SERVER_NAME=HOST)
    client.force_login(agent, backend=settings.AUTHENTICATION_BACKENDS[1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM contacts_ticket WHERE reply_to = %s", [customer])
        number = cursor.fetchone()[0]
    form = {
        "kind": "reply",
        "text": text,
        "client_id": str(uuid.uuid5(NAMESPACE, customer)),
        "seen_seq": "1000",
    }
    answer = client.post(f"/inbox/{number}/messages/", form)
    assert answer.status_code == 302, answer.content


def _fork(name: str, failpoint: str, seconds: int, told: dict[str, str]) -> str:
    """What became of a fork that plays the story."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            settings.ECRM_FAILPOINT = "" if failpoint == "-" else failpoint
            with time_machine.travel(BEGAN + timedelta(seconds=seconds), tick=True):
                play(name, **told)
                doorbell.stop()
            status = 0
        except BaseException:  # noqa: BLE001 - a fork must end here, whatever happened
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


def main() -> None:
    """Answer requests until standard input ends."""
    told = json.loads(sys.argv[1])
    _say(json.dumps([point for point in failpoints.names() if point not in NOT_OF_THE_STORY]))
    for line in sys.stdin:
        name, failpoint, seconds = line.split()
        _say(_fork(name, failpoint, int(seconds), told))


def _say(line: str) -> None:
    ANSWERS.write(f"{line}\n")
    ANSWERS.flush()


if __name__ == "__main__":
    main()
