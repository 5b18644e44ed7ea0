"""Webhooks of further providers: each proves itself in its own way, and says the same things."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.timezone import now

from messaging.models import OutgoingMessage, ProviderCall, RawMail, Suppression
from messaging.services import provider_calls
from tests.messaging.factories import MailboxFactory, OutgoingMessageFactory, mail_bytes

pytestmark = pytest.mark.django_db

SECRET = "provider:pass-word"
KEYS = {"mandrill": "key-of-mandrill", "mailtrap": "key-of-mailtrap", "unisender_go": "key-of-go"}
DEAD = "550 5.1.1 User unknown"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.ECRM_ESP_SECRETS = [SECRET]
    settings.ECRM_ESP_KEYS = [f"{name}={key}" for name, key in KEYS.items()]
    settings.ECRM_BASE_URL = "https://crm.example"


@pytest.fixture
def message() -> OutgoingMessage:
    return OutgoingMessageFactory(
        recipient="claire@example.org", state="sent", sent_at=now(), settled_at=now()
    )


def call(path: str, body: str | bytes, *, kind: str = "application/json", **headers: str) -> int:
    shown = "Basic " + base64.b64encode(SECRET.encode()).decode()
    client = Client(headers={"Authorization": shown, **headers})
    return client.generic("POST", f"/hooks/esp/{path}/", body, kind).status_code


def settle() -> None:
    while provider_calls.settle_next():
        pass


def signed_by_mandrill(path: str, body: dict[str, str], *, key: str = KEYS["mandrill"]) -> str:
    url = f"https://{SECRET}@crm.example/hooks/esp/{path}/"
    words = url + "".join(name + body[name] for name in sorted(body))
    return base64.b64encode(hmac.digest(key.encode(), words.encode(), "sha1")).decode()


def mandrill(path: str, events: list[dict[str, Any]], **options: str) -> int:
    body = {"mandrill_events": json.dumps(events)}
    signature = signed_by_mandrill(path, body, **options)
    return call(path, urlencode(body), kind=FORM, **{"X-Mandrill-Signature": signature})


def mandrill_bounce(message: OutgoingMessage) -> list[dict[str, Any]]:
    msg = {
        "email": message.recipient,
        "diag": DEAD,
        "metadata": {"ecrm_message": message.message_id},
    }
    return [{"event": "hard_bounce", "_id": "x", "ts": 1_790_000_000, "msg": msg}]


def mailtrap_bounce(message: OutgoingMessage) -> bytes:
    event = {
        "event": "bounce",
        "message_id": "theirs",
        "email": message.recipient,
        "timestamp": 1_790_000_000,
        "response": DEAD,
        "custom_variables": {"ecrm_message": message.message_id},
    }
    return json.dumps({"events": [event]}).encode()


def unisender_bounce(message: OutgoingMessage) -> bytes:
    data = {
        "job_id": "theirs",
        "status": "hard_bounced",
        "event_time": "2026-11-02 10:00:00",
        "email": message.recipient,
        "metadata": {"ecrm_message": message.message_id},
        "delivery_info": {"delivery_status": "err_user_unknown", "destination_response": DEAD},
    }
    event = {"event_name": "transactional_email_status", "event_data": data}
    body = json.dumps({"auth": "AUTH", "events_by_user": [{"user_id": 1, "events": [event]}]})
    proof = hashlib.md5(body.replace("AUTH", KEYS["unisender_go"]).encode(), usedforsecurity=False)
    return body.replace("AUTH", proof.hexdigest()).encode()


def resend_bounce(message: OutgoingMessage) -> bytes:
    data = {
        "created_at": "2026-11-02T10:00:00.000Z",
        "email_id": "theirs",
        "to": [message.recipient],
        "from": "shop@maison.example",
        "subject": "x",
        "headers": [{"name": "Message-ID", "value": message.message_id}],
        "bounce": {"message": DEAD, "type": "Permanent", "subType": "General"},
    }
    event = {"type": "email.bounced", "created_at": "2026-11-02T10:00:01.000Z", "data": data}
    return json.dumps(event).encode()


def amazon(said: dict[str, Any], kind: str = "Notification") -> bytes:
    body = {
        "Type": kind,
        "MessageId": "m-1",
        "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Message": json.dumps(said),
        "Timestamp": "2026-11-02T10:00:00.000Z",
        "Token": "t",
        "SubscribeURL": "https://sns.example/confirm",
    }
    return json.dumps(body).encode()


def amazon_bounce(message: OutgoingMessage) -> bytes:
    return amazon(
        {
            "eventType": "Bounce",
            "mail": {
                "messageId": "theirs",
                "destination": [message.recipient],
                "headers": [{"name": "Message-ID", "value": message.message_id}],
            },
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {"emailAddress": message.recipient, "diagnosticCode": f"smtp; {DEAD}"}
                ],
            },
        }
    )


def tell_a_bounce(provider: str, message: OutgoingMessage) -> int:
    path = f"{provider}/tracking"
    if provider == "mandrill":
        return mandrill(path, mandrill_bounce(message))
    if provider == "mailtrap":
        body = mailtrap_bounce(message)
        proof = hmac.digest(KEYS["mailtrap"].encode(), body, "sha256").hex()
        return call(path, body, **{"Mailtrap-Signature": proof})
    bodies = {
        "unisender_go": unisender_bounce,
        "resend": resend_bounce,
        "amazon_ses": amazon_bounce,
    }
    return call(path, bodies[provider](message), kind="text/plain; charset=UTF-8")


@pytest.mark.parametrize(
    "provider", ["amazon_ses", "mailtrap", "mandrill", "resend", "unisender_go"]
)
def test_a_dead_address_told_twice_is_spared_once(provider, message):
    assert [tell_a_bounce(provider, message) for _ in range(2)] == [200, 200]

    settle()

    message.refresh_from_db()
    assert message.state == "failed"
    assert list(Suppression.objects.values_list("address", "scope")) == [
        (message.recipient, "everything")
    ]


def test_a_call_signed_with_another_key_leaves_nothing(message):
    wrong = {"Mailtrap-Signature": "0" * 64}

    assert mandrill("mandrill/tracking", mandrill_bounce(message), key="wrong") == 401
    assert call("mailtrap/tracking", mailtrap_bounce(message), **wrong) == 401
    altered = unisender_bounce(message).replace(b"hard_bounced", b"delivered")
    assert call("unisender_go/tracking", altered) == 401
    assert call("unisender_go/tracking", b'{"auth": "0"}') == 401
    assert not ProviderCall.objects.exists()


def test_a_mail_through_mandrill_arrives_as_its_writer_wrote_it():
    mailbox = MailboxFactory()
    raw = mail_bytes(to=mailbox.address, headers={"X-Long": "a " * 200}).decode()
    events = [{"event": "inbound", "ts": 1, "msg": {"raw_msg": raw, "email": mailbox.address}}]

    assert mandrill("mandrill/inbound", events) == 200
    provider_calls.settle_next()

    [kept] = RawMail.objects.select_related("content")
    assert kept.mailbox == mailbox
    assert bytes(kept.content.body).decode().split() == raw.split()


def test_amazon_sends_a_mail_along_and_asks_before():
    mailbox = MailboxFactory()
    said = {
        "notificationType": "Received",
        "mail": {"destination": [mailbox.address], "source": "a@b.example"},
        "receipt": {
            "action": {"type": "SNS", "encoding": "BASE64"},
            "recipients": [mailbox.address],
        },
        "content": base64.b64encode(mail_bytes(to=mailbox.address)).decode(),
    }

    assert call("amazon_ses/inbound", amazon({}, "SubscriptionConfirmation")) == 200
    assert call("amazon_ses/inbound", amazon(said)) == 200
    settle()

    assert RawMail.objects.get().mailbox == mailbox
    assert ProviderCall.objects.get(state="parked").cause == "to_be_confirmed"


def test_unisender_looks_by_get_whether_somebody_is_at_home():
    assert Client().get("/hooks/esp/unisender_go/tracking/").status_code == 200
    assert Client().get("/hooks/esp/mandrill/tracking/").status_code == 405
    assert Client().head("/hooks/esp/mandrill/tracking/").status_code == 200
