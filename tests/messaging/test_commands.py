"""The post office from the command line, its loops, and its promises."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from ecrm.kernel import loops, verify
from messaging.models import DeliveryAttempt, Intervention, Mail, OutgoingMessage, RawMail
from tests.messaging.factories import (
    MailboxFactory,
    MailFactory,
    OutgoingMessageFactory,
    RawMailFactory,
    mail_bytes,
)
from tests.messaging.smtp_sink import Server

INSPECTED = {
    "file", "sha256", "message_id", "date", "subject", "from", "reply_to", "to", "cc", "in_reply_to",
    "references", "text", "visible_text", "quoted_text", "html", "attachments", "machine", "bounce",
    "defects",
}  # fmt: skip


def run(*arguments: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("mail", *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_inspect_prints_one_object_per_mail_and_never_fails(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.eml", tmp_path / "bad.eml"
    good.write_bytes(mail_bytes(files={"a.pdf": b"x"}, headers={"Auto-Submitted": "auto-replied"}))
    bad.write_bytes(b"no headers")

    first, second, third = run("inspect", str(good), str(bad), str(tmp_path / "missing.eml"))

    assert set(first) == INSPECTED
    assert first["from"] == {
        "name": "Claire Dubois",
        "address": "claire@example.org",
        "verified": None,
    }
    assert first["date"] == "2026-11-02T09:00:00+00:00"
    assert first["machine"] == "auto_reply"
    assert first["attachments"][0] | {"size": 1} == {
        "name": "a.pdf",
        "type": "application/octet-stream",
        "size": 1,
        "inline": False,
        "content_id": "",
    }
    assert (set(second), second["error"]) == ({"file", "sha256", "error"}, "no_headers")
    assert third["error"] == "unreadable_file"


@pytest.mark.django_db
def test_ingest_takes_mails_in_and_prints_what_became_of_them(tmp_path: Path) -> None:
    mailbox = MailboxFactory(address="bonjour@maison.example")
    one, broken = tmp_path / "one.eml", tmp_path / "broken.eml"
    one.write_bytes(mail_bytes())
    broken.write_bytes(b"no headers")

    lines = run("ingest", "--mailbox", "Bonjour@maison.example", str(one), str(one), str(broken))

    assert [line["outcome"] for line in lines] == [
        "conversation-opened",
        "duplicate",
        "quarantined",
    ]
    assert lines[1]["duplicate_of"] == lines[0]["raw_id"]
    assert lines[2]["cause"] == "no_headers"
    assert Mail.objects.get().mailbox == mailbox


@pytest.mark.django_db
def test_ingest_into_an_unknown_mailbox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        run("ingest", "--mailbox", "nobody@maison.example", str(tmp_path / "x"))


@pytest.mark.django_db
def test_the_loops_read_and_send_until_nothing_waits(settings, smtp: Server) -> None:
    settings.ECRM_SMTP_URL = smtp.url
    OutgoingMessageFactory.create_batch(3)
    RawMailFactory()

    loops.run_until_idle("sender", "inbound")

    assert len(smtp.sink.accepted) == 3
    assert RawMail.objects.get().state == "read"


@pytest.mark.django_db
def test_without_a_mail_server_everything_waits(settings) -> None:
    settings.ECRM_SMTP_URL = ""
    OutgoingMessageFactory()

    loops.run_until_idle("sender")

    assert OutgoingMessage.objects.get().state == "pending"


# --- Promises ---


def breaches() -> dict[str, int]:
    counted = {
        invariant.key.removeprefix("messaging."): len(list(invariant.check()))
        for invariant in verify.all_invariants()
        if invariant.key.startswith("messaging.")
    }
    return {key: count for key, count in counted.items() if count}


def attempt(message: OutgoingMessage, outcome: str, **options: Any) -> DeliveryAttempt:
    number = message.tries.count() + 1
    finished = None if outcome == "attempting" else now()
    values = {"host": "mx:25", "lease_token": message.uuid, "started_at": now(), **options}
    return DeliveryAttempt.objects.create(
        message=message, number=number, outcome=outcome, finished_at=finished, **values
    )


def sent(**options: Any) -> OutgoingMessage:
    return OutgoingMessageFactory(state="sent", sent_at=now(), settled_at=now(), **options)


@pytest.mark.django_db
def test_sound_rows_break_no_promise() -> None:
    attempt(sent(), "accepted")
    MailFactory()
    RawMailFactory(quarantined=True)

    assert breaches() == {}


@pytest.mark.django_db
def test_each_broken_promise_is_found() -> None:
    old = now() - timedelta(hours=1)
    sent()
    attempt(OutgoingMessageFactory(), "accepted")
    attempt(OutgoingMessageFactory(), "attempting")
    OutgoingMessageFactory(state="claimed", lease_until=old, lease_token="1" * 32)
    mass = OutgoingMessageFactory(purpose="marketing", lane=2)
    attempt(mass, "unknown")
    attempt(mass, "unknown")
    RawMailFactory(state="read")
    RawMailFactory(received_at=old)
    MailFactory(raw__received_at=old)
    original = RawMailFactory()
    RawMailFactory(state="read", outcome="duplicate", original=original, settled_at=now())

    assert breaches() == {
        "sent-means-accepted": 1,
        "accepted-means-sent": 1,
        "attempts-end": 1,
        "nothing-stuck": 1,
        "mass-mail-tried-once": 1,
        "sum-of-outcomes": 1,
        "mail-is-read": 1,
        "mail-is-settled": 1,
        "duplicates-have-originals": 1,
    }


@pytest.mark.django_db
def test_a_mass_mail_may_go_again_when_a_person_ordered_it() -> None:
    mass = OutgoingMessageFactory(purpose="marketing", lane=2)
    attempt(mass, "unknown")
    attempt(mass, "unknown")
    Intervention.objects.create(message=mass, kind="retried", state_before="ambiguous", at=now())

    assert breaches() == {}
