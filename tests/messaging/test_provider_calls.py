"""Webhooks of mail providers: proven, kept, answered; then applied once and in any order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.timezone import now

from messaging.models import Mail, OutgoingMessage, ProviderCall, RawMail, Suppression
from messaging.services import provider_calls, reading
from messaging.transports.reader import MailReader
from tests.messaging.factories import MailboxFactory, OutgoingMessageFactory, mail_bytes

pytestmark = pytest.mark.django_db

SECRET = "provider:pass-word"
MAILGUN_KEY = "key-of-mailgun"


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.ECRM_ESP_SECRETS = ["older:secret", SECRET]
    settings.ECRM_ESP_KEYS = ["mailgun=former", f"mailgun={MAILGUN_KEY}"]


@pytest.fixture
def message() -> OutgoingMessage:
    return OutgoingMessageFactory(
        recipient="claire@example.org", state="sent", sent_at=now(), settled_at=now()
    )


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(secret.encode()).decode()


def call(
    path: str, body: Any, *, secret: str = SECRET, content_type: str = "application/json"
) -> int:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {"Authorization": basic(secret)} if secret else {}
    client = Client(headers=headers)
    return client.generic("POST", f"/hooks/esp/{path}/", data, content_type).status_code


def settle(**span: float) -> None:
    while provider_calls.settle_next(at=now() + timedelta(**span)):
        pass


def postmark(message: OutgoingMessage, record: str, **values: Any) -> dict[str, Any]:
    return {
        "RecordType": record,
        "MessageID": message.message_id.strip("<>"),
        "Recipient": message.recipient,
        "Email": message.recipient,
        "DeliveredAt": "2026-11-02T10:00:00Z",
        "BouncedAt": "2026-11-02T10:00:00Z",
        **values,
    }


def bounce(message: OutgoingMessage, kind: str = "HardBounce", **values: Any) -> dict[str, Any]:
    values = {"Details": "smtp;550 5.1.1 User unknown", **values}
    return postmark(message, "Bounce", Type=kind, ID=4, **values)


def spared() -> list[tuple[str, str]]:
    return list(Suppression.objects.values_list("scope", "reason"))


# --- Who may call ---


@pytest.mark.parametrize("secret", ["", "provider:wrong", "provider"])
def test_who_shows_no_valid_secret_is_refused_and_leaves_nothing(
    message: OutgoingMessage, secret: str
) -> None:
    assert call("postmark/tracking", bounce(message), secret=secret) == 401
    assert not ProviderCall.objects.exists()


def test_without_any_secret_nobody_may_call(message: OutgoingMessage, settings: Any) -> None:
    settings.ECRM_ESP_SECRETS = []

    assert call("postmark/tracking", bounce(message)) == 401


@pytest.mark.parametrize("secret", ["older:secret", SECRET])
def test_both_secrets_are_good_while_they_change(message: OutgoingMessage, secret: str) -> None:
    assert call("postmark/tracking", bounce(message), secret=secret) == 200


@pytest.mark.parametrize("path", ["nobody/tracking", "postmark/else", "brevo/inbound"])
def test_a_provider_that_we_cannot_read_is_unknown(path: str) -> None:
    assert call(path, {}) == 404


def test_a_provider_may_look_whether_somebody_is_at_home() -> None:
    assert Client().head("/hooks/esp/postmark/tracking/").status_code == 200
    assert Client().get("/hooks/esp/postmark/tracking/").status_code == 405


def mailgun(message: OutgoingMessage, *, key: str = MAILGUN_KEY) -> dict[str, Any]:
    stamp = str(int(time.time()))
    signed = hmac.new(key.encode(), f"{stamp}token".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": stamp, "token": "token", "signature": signed},
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "timestamp": time.time(),
            "id": "abc",
            "recipient": message.recipient,
            "message": {"headers": {"message-id": message.message_id.strip("<>")}},
            "delivery-status": {"code": 550, "message": "5.1.1 The account does not exist"},
        },
    }


def test_a_provider_that_signs_has_to_sign(message: OutgoingMessage) -> None:
    assert call("mailgun/tracking", mailgun(message, key="forged")) == 401
    assert call("mailgun/tracking", mailgun(message), secret="") == 401
    assert call("mailgun/tracking", b"not json") == 401
    assert call("mailgun/tracking", mailgun(message)) == 200

    settle()

    message.refresh_from_db()
    assert message.state == "failed"
    assert spared() == [("everything", "hard_bounce")]


# --- What they report ---


def test_a_delivery_is_noted(message: OutgoingMessage) -> None:
    assert call("postmark/tracking", postmark(message, "Delivery")) == 200
    settle()

    message.refresh_from_db()
    assert message.state == "delivered"
    assert ProviderCall.objects.get().body is None


@pytest.mark.parametrize(
    ("report", "suppressions"),
    [
        ({"kind": "HardBounce"}, [("everything", "hard_bounce")]),
        ({"kind": "HardBounce", "Details": ""}, [("everything", "hard_bounce")]),
        ({"kind": "HardBounce", "Details": "552 5.2.2 mailbox full"}, []),
        ({"kind": "SoftBounce", "Details": "mailbox full"}, []),
        ({"kind": "SoftBounce", "Details": ""}, []),
        ({"kind": "Blocked", "Details": "blocked by policy"}, []),
        (
            {"kind": "HardBounce", "Email": "other@example.org", "Recipient": "other@example.org"},
            [],
        ),
    ],
)
def test_only_a_dead_address_is_spared(
    message: OutgoingMessage, report: dict[str, str], suppressions: list[Any]
) -> None:
    call("postmark/tracking", bounce(message, **report))
    settle()

    message.refresh_from_db()
    assert message.state == "failed"
    assert spared() == suppressions


def test_a_complaint_and_a_wish_to_leave_end_marketing(message: OutgoingMessage) -> None:
    call("postmark/tracking", postmark(message, "SpamComplaint", Type="SpamComplaint"))
    settle()
    assert spared() == [("marketing", "complaint")]

    call(
        "postmark/tracking",
        postmark(
            message,
            "SubscriptionChange",
            SuppressSending=True,
            SuppressionReason="ManualSuppression",
            ChangedAt="2026-11-02T10:00:00Z",
        ),
    )
    settle()
    assert sorted(spared()) == [("marketing", "complaint"), ("marketing", "unsubscribed")]


@pytest.mark.parametrize("first", ["delivery", "bounce"])
def test_reports_in_any_order_and_number_end_in_the_same_state(
    message: OutgoingMessage, first: str
) -> None:
    reports = [postmark(message, "Delivery"), bounce(message)]
    for report in [*(reports if first == "delivery" else reversed(reports)), *reports]:
        assert call("postmark/tracking", report) == 200
        settle()

    message.refresh_from_db()
    assert message.state == "failed"
    assert ProviderCall.objects.count() == 2
    assert spared() == [("everything", "hard_bounce")]


def test_a_report_that_is_faster_than_the_sender_waits_for_it(message: OutgoingMessage) -> None:
    report = postmark(message, "Delivery", MessageID="made-by-the-provider")
    call("postmark/tracking", report)
    settle()
    assert ProviderCall.objects.get().state == "received"

    OutgoingMessage.objects.filter(pk=message.pk).update(provider_id="made-by-the-provider")
    settle(minutes=5)

    message.refresh_from_db()
    assert message.state == "delivered"


def test_a_report_about_nothing_of_ours_is_parked_in_the_end(message: OutgoingMessage) -> None:
    call("postmark/tracking", postmark(message, "Delivery", MessageID="of-somebody-else"))
    for minutes in range(0, 60, 10):
        settle(minutes=minutes)

    found = ProviderCall.objects.get()
    assert (found.state, found.cause) == ("parked", "unknown_message")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"RecordType": 4}'])
def test_what_is_not_understood_is_taken_and_parked(body: bytes) -> None:
    assert call("sendgrid/tracking", body) == 200
    settle()

    assert ProviderCall.objects.get().state in {"parked", "done"}


def test_parked_calls_are_forgotten_after_two_weeks() -> None:
    call("postmark/tracking", b"{")
    settle()

    assert provider_calls.forget_parked(at=now() + timedelta(days=13)) == 0
    assert provider_calls.forget_parked(at=now() + timedelta(days=15)) == 1
    assert ProviderCall.objects.get().body is None


# --- What they received for us ---


def inbound(raw: bytes, recipient: str, *, large: bytes = b"") -> tuple[bytes, str]:
    fields = {"email": raw, "envelope": json.dumps({"to": [recipient], "from": "c@x.example"})}
    return form(fields, files={"large": large} if large else {})


def form(fields: dict[str, Any], files: dict[str, bytes]) -> tuple[bytes, str]:
    given = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in fields.items()
    }
    attached = {name: SimpleUploadedFile(f"{name}.bin", data) for name, data in files.items()}
    return encode_multipart(BOUNDARY, {**given, **attached}), MULTIPART_CONTENT


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_a_provider_received_takes_the_way_of_all_mail() -> None:
    mailbox = MailboxFactory(address="bonjour@maison.example")
    body, kind = inbound(mail_bytes(text="x" * 6_000_000), "bonjour+abc@maison.example")

    assert call("sendgrid/inbound", body, content_type=kind) == 200
    settle()

    raw = RawMail.objects.get()
    assert (raw.mailbox, raw.source, raw.envelope_sender) == (mailbox, "webhook", "c@x.example")
    reader = MailReader()
    assert reading.read_next(reader)
    reader.close()
    assert Mail.objects.get().from_address == "claire@example.org"


@pytest.mark.django_db(transaction=True)
def test_the_same_mail_told_twice_is_one_mail() -> None:
    MailboxFactory(address="bonjour@maison.example")
    raw = mail_bytes()
    reader = MailReader()
    for large in (b"", b"another form around the same mail"):
        body, kind = inbound(raw, "bonjour@maison.example", large=large)
        call("sendgrid/inbound", body, content_type=kind)
        settle()
        reading.read_next(reader)
    reader.close()

    assert Mail.objects.count() == 1
    assert sorted(RawMail.objects.values_list("outcome", flat=True)) == ["", "duplicate"]


@pytest.mark.django_db(transaction=True)
def test_a_mail_for_nobody_is_parked() -> None:
    body, kind = inbound(mail_bytes(), "nobody@maison.example")

    assert call("sendgrid/inbound", body, content_type=kind) == 200
    settle()

    assert ProviderCall.objects.get().cause == "unknown_mailbox"
    assert not RawMail.objects.exists()
