"""SMS on their way out: over a real HTTP server that behaves like the providers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from messaging import services
from messaging.models import DeliveryAttempt, MailServer, OutgoingMessage, SmsAccount, Suppression
from messaging.services import claims, sms, sms_accounts, sms_sending
from messaging.services.sms_sending import SmsSender
from profiles import services as profiles
from profiles.services import consents
from profiles.types import Identity
from tests.company.factories import ShopFactory
from tests.messaging import sms_gateway as shapes
from tests.messaging.factories import EagerShopFactory, SuppressionFactory
from tests.messaging.sms_gateway import Server

pytestmark = pytest.mark.django_db

NUMBER = "+33612345678"
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def account_with(provider: str, gateway: Server, **values: Any) -> SmsAccount:
    known = {
        "twilio": {"username": shapes.TWILIO["sid"], "secret": shapes.TWILIO["token"]},
        "ovh": {
            "username": shapes.OVH["key"],
            "service": shapes.OVH["service"],
            "secret": shapes.OVH["secret"],
            "consumer_key": shapes.OVH["consumer"],
        },
        "brevo": {"secret": shapes.BREVO_KEY},
        "generic": {"secret": shapes.GENERIC_KEY},
    }[provider]
    shop = values.pop("shop", None) or EagerShopFactory(market="FR", time_zone="Europe/Paris")
    access = {"provider": provider, "sender": "Maison", "url": gateway.url, **known, **values}
    pk = sms_accounts.create_account(shop_id=shop.pk, access=sms_accounts.Access(**access), by=None)
    return SmsAccount.objects.get(pk=pk)


@pytest.fixture
def account(sms_gateway: Server) -> SmsAccount:
    return account_with("generic", sms_gateway)


def queue(account: SmsAccount, **values: Any) -> OutgoingMessage:
    options = {
        "to": NUMBER,
        "profile_id": None,
        "purpose": "transactional",
        "language": "fr",
        "text": "Votre colis est arrivé.",
        "dedupe_key": f"test:{OutgoingMessage.objects.count()}",
        **values,
    }
    pk = services.queue_sms(shop_id=account.shop_id, **options)
    return OutgoingMessage.objects.get(pk=pk)


def fresh(message: OutgoingMessage) -> OutgoingMessage:
    return OutgoingMessage.objects.get(pk=message.pk)


# --- Writing one down -------------------------------------------------------------------------------


def test_an_sms_is_a_row_before_anything_leaves(account):
    message = queue(account, to="06 12 34 56 78", about="order:7")

    assert (message.channel, message.state, message.recipient) == ("sms", "pending", NUMBER)
    assert (message.from_address, message.subject) == ("Maison", "Votre colis est arrivé.")


def test_the_same_key_is_the_same_sms(account):
    assert queue(account, dedupe_key="once").pk == queue(account, dedupe_key="once").pk


def test_what_is_no_number_is_refused(account):
    with pytest.raises(sms.InvalidNumber):
        queue(account, to="12")


def test_a_shop_without_an_account_sends_no_sms(account):
    account.is_active = False
    account.save()

    with pytest.raises(sms.NoSmsAccount):
        queue(account)


@pytest.mark.parametrize("text", ["", "  \n", "a" * 1531])
def test_nothing_and_too_much_are_refused(account, text):
    with pytest.raises(sms.UnusableText):
        queue(account, text=text)


def test_marketing_says_how_to_stop_and_a_receipt_does_not(account):
    account.stop_note = "STOP 36111"
    account.save()

    assert queue(account, purpose="marketing", text="Soldes").text == "Soldes\nSTOP 36111"
    assert queue(account, purpose="marketing", text="Répondez STOP").text == "Répondez STOP"
    assert queue(account, text="Merci").text == "Merci"


def test_typography_that_costs_a_segment_is_made_plain(account):
    text = "L’offre – jusqu’à dimanche… " + "a" * 60

    assert queue(account, text=text).text.startswith("L'offre - jusqu'à dimanche... ")


# --- The providers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["twilio", "ovh", "brevo", "generic"])
def test_each_provider_takes_an_sms_that_is_signed_as_it_wants(provider, sms_gateway, sms_sender):
    account = account_with(provider, sms_gateway)
    message = queue(account, text="Votre commande n° 7 part à 8 € € €")

    assert sms_sender.send_due()

    (taken,) = sms_gateway.gateway.taken
    assert (taken.recipient, taken.text) == (NUMBER, message.text)
    message = fresh(message)
    assert (message.state, message.provider_id) == ("sent", taken.number)
    attempt = message.tries.get()
    assert (attempt.outcome, attempt.host) == ("accepted", account.host)


@pytest.mark.parametrize("provider", ["twilio", "ovh", "brevo", "generic"])
def test_a_number_that_the_provider_refuses_fails_with_a_stable_reason(
    provider, sms_gateway, sms_sender
):
    account = account_with(provider, sms_gateway)
    message = queue(account, to="+33999000000")

    sms_sender.send_due()

    message = fresh(message)
    assert (message.state, message.reason) == ("failed", "invalid_recipient")
    assert not MailServer.objects.filter(failures__gt=0).exists()


@pytest.mark.parametrize("provider", ["twilio", "ovh", "brevo", "generic"])
def test_a_wrong_secret_keeps_everything_waiting_and_pauses_the_account(
    provider, sms_gateway, sms_sender
):
    account = account_with(provider, sms_gateway, secret="wrong")
    messages = [queue(account), queue(account)]

    assert not sms_sender.send_due()

    tried, untouched = map(fresh, messages)
    assert (tried.state, tried.reason) == ("deferred", "account_refused")
    assert (untouched.state, untouched.reason) == ("deferred", "server_unreachable")
    assert untouched.attempts == 0
    assert MailServer.objects.get(host=account.host).failures == 1


def test_twilio_gets_a_messaging_service_where_the_sender_is_one(sms_gateway, sms_sender):
    queue(account_with("twilio", sms_gateway, sender="MG42"))

    sms_sender.send_due()

    said = sms_gateway.gateway.taken[0].said
    assert said["MessagingServiceSid"] == "MG42"
    assert "From" not in said


def test_ovh_is_told_whether_it_has_to_write_how_to_stop(sms_gateway, sms_sender, clock):
    account = account_with("ovh", sms_gateway)
    clock.shift = TUESDAY - now()
    queue(account, at=TUESDAY)
    queue(account, purpose="marketing", text="Soldes", at=TUESDAY)

    sms_sender.send_due()

    assert [taken.said["noStopClause"] for taken in sms_gateway.gateway.taken] == [True, False]


def test_a_number_that_stopped_at_the_provider_is_spared_by_us_too(sms_gateway, sms_sender):
    account = account_with("twilio", sms_gateway)
    message = queue(account, to="+33888000000")

    sms_sender.send_due()

    assert fresh(message).reason == "unsubscribed"
    ban = Suppression.objects.get()
    assert (ban.scope, ban.channel, ban.shop_id) == ("channel", "sms", account.shop_id)


def test_an_address_in_a_private_network_is_called_only_where_the_operator_allows_it(
    account, sms_gateway, sms_sender, settings
):
    settings.ECRM_PRIVATE_HOSTS = []
    message = queue(account)

    sms_sender.send_due()

    assert sms_gateway.gateway.calls == []
    assert fresh(message).reason == "server_unreachable"


# --- Trouble ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_attempt_is_committed_before_the_provider_hears_of_the_sms(sms_gateway, sms_sender):
    seen: list[str] = []
    message = queue(account_with("generic", sms_gateway))

    def look() -> None:
        seen.append(message.tries.get().outcome)  # over the server's own connection
        connection.close()

    sms_gateway.gateway.on_call = look
    sms_sender.send_due()

    assert seen == ["attempting"]
    assert fresh(message).state == "sent"


def test_an_answer_that_is_lost_makes_marketing_unclear_and_is_never_tried_again(
    account, sms_gateway, sms_sender, clock
):
    clock.shift = TUESDAY - now()
    message = queue(account, purpose="marketing", text="Soldes", at=TUESDAY)
    sms_gateway.gateway.drop_after = 1

    sms_sender.send_due()
    clock.forward(hours=1)
    sms_sender.send_due()

    message = fresh(message)
    assert (message.state, message.reason) == ("ambiguous", "answer_lost")
    assert len(sms_gateway.gateway.taken) == 1
    assert message.tries.get().outcome == "unknown"


def test_an_answer_that_is_lost_makes_a_receipt_go_once_more_with_the_same_reference(
    account, sms_gateway, sms_sender, clock
):
    message = queue(account)
    sms_gateway.gateway.drop_after = 1

    sms_sender.send_due()
    clock.forward(minutes=1)
    sms_sender.send_due()

    first, second = sms_gateway.gateway.taken
    assert first.said["reference"] == second.said["reference"] == message.uuid.hex
    assert fresh(message).state == "sent"


def test_a_provider_that_is_down_keeps_everything_waiting_and_it_flows_when_it_is_back(
    account, sms_gateway, sms_sender, clock
):
    messages = [queue(account) for _ in range(4)]
    sms_gateway.stop()

    sms_sender.send_due()
    sms_gateway.start()
    for _ in range(8):
        clock.forward(minutes=2)
        sms_sender.send_due()

    assert {fresh(message).state for message in messages} == {"sent"}
    assert len(sms_gateway.gateway.taken) == 4


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (400, "failed", "refused"),
        (402, "deferred", "no_credit"),
        (403, "deferred", "account_refused"),
        (429, "deferred", "try_later"),
        (503, "deferred", "server_unreachable"),
        (500, "ambiguous", "answer_lost"),
        (502, "ambiguous", "answer_lost"),
        (200, "ambiguous", "answer_lost"),
    ],
)
def test_what_a_status_means_for_a_marketing_sms(
    account, sms_gateway, sms_sender, clock, status, state, reason
):
    clock.shift = TUESDAY - now()
    message = queue(account, purpose="marketing", text="Soldes", at=TUESDAY)
    sms_gateway.gateway.answer = (status, {"message": "no"})

    sms_sender.send_due()

    message = fresh(message)
    assert (message.state, message.reason) == (state, reason)


def test_a_sender_that_died_before_the_call_leaves_nothing_unclear(account, sms_sender, clock):
    message = queue(account, purpose="marketing", text="Soldes", at=TUESDAY)
    sms_sending.claim_due(message.uuid, account=account, at=TUESDAY)

    recovered = claims.recover_abandoned(at=TUESDAY + timedelta(minutes=5))

    assert (recovered, fresh(message).state) == (1, "pending")


def test_a_sender_that_died_during_the_call_leaves_marketing_unclear(account):
    message = queue(account, purpose="marketing", text="Soldes", at=TUESDAY)
    (held,) = sms_sending.claim_due(message.uuid, account=account, at=TUESDAY)
    DeliveryAttempt.objects.begin(held, token=message.uuid, host=account.host, at=TUESDAY)

    claims.recover_abandoned(at=TUESDAY + timedelta(minutes=5))

    assert fresh(message).state == "ambiguous"


@pytest.mark.django_db(transaction=True)
def test_many_senders_send_each_sms_once(sms_gateway):
    account = account_with("generic", sms_gateway)
    for number in range(12):
        queue(account, to=f"+336123456{number:02}", dedupe_key=f"sms:{number}")

    def work() -> None:
        sender = SmsSender()
        while sender.send_due():
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({taken.recipient for taken in sms_gateway.gateway.taken}) == 12
    assert len(sms_gateway.gateway.taken) == 12


def test_each_shop_sends_by_its_own_account(sms_gateway, sms_sender):
    one = account_with("generic", sms_gateway, sender="Une")
    other = account_with("twilio", sms_gateway, sender="Autre")
    queue(one, dedupe_key="one")
    queue(other, dedupe_key="other")

    sms_sender.send_due()

    first, second = sms_gateway.gateway.taken
    assert (first.said["from"], second.said["From"]) == ("Une", "Autre")


# --- Who may receive it, and when -------------------------------------------------------------------


def test_a_number_that_is_spared_gets_nothing(account, sms_gateway, sms_sender):
    SuppressionFactory(
        address=NUMBER, scope="channel", channel="sms", shop=account.shop, reason="unsubscribed"
    )
    message = queue(account)

    sms_sender.send_due()

    assert (fresh(message).state, fresh(message).reason) == ("skipped", "unsubscribed")
    assert sms_gateway.gateway.calls == []


def test_marketing_goes_to_those_only_who_agreed_to_sms(sms_gateway, sms_sender, clock):
    clock.shift = TUESDAY - now()
    account = account_with("generic", sms_gateway, shop=ShopFactory())
    messages = {}
    for number, answer in (
        ("+33611111111", "granted"),
        ("+33622222222", "withdrawn"),
        (NUMBER, ""),
    ):
        identity = Identity(phone=number, is_proven=True)
        who = profiles.resolve(identity, shop_id=account.shop_id, source="order").profile_id
        if answer:
            consents.record(
                who,
                shop_id=account.shop_id,
                channel="sms",
                purpose="marketing",
                answer=answer,
                evidence=consents.Evidence(source="form"),
            )
        messages[number] = queue(
            account, to=number, profile_id=who, purpose="marketing", text="Soldes", at=TUESDAY
        )

    while sms_sender.send_due():
        pass

    assert [taken.recipient for taken in sms_gateway.gateway.taken] == ["+33611111111"]
    assert fresh(messages["+33622222222"]).state == fresh(messages[NUMBER]).state == "skipped"


def test_marketing_waits_on_sundays_and_flows_on_monday_morning(
    account, sms_gateway, sms_sender, clock
):
    clock.shift = SUNDAY - now()
    message = queue(account, purpose="marketing", text="Soldes", at=SUNDAY)
    receipt = queue(account, at=SUNDAY)

    sms_sender.send_due()

    message = fresh(message)
    assert (message.state, message.reason) == ("deferred", "quiet_hours")
    assert message.available_at == datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
    assert fresh(receipt).state == "sent"

    clock.shift = datetime(2026, 11, 30, 7, 1, tzinfo=UTC) - now()
    sms_sender.send_due()
    assert fresh(message).state == "sent"


def test_the_time_of_silence_does_not_count_against_the_three_days(
    account, sms_gateway, sms_sender, clock
):
    christmas = datetime(2026, 12, 24, 22, 0, tzinfo=UTC)
    account.shop.market = "DE"
    account.shop.save()
    clock.shift = christmas - now()
    message = queue(account, purpose="marketing", text="Sale", at=christmas)
    sms_sender.send_due()
    assert fresh(message).available_at == datetime(2026, 12, 28, 7, 0, tzinfo=UTC)

    clock.shift = datetime(2026, 12, 28, 7, 1, tzinfo=UTC) - now()
    sms_gateway.gateway.answer = (429, {})
    sms_sender.send_due()

    assert (fresh(message).state, fresh(message).reason) == ("deferred", "try_later")


def test_a_confidential_sms_is_forgotten_once_it_is_sent(account, sms_gateway, sms_sender):
    message = queue(account, text="Code 1234", is_confidential=True)

    sms_sender.send_due()

    message = fresh(message)
    assert (message.subject, message.text) == ("SMS", "")
    assert sms_gateway.gateway.taken[0].text == "Code 1234"


# --- Accounts ---------------------------------------------------------------------------------------


def test_secrets_are_kept_encrypted_and_stay_when_none_is_given(sms_gateway):
    account = account_with("twilio", sms_gateway)
    access = sms_accounts.Access(provider="twilio", sender="Autre", username="AC1")
    sms_accounts.change_account(account.pk, access=access, is_active=True, by=None)

    account.refresh_from_db()
    assert shapes.TWILIO["token"] not in account.secrets_encrypted
    assert sms_accounts.prepared(account).secret == shapes.TWILIO["token"]
    assert account.sender == "Autre"


def test_a_shop_has_one_active_account(sms_gateway):
    account = account_with("twilio", sms_gateway)

    with pytest.raises(sms_accounts.AnotherAccountActive):
        account_with("ovh", sms_gateway, shop=account.shop)


def test_a_secret_that_cannot_be_read_any_more_keeps_sms_waiting(account, sms_sender):
    account.secrets_encrypted = "broken"
    account.save()
    message = queue(account)

    sms_sender.send_due()

    assert (fresh(message).state, fresh(message).reason) == ("deferred", "account_refused")
