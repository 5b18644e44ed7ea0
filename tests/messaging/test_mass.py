"""Mass mail: written down once, carried in batches, settled from the courier's journal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from ecrm.kernel.models import EventRecord
from messaging import services
from messaging.mime import mass, merging, writing
from messaging.models import DeliveryAttempt, OutgoingMessage
from messaging.services import mailings, mass_claims, mass_settling
from messaging.services.mailings import MassRecipient
from messaging.services.mass import MassSender
from messaging.transports import journal
from tests.messaging.conftest import Clock
from tests.messaging.factories import EagerShopFactory, OutgoingMessageFactory
from tests.messaging.smtp_sink import Server

SUBJECT = "{{ first_name }}, l'été est là"
HTML = '<p>Bonjour {{ first_name }} <a href="{{ link }}">voir</a></p>'


def queue(*people: str, **options: object) -> list[OutgoingMessage]:
    """One mass mail for each of these first names."""
    wording = mailings.keep_wording(
        shop_id=EagerShopFactory().pk, language="fr", subject=SUBJECT, html_source=HTML
    )
    recipients = [
        MassRecipient(
            to=f"{number}@example.org",
            profile_id=None,
            data={"first_name": name, "link": f"https://shop.example/?a={number}&b=2"},
            dedupe_key=f"campaign:1:{number}",
        )
        for number, name in enumerate(people)
    ]
    mailings.queue_many(wording, recipients=recipients, about="campaign:1", **options)  # type: ignore[arg-type] # of the test
    return list(OutgoingMessage.objects.order_by("pk"))


def send(sender: MassSender) -> None:
    while sender.send_due():
        pass


def states() -> list[str]:
    return list(OutgoingMessage.objects.order_by("pk").values_list("state", flat=True))


pytestmark = pytest.mark.django_db(transaction=True)


def test_each_recipient_gets_his_own_mail(mass_sender: MassSender, smtp: Server) -> None:
    messages = queue("Amélie", "<b>Bob</b>", topic="news")

    send(mass_sender)

    mails = {mail.recipient: mail.raw for mail in smtp.sink.accepted}
    assert states() == ["sent", "sent"]
    first = message_from_bytes(mails["0@example.org"], policy=policy.default)
    assert first["Subject"] == "Amélie, l'été est là"
    assert first["Message-ID"] == messages[0].message_id
    assert first["List-Unsubscribe"].startswith("<http")
    assert "mailto:" in first["List-Unsubscribe"]
    assert first["Auto-Submitted"] == "auto-generated"
    second = message_from_bytes(mails["1@example.org"], policy=policy.default)
    html = second.get_body(("html",)).get_content()  # type: ignore[union-attr] # it has one
    assert "Bonjour &lt;b&gt;Bob&lt;/b&gt;" in html
    assert "/t/t" in html, "links are noted"
    assert "Bonjour Amélie" in first.get_body(("plain",)).get_content()  # type: ignore[union-attr] # it has one
    tries = list(DeliveryAttempt.objects.order_by("pk"))
    assert [attempt.outcome for attempt in tries] == ["accepted"] * 2
    assert {attempt.reply_code for attempt in tries} == {250}


def test_one_fact_speaks_for_many_and_each_timeline_has_its_own(mass_sender: MassSender) -> None:
    queue(*["Claire"] * 7)

    send(mass_sender)

    settled = EventRecord.objects.filter(name="messaging.batch-settled")
    assert sum(record.payload["sent"] for record in settled) == 7
    assert EventRecord.objects.filter(name="messaging.message-sent").count() == 7


def test_queueing_again_adds_those_who_are_missing() -> None:
    queue("Claire", "Paul")

    wording = OutgoingMessage.objects.first().wording_id  # type: ignore[union-attr] # just made
    again = mailings.queue_many(
        wording,  # type: ignore[arg-type] # just made
        recipients=[
            MassRecipient(to=to, profile_id=None, data={"first_name": "x"}, dedupe_key=key)
            for to, key in (
                ("0@example.org", "campaign:1:0"),
                ("9@example.org", "campaign:1:9"),
                ("no address", "campaign:1:10"),
            )
        ],
    )

    assert (again.queued, again.known, again.unusable) == (1, 1, 1)
    assert OutgoingMessage.objects.count() == 3


def test_a_gap_without_a_word_fails_that_recipient_only(mass_sender: MassSender) -> None:
    queue("Claire", "", "Paul")
    OutgoingMessage.objects.filter(recipient="2@example.org").update(data={"first_name": "Paul"})

    send(mass_sender)

    assert states() == ["sent", "failed", "failed"]
    reasons = OutgoingMessage.objects.filter(state="failed").order_by("pk")
    assert list(reasons.values_list("reason", "reason_detail")) == [
        ("rendering_failed", "first_name"),
        ("rendering_failed", "link"),
    ]


def test_whoever_may_not_be_written_to_is_skipped_at_the_claim(
    mass_sender: MassSender, smtp: Server
) -> None:
    queue("Claire", "Paul", "Anne", topic="news")
    services.suppress("0@example.org", scope="marketing", reason="unsubscribed")
    services.suppress("1@example.org", scope="topic", topic="news", reason="unsubscribed")
    services.suppress("2@example.org", scope="topic", topic="sales", reason="unsubscribed")

    send(mass_sender)

    assert states() == ["skipped", "skipped", "sent"]
    assert [mail.recipient for mail in smtp.sink.accepted] == ["2@example.org"]


def test_a_lost_answer_is_never_repeated(
    mass_sender: MassSender, smtp: Server, clock: Clock
) -> None:
    queue("Claire")
    smtp.sink.lose_reply_after_accepting = 1

    for _ in range(3):
        send(mass_sender)
        clock.forward(minutes=5)

    assert states() == ["ambiguous"]
    assert len(smtp.sink.received) == 1


@pytest.mark.parametrize(
    ("reply", "state", "reason", "tries"),
    [
        ("451 4.3.0 try again", "deferred", "try_later", 1),
        ("550 5.1.1 no such user", "failed", "unknown_recipient", 1),
        ("421 4.3.2 shutting down", "deferred", "server_unreachable", 0),
        ("454 4.7.0 too many connections", "deferred", "server_unreachable", 0),
    ],
)
@pytest.mark.parametrize("stage", ["recipient_reply", "data_reply"])
def test_what_the_server_says_decides(
    mass_sender: MassSender,
    smtp: Server,
    stage: str,
    reply: str,
    state: str,
    reason: str,
    tries: int,
) -> None:
    queue("Claire")
    setattr(smtp.sink, stage, reply)

    send(mass_sender)

    message = OutgoingMessage.objects.get()
    assert (message.state, message.reason) == (state, reason)
    assert (message.attempts, message.tries.count()) == (tries, tries)


def test_the_conversation_goes_on_after_a_refusal(mass_sender: MassSender, smtp: Server) -> None:
    queue(*["Claire"] * 9)
    smtp.sink.recipient_reply = "550 5.1.1 no such user"

    send(mass_sender)

    assert set(states()) == {"failed"}
    assert smtp.sink.connections <= 4


def test_while_the_server_is_down_mass_mail_waits_without_attempts(
    make_mass_sender: Callable[..., MassSender], clock: Clock
) -> None:
    server = Server()
    sender = make_mass_sender(server.url)
    queue("Claire", "Paul")

    send(sender)
    assert states() == ["deferred"] * 2
    assert not DeliveryAttempt.objects.exists()
    server.start()
    clock.forward(seconds=61)
    send(sender)
    server.stop()

    assert states() == ["sent"] * 2


def test_a_killed_courier_is_replaced_and_nothing_is_repeated(
    mass_sender: MassSender, smtp: Server
) -> None:
    queue(*["Claire"] * 120)
    smtp.sink.on_data = lambda: _kill(mass_sender)

    mass_sender.send_due()
    smtp.sink.on_data = None
    send(mass_sender)

    accepted = [mail.mail["Message-ID"] for mail in smtp.sink.accepted]
    assert len(accepted) == len(set(accepted))
    assert set(states()) <= {"sent", "ambiguous"}
    assert 1 <= states().count("ambiguous") <= 4, "no more than were on their way"


def _kill(sender: MassSender) -> None:
    if sender.courier_pid is not None:
        os.kill(sender.courier_pid, signal.SIGKILL)


def test_a_message_with_words_of_its_own_goes_the_same_way(
    mass_sender: MassSender, smtp: Server
) -> None:
    message = OutgoingMessageFactory(
        shop=EagerShopFactory(),
        purpose="marketing",
        lane=2,
        text="Bonjour\n.point\n",
        html="<p>Été</p>",
    )

    send(mass_sender)

    [mail] = smtp.sink.accepted
    assert mail.mail["Message-ID"] == message.message_id
    assert mail.mail["List-Unsubscribe-Post"] is None, "only behind an https link"
    text = next(part for part in mail.mail.walk() if part.get_content_type() == "text/plain")
    assert text.get_payload(decode=True).splitlines() == [b"Bonjour", b".point"]  # type: ignore[union-attr] # bytes


def test_a_journal_of_another_boot_proves_nothing_it_does_not_say(
    tmp_path: Path, clock: Clock
) -> None:
    queue("Claire", "Paul")
    ids, path = _claimed(tmp_path)
    pen = journal.Pen(path)
    pen.start(ids[0], 1)
    pen.end(ids[0], journal.Entry("accepted", 2, 250, "ok"))
    pen.close()
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["another boot", *lines[1:]]) + "\n")

    mass_settling.recover_abandoned(tmp_path, at=clock())

    assert states() == ["sent", "ambiguous"]


def test_a_batch_whose_journal_is_elsewhere_becomes_ambiguous_after_a_while(
    tmp_path: Path, clock: Clock
) -> None:
    queue("Claire")
    _ids, path = _claimed(tmp_path)
    path.unlink()

    clock.forward(minutes=5)
    assert mass_settling.recover_abandoned(tmp_path, at=clock()) == 0
    clock.forward(minutes=10)
    mass_settling.recover_abandoned(tmp_path, at=clock())

    assert states() == ["ambiguous"]


def test_a_journal_is_left_alone_while_its_courier_lives(tmp_path: Path, clock: Clock) -> None:
    queue("Claire")
    desk = journal.Desk(tmp_path / "desk")
    _claimed(tmp_path)

    assert mass_settling.recover_abandoned(tmp_path, at=clock()) == 0
    desk.leave()
    assert mass_settling.recover_abandoned(tmp_path, at=clock()) == 1

    assert states() == ["pending"]


def _claimed(root: Path) -> tuple[list[int], Path]:
    """A batch which a sender held when it died, and its journal."""
    token = uuid4()
    path = journal.create(root / "desk", str(token))
    (root / "desk" / "lock").touch()
    batch = mass_claims.claim(token, limit=10, at=now())
    assert batch is not None
    return batch.message_ids, path


@given(st.text(max_size=300), st.text(max_size=80))
def test_what_fills_a_gap_arrives_as_it_was(words: str, value: str) -> None:
    words = words.replace("{", "").replace("}", "").encode("utf-8", "replace").decode()
    value = "x" + value.encode("utf-8", "replace").decode()
    source = words + "{{ gap }}" + words

    raw = mass.Compiled(
        mass.Words(from_name="", from_address="a@b.example", subject="s", text=source, html="")
    ).fill(
        mass.Recipient(
            address="c@d.example", message_id="<1@b.example>", date="", data={"gap": value}
        )
    )

    parsed = message_from_bytes(raw.raw.replace(b"\r\n..", b"\r\n."))
    found = parsed.get_payload(decode=True)
    assert isinstance(found, bytes)
    expected = source.replace("{{ gap }}", value).replace("\r\n", "\n").replace("\r", "\n")
    assert found.decode().replace("\r\n", "\n") == expected
    assert max(map(len, raw.raw.split(b"\r\n"))) <= 78


@given(st.text(max_size=300))
def test_a_subject_survives_its_encoding(text: str) -> None:
    subject = " ".join(text.encode("utf-8", "replace").decode().split())

    folded = writing.encoded("Subject", subject)

    assert folded.isascii()
    assert all(len(line) <= 78 for line in f"Subject: {folded}".split("\n"))
    found = str(make_header(decode_header(folded.replace("\n", ""))))
    assert found == subject or subject.isascii()


def test_a_line_break_in_a_header_is_refused() -> None:
    compiled = mass.Compiled(
        mass.Words(from_name="", from_address="a@b.example", subject="s", text="t", html="")
    )

    with pytest.raises(writing.LineBreakInHeader):
        compiled.fill(
            mass.Recipient(
                address="c@d.example\r\nBcc: x@y.example", message_id="<1@b>", date="", data={}
            )
        )


def test_the_https_link_to_unsubscribe_works_in_one_click() -> None:
    headers = "".join(writing.unsubscribe_headers(["https://a.example/u/1", "mailto:u@a.example"]))

    assert headers == (
        "List-Unsubscribe: <https://a.example/u/1>,\r\n <mailto:u@a.example>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


def test_a_gap_may_have_a_default() -> None:
    text = merging.Text('Bonjour {{ first_name | default: "à vous" }}, {{ order.number }}')

    assert text.fill({"order": {"number": 7}}) == "Bonjour à vous, 7"
    with pytest.raises(merging.RenderingFailed, match=r"order\.number"):
        text.fill({"order": "7"})
