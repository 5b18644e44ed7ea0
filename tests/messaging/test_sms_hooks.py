"""Webhooks of SMS providers: proven, kept raw, answered; then applied once and in any order."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.timezone import now

from ecrm.kernel.models import EventRecord
from messaging.models import OutgoingMessage, ProviderCall, ReceivedSms, SmsAccount, Suppression
from messaging.services import permits, provider_calls, sms_accounts, suppressions
from profiles import queries as profiles
from profiles import services as profile_services
from profiles.services import consents, erasing
from profiles.types import Identity
from tests.company.factories import ShopFactory
from tests.messaging.factories import OutgoingMessageFactory

pytestmark = pytest.mark.django_db

NUMBER = "+33612345678"
TOKEN = "twilio-token"


def make_account(provider: str, **values: Any) -> SmsAccount:
    shop = values.pop("shop", None) or ShopFactory(market="FR")
    access = sms_accounts.Access(
        provider=provider, sender="+33700000000", username="AC1", secret=TOKEN, **values
    )
    return SmsAccount.objects.get(
        pk=sms_accounts.create_account(shop_id=shop.pk, access=access, by=None)
    )


@pytest.fixture
def account() -> SmsAccount:
    return make_account("twilio")


def sms_of(account: SmsAccount, **values: Any) -> OutgoingMessage:
    options = {
        "shop": account.shop,
        "channel": "sms",
        "recipient": NUMBER,
        "state": "sent",
        "sent_at": now(),
        "settled_at": now(),
        "provider_id": "SM1",
        **values,
    }
    return OutgoingMessageFactory(**options)


def twilio(query: str = "", *, token: str = TOKEN, **form: str) -> int:
    path = f"/hooks/sms/twilio/{query}"
    signed = f"http://testserver{path}" + "".join(k + v for k, v in sorted(form.items()))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    client = Client(headers={"X-Twilio-Signature": signature})
    body = urlencode(form)
    return client.generic("POST", path, body, "application/x-www-form-urlencoded").status_code


@pytest.fixture(autouse=True)
def base_url(settings: Any) -> None:
    settings.ECRM_BASE_URL = "http://testserver"


def key_of(account: SmsAccount) -> str:
    return sms_accounts.prepared(account).hook_keys[0]


def brevo(account: SmsAccount, body: Any, *, key: str | None = None) -> int:
    path = f"/hooks/sms/brevo/?key={key or key_of(account)}"
    return Client().post(path, body, content_type="application/json").status_code


def write(text: str, *, sid: str = "SM9", number: str = NUMBER, **form: str) -> int:
    return twilio(MessageSid=sid, From=number, To="+33700000000", Body=text, **form)


def settle(**span: float) -> None:
    while provider_calls.settle_next(at=now() + timedelta(**span)):
        pass


def told() -> list[dict[str, Any]]:
    rows = EventRecord.objects.filter(name="messaging.sms-received").order_by("pk")
    return [row.payload for row in rows]


def fresh(message: OutgoingMessage) -> OutgoingMessage:
    return OutgoingMessage.objects.get(pk=message.pk)


# --- Proofs -----------------------------------------------------------------------------------------


def test_a_call_with_twilios_signature_is_kept_raw_and_answered(account):
    assert write("Bonjour") == 204

    call = ProviderCall.objects.get()
    assert (call.provider, call.kind, call.account_id) == ("twilio", "sms", account.pk)
    assert b"Body=Bonjour" in bytes(call.body)
    assert not ReceivedSms.objects.exists()


def test_a_call_signed_with_another_token_leaves_nothing(account):
    assert twilio(token="guessed", MessageSid="SM9", From=NUMBER, Body="STOP") == 401
    assert not ProviderCall.objects.exists()


def test_a_form_that_was_changed_on_the_way_leaves_nothing(account):
    form = {"MessageSid": "SM9", "From": NUMBER, "Body": "Bonjour"}
    signed = "http://testserver/hooks/sms/twilio/" + "".join(k + v for k, v in sorted(form.items()))
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode()
    client = Client(headers={"X-Twilio-Signature": signature})

    answer = client.post(
        "/hooks/sms/twilio/",
        urlencode({**form, "Body": "STOP"}),
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 401


def test_an_account_without_a_secret_proves_nothing(account):
    account.secrets_encrypted = ""
    account.save()

    assert twilio(token="", MessageSid="SM9", From=NUMBER, Body="STOP") == 401


@pytest.mark.parametrize("way", ["address", "password", "bearer"])
def test_a_provider_that_cannot_sign_shows_our_key(way):
    account = make_account("brevo")
    key = key_of(account)
    basic = base64.b64encode(f"brevo:{key}".encode()).decode()
    headers = {"password": f"Basic {basic}", "bearer": f"Bearer {key}"}.get(way)
    client = Client(headers={"Authorization": headers} if headers else {})
    path = f"/hooks/sms/brevo/{'?key=' + key if way == 'address' else ''}"

    answer = client.post(
        path, {"messageId": 1, "msg_status": "delivered"}, content_type="application/json"
    )

    assert answer.status_code == 204
    assert key.encode() not in bytes(ProviderCall.objects.get().body)


def test_the_key_of_another_account_opens_nothing_of_this_one():
    mine, other = make_account("brevo"), make_account("brevo")
    message = sms_of(mine, provider_id="77")

    assert brevo(other, {"messageId": 77, "msg_status": "hard_bounce", "to": NUMBER}) == 204
    settle(hours=1)

    assert fresh(message).state == "sent"
    assert brevo(mine, {"messageId": 77}, key="wrong") == 401


def test_a_call_of_our_own_dialect_is_signed():
    account = make_account("generic")
    message = sms_of(account, provider_id="g-1")
    body = json.dumps({"id": "g-1", "status": "delivered"})
    signature = hmac.new(key_of(account).encode(), body.encode(), "sha256").hexdigest()

    for shown, status in ((f"sha256={signature}", 204), ("sha256=0", 401), ("", 401)):
        client = Client(headers={"X-Signature": shown})
        answer = client.post("/hooks/sms/generic/", body, content_type="application/json")
        assert answer.status_code == status
    settle()

    assert fresh(message).state == "delivered"


def test_ovh_calls_by_get_and_nobody_else_does():
    account = make_account("ovh", service="sms-ab1-1")
    message = sms_of(account, provider_id="4711")

    answer = Client().get(f"/hooks/sms/ovh/?id=4711&ptt=4&key={key_of(account)}")
    settle()

    assert answer.status_code == 204
    assert fresh(message).state == "delivered"
    assert Client().get("/hooks/sms/ovh/?id=4711&ptt=4").status_code == 401
    assert Client().get("/hooks/sms/twilio/").status_code == 405
    assert Client().post("/hooks/sms/nobody/").status_code == 404


# --- Reports ----------------------------------------------------------------------------------------


def test_a_delivery_report_settles_its_sms_once(account):
    message = sms_of(account)

    for _ in range(2):
        assert twilio(MessageSid="SM1", MessageStatus="delivered") == 204
    settle()

    assert fresh(message).state == "delivered"
    assert ProviderCall.objects.get().state == "done"


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["sent", "delivered", "undelivered"]))
)
def test_reports_end_in_the_same_state_in_any_order(account, order):
    message = sms_of(account)

    for status in order:
        code = {"ErrorCode": "30003"} if status == "undelivered" else {}
        twilio(MessageSid="SM1", MessageStatus=status, **code)
        settle()

    message = fresh(message)
    assert (message.state, message.reason) == ("failed", "unreachable_phone")
    assert not Suppression.objects.exists()


def test_a_report_that_is_faster_than_our_own_commit_waits_for_it(account):
    message = sms_of(account, state="pending", sent_at=None, settled_at=None)
    twilio(MessageSid="SM1", MessageStatus="delivered")
    settle()
    assert fresh(message).state == "pending"

    OutgoingMessage.objects.update(state="sent", sent_at=now(), settled_at=now())
    settle(minutes=5)

    assert fresh(message).state == "delivered"


def test_our_reference_settles_an_sms_whose_answer_was_lost(account):
    message = sms_of(
        account, state="ambiguous", reason="answer_lost", sent_at=now(), provider_id=""
    )

    twilio(f"?reference={message.uuid.hex}", MessageSid="SM1", MessageStatus="delivered")
    settle()

    assert fresh(message).state == "delivered"


def test_a_dead_number_is_spared_by_all(account):
    sms_of(account)

    twilio(MessageSid="SM1", MessageStatus="failed", ErrorCode="30005")
    settle()

    ban = Suppression.objects.get()
    assert (ban.address, ban.scope, ban.reason) == (NUMBER, "everything", "hard_bounce")


def test_brevo_tells_several_things_at_once():
    account = make_account("brevo")
    message = sms_of(account, provider_id="77")
    other = sms_of(account, provider_id="78", recipient="+33611111111")

    brevo(
        account,
        [
            {"messageId": 77, "msg_status": "delivered"},
            {"messageId": 78, "msg_status": "unsubscribe", "to": "33611111111"},
        ],
    )
    settle()

    assert fresh(message).state == "delivered"
    assert fresh(other).reason == "unsubscribed"
    assert Suppression.objects.get().channel == "sms"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"MessageSid=", b"a=1&a=2"])
def test_what_nobody_understands_is_parked_and_not_refused(account, body):
    signed = "http://testserver/hooks/sms/twilio/"
    if body == b"MessageSid=":
        signed += "MessageSid"
    elif body == b"a=1&a=2":
        signed += "a1a2"
    elif body == b"\xff\xfe":
        signed += "\ufffd\ufffd"
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode()
    client = Client(headers={"X-Twilio-Signature": signature})

    answer = client.generic("POST", "/hooks/sms/twilio/", body, "application/x-www-form-urlencoded")
    settle()

    assert answer.status_code == 204
    call = ProviderCall.objects.get()
    assert (call.state, call.cause) == ("parked", "not_understood")


# --- What customers write ---------------------------------------------------------------------------


def test_an_sms_of_a_customer_is_his_and_answers_the_last_one_to_him(account):
    message = sms_of(account)
    known = profile_services.resolve(
        Identity(phone=NUMBER, is_proven=True), shop_id=account.shop_id, source="order"
    )

    write("Où est mon colis ?")
    settle()

    received = ReceivedSms.objects.get()
    assert (received.profile_id, received.answers_id) == (known.profile_id, message.pk)
    assert (received.text, received.order) == ("Où est mon colis ?", "")
    (event,) = told()
    assert event["sms_id"] == received.pk


def test_the_same_sms_again_is_the_same(account):
    write("Bonjour")
    settle()
    write("Bonjour", NumMedia="0")
    settle()

    assert ReceivedSms.objects.count() == 1
    assert len(told()) == 1


def test_a_stop_spares_the_number_in_this_shop_and_stands_in_the_ledger(account):
    write(" Arrêt. ")
    settle()

    ban = Suppression.objects.get()
    assert (ban.address, ban.scope, ban.channel) == (NUMBER, "channel", "sms")
    assert (ban.shop_id, ban.reason) == (account.shop_id, "unsubscribed")
    profile_id = ReceivedSms.objects.get().profile_id
    (stand,) = profiles.consents.standings(profile_id, shop_ids=[account.shop_id])
    assert (stand.channel, stand.answer, stand.source) == ("sms", "withdrawn", "sms")


def test_a_start_lifts_the_own_stop_and_stands_in_the_ledger(account):
    write("STOP", sid="SM8")
    settle()
    write("start", sid="SM9")
    settle()

    assert Suppression.objects.get().lifted_at is not None
    profile_id = ReceivedSms.objects.latest("pk").profile_id
    (stand,) = profiles.consents.standings(profile_id, shop_ids=[account.shop_id])
    assert stand.answer == "granted"


def test_a_start_lifts_nothing_that_others_entered(account):
    for reason, scope in (("hard_bounce", "everything"), ("requested", "channel")):
        suppressions.suppress(
            NUMBER,
            scope=scope,
            channel="sms" if scope == "channel" else "",
            reason=reason,
            shop_id=account.shop_id,
        )

    write("START")
    settle()

    assert Suppression.objects.filter(lifted_at=None).count() == 2
    profile_id = ReceivedSms.objects.get().profile_id
    assert profiles.consents.standings(profile_id, shop_ids=[account.shop_id]) == []


def test_a_start_grants_nothing_that_was_withdrawn_elsewhere(account):
    write("STOP", sid="SM8")
    settle()
    profile_id = ReceivedSms.objects.get().profile_id
    consents.record(
        profile_id,
        shop_id=account.shop_id,
        channel="sms",
        purpose="marketing",
        answer="withdrawn",
        evidence=consents.Evidence(source="preferences"),
    )

    write("START", sid="SM9")
    settle()

    (stand,) = profiles.consents.standings(profile_id, shop_ids=[account.shop_id])
    assert stand.answer == "withdrawn"


def test_a_name_that_writes_is_kept_and_is_nobodys(account):
    write("Votre code", number="AMAZON")
    settle()

    received = ReceivedSms.objects.get()
    assert (received.from_number, received.profile_id) == ("AMAZON", None)


def test_an_erased_customer_leaves_no_word_and_his_stop_stays(account):
    write("STOP")
    settle()
    profile_id = ReceivedSms.objects.get().profile_id

    erasing.erase(profile_id, by=None, source="test")

    received = ReceivedSms.objects.get()
    assert (received.from_number, received.text) == ("", "")
    ban = Suppression.objects.get()
    assert NUMBER not in ban.address
    assert NUMBER in permits.bans({NUMBER}, at=now())
