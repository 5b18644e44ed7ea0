"""What leaves the house: once, in time, and with a reason when it does not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from ecrm.kernel.models import EventRecord
from messaging.models import DeliveryAttempt, MailServer, OutgoingMessage
from messaging.rules import delivery
from messaging.services import claims
from messaging.services.sending import Sender
from messaging.transports.smtp import Patience
from tests.messaging.conftest import Clock
from tests.messaging.factories import OutgoingMessageFactory, SuppressionFactory
from tests.messaging.smtp_sink import Server

pytestmark = pytest.mark.django_db


def events(name: str) -> list[dict[str, object]]:
    return [record.payload for record in EventRecord.objects.filter(name=name).order_by("pk")]


def test_a_waiting_message_is_sent_once_and_says_so(sender: Sender, smtp: Server) -> None:
    message = OutgoingMessageFactory(about="order:7", html="<p>Merci</p>")

    assert sender.send_due() is True
    assert sender.send_due() is False

    message.refresh_from_db()
    [mail] = smtp.sink.accepted
    assert (mail.sender, mail.recipient) == (message.from_address, message.recipient)
    assert mail.mail["Message-ID"] == message.message_id
    assert mail.mail["Auto-Submitted"] == "auto-generated"
    assert mail.mail.get_content_type() == "multipart/alternative"
    assert message.state == "sent"
    assert message.sent_at is not None
    [attempt] = message.tries.all()
    assert (attempt.outcome, attempt.reply_code) == ("accepted", 250)
    assert events("messaging.message-sent") == [
        {
            "message_id": message.pk,
            "profile_id": None,
            "shop_id": message.shop_id,
            "about": "order:7",
        }
    ]


def test_one_connection_serves_many_messages(sender: Sender, smtp: Server) -> None:
    OutgoingMessageFactory.create_batch(7)

    sender.send_due()

    assert len(smtp.sink.accepted) == 7
    assert smtp.sink.connections == 1


def test_the_senders_of_receipts_leave_campaigns_to_theirs(sender: Sender, smtp: Server) -> None:
    OutgoingMessageFactory(purpose="marketing", lane=2, recipient="news@example.org")
    OutgoingMessageFactory(purpose="service", lane=1, recipient="answer@example.org")
    OutgoingMessageFactory(recipient="receipt@example.org")

    sender.send_due()

    assert [mail.recipient for mail in smtp.sink.accepted] == [
        "receipt@example.org",
        "answer@example.org",
    ]


def test_later_is_tried_again_after_five_minutes_and_then_after_ten(
    sender: Sender, smtp: Server, clock: Clock
) -> None:
    message = OutgoingMessageFactory()
    smtp.sink.recipient_reply = "451 4.3.0 try again"

    sender.send_due()
    message.refresh_from_db()
    assert (message.state, message.reason_detail) == ("deferred", "451 4.3.0 try again")
    assert timedelta(minutes=4) < message.available_at - now() <= timedelta(minutes=5)

    clock.forward(minutes=6)
    sender.send_due()
    message.refresh_from_db()
    assert message.available_at - clock() > timedelta(minutes=9)

    smtp.sink.recipient_reply = None
    clock.forward(minutes=11)
    sender.send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts, len(smtp.sink.accepted)) == ("sent", 3, 1)


def test_after_three_days_a_message_is_given_up(sender: Sender, smtp: Server, clock: Clock) -> None:
    message = OutgoingMessageFactory()
    smtp.sink.recipient_reply = "451 4.3.0 try again"

    while message.state != "failed":
        sender.send_due()
        clock.forward(hours=4, seconds=1)
        message.refresh_from_db()

    assert message.reason == "expired"
    assert clock() - message.queued_at < delivery.GIVE_UP_AFTER + timedelta(hours=9)
    assert [event["reason"] for event in events("messaging.message-failed")] == ["expired"]


def test_a_refusal_for_good_fails_the_message_with_its_reason(sender: Sender, smtp: Server) -> None:
    message = OutgoingMessageFactory()
    other = OutgoingMessageFactory(recipient="other@example.org")
    smtp.sink.recipient_reply = "550 5.1.1 no such user"

    sender.send_due()

    message.refresh_from_db()
    other.refresh_from_db()
    assert (message.state, message.reason) == ("failed", "unknown_recipient")
    assert message.tries.get().reply_text == "5.1.1 no such user"
    assert other.state == "failed", "the session goes on after a refusal"
    assert [event["reason"] for event in events("messaging.message-failed")] == [
        "unknown_recipient"
    ] * 2


def test_while_the_server_is_down_everything_waits_and_then_flows_within_seconds(
    make_sender: Callable[..., Sender], clock: Clock
) -> None:
    server = Server()
    sender = make_sender(server.url)
    messages = OutgoingMessageFactory.create_batch(3)

    for _ in range(4):
        assert sender.send_due() is False
        clock.forward(seconds=20)

    assert {m.state for m in OutgoingMessage.objects.all()} == {"deferred"}
    assert not DeliveryAttempt.objects.exists(), "a closed door is no attempt"
    down = MailServer.objects.get()
    assert down.failures == 4
    server.start()
    clock.forward(seconds=10)
    assert sender.send_due() is True
    server.stop()

    assert len(server.sink.accepted) == len(messages)
    assert MailServer.objects.get().failing_since is None


def test_an_unreachable_server_is_left_alone_between_tries(
    make_sender: Callable[..., Sender], clock: Clock
) -> None:
    sender = make_sender("smtp://127.0.0.1:9")
    OutgoingMessageFactory()
    sender.send_due()

    sender.send_due()

    assert MailServer.objects.get().failures == 1


def test_a_lost_answer_sends_a_single_mail_once_more_under_the_same_id(
    sender: Sender, smtp: Server, clock: Clock
) -> None:
    message = OutgoingMessageFactory()
    smtp.sink.lose_reply_after_accepting = 1

    sender.send_due()
    message.refresh_from_db()
    assert (message.state, message.reason) == ("deferred", "answer_lost")

    clock.forward(seconds=30)
    sender.send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    assert [mail.mail["Message-ID"] for mail in smtp.sink.accepted] == [message.message_id] * 2
    assert [t.outcome for t in message.tries.order_by("number")] == ["unknown", "accepted"]


def test_a_second_lost_answer_leaves_the_mail_to_a_person(
    sender: Sender, smtp: Server, clock: Clock
) -> None:
    message = OutgoingMessageFactory()
    smtp.sink.drop_after_data = 2

    for _ in range(4):
        sender.send_due()
        clock.forward(minutes=5)

    message.refresh_from_db()
    assert (message.state, message.attempts) == ("ambiguous", 2)
    assert len(smtp.sink.received) == 2


def test_a_server_that_says_goodbye_costs_no_deferral(
    sender: Sender, smtp: Server, clock: Clock
) -> None:
    messages = OutgoingMessageFactory.create_batch(3)
    smtp.sink.recipient_reply = "421 4.3.2 shutting down"

    sender.send_due()
    assert {m.deferrals for m in OutgoingMessage.objects.all()} == {0}
    smtp.sink.recipient_reply = None
    clock.forward(seconds=10)
    sender.send_due()

    assert len(smtp.sink.accepted) == len(messages)


def test_a_slow_server_does_not_hold_the_sender_for_ever(
    make_sender: Callable[..., Sender], smtp: Server
) -> None:
    sender = make_sender(smtp.url, patience=Patience(connect=1, command=1, data=1, final_reply=0.5))
    message = OutgoingMessageFactory()
    smtp.sink.delay = 3

    sender.send_due()

    message.refresh_from_db()
    assert (message.state, message.reason_detail) == ("deferred", "the server took too long")


@pytest.mark.parametrize(("scope", "state"), [("everything", "skipped"), ("marketing", "sent")])
def test_a_suppressed_address_gets_what_it_may_get(
    sender: Sender, smtp: Server, scope: str, state: str
) -> None:
    SuppressionFactory(address="stop@example.org", scope=scope, reason="complaint")
    message = OutgoingMessageFactory(recipient="stop@example.org")

    sender.send_due()

    message.refresh_from_db()
    assert message.state == state
    assert message.reason == ("complaint" if state == "skipped" else "")
    assert len(smtp.sink.accepted) == (state == "sent")


def test_a_confidential_text_is_forgotten_once_it_is_sent(sender: Sender, smtp: Server) -> None:
    message = OutgoingMessageFactory(is_confidential=True, text="https://…/reset/secret/")

    sender.send_due()

    message.refresh_from_db()
    assert (message.state, message.text) == ("sent", "")
    sent = smtp.sink.accepted[0].mail.get_payload(decode=True).decode()
    assert "https://…/reset/secret/" in sent


def test_a_sender_that_died_before_the_attempt_loses_nothing(
    sender: Sender, smtp: Server, clock: Clock
) -> None:
    OutgoingMessageFactory()
    assert len(claims.claim_due(uuid.uuid4())) == 1

    assert sender.send_due() is False, "the lease still holds"
    clock.forward(seconds=61)
    sender.send_due()

    assert len(smtp.sink.accepted) == 1


@pytest.mark.django_db(transaction=True)
def test_a_stale_sender_cannot_settle_what_others_took_over(
    sender: Sender, smtp: Server, clock: Clock, make_sender: Callable[..., Sender]
) -> None:
    message = OutgoingMessageFactory()

    def lose_the_lease() -> None:
        # While the first sender waits for its answer its lease runs out and another one recovers it.
        OutgoingMessage.objects.update(lease_until=now() - timedelta(seconds=1))
        claims.recover_abandoned()
        connection.close()

    smtp.sink.on_data = lose_the_lease
    sender.send_due()
    smtp.sink.on_data = None

    message.refresh_from_db()
    assert (message.state, message.tries.get().outcome) == ("deferred", "unknown")
    assert events("messaging.message-sent") == []
