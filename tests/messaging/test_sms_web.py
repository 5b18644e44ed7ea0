"""The pages of SMS."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from messaging.models import OutgoingMessage, SmsAccount
from messaging.services import sms_accounts
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import (
    OutgoingMessageFactory,
    ReceivedSmsFactory,
    SmsAccountFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client):
    agent = AgentFactory(owner=True)
    client.force_login(agent)
    return agent


def given(shop: Any, **values: Any) -> dict[str, Any]:
    return {
        "shop": shop.pk,
        "provider": "twilio",
        "sender": "+33700000000",
        "username": "AC1",
        "secret": "auth-token",
        **values,
    }


def test_an_account_is_set_up_and_shows_where_reports_go(client, owner):
    shop = ShopFactory()

    answer = client.post(reverse("messaging:sms-account-create"), given(shop), follow=True)

    account = SmsAccount.objects.get()
    assert "/hooks/sms/twilio/" in answer.content.decode()
    assert "auth-token" not in answer.content.decode()
    assert sms_accounts.prepared(account).secret == "auth-token"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"secret": ""}, "secret"),
        ({"sender": ""}, "sender"),
        ({"sender": "much too long a name"}, "sender"),
        ({"provider": "ovh"}, "service"),
        ({"provider": "generic", "url": ""}, "url"),
    ],
)
def test_each_provider_says_what_it_needs(client, owner, values, field):
    answer = client.post(reverse("messaging:sms-account-create"), given(ShopFactory(), **values))

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not SmsAccount.objects.exists()


def test_a_stored_secret_goes_only_where_it_went_before(client, owner):
    shop = ShopFactory()
    client.post(reverse("messaging:sms-account-create"), given(shop))
    account = SmsAccount.objects.get()
    url = reverse("messaging:sms-account-edit", args=[account.pk])

    kept = client.post(url, given(shop, secret="", is_active="on", sender="Maison"))
    moved = client.post(url, given(shop, secret="", is_active="on", url="https://else.example"))

    assert kept.status_code == 302
    assert moved.status_code == 422
    account.refresh_from_db()
    assert (account.sender, account.url) == ("Maison", "")


def test_a_second_active_account_of_a_shop_is_refused(client, owner):
    shop = ShopFactory()
    client.post(reverse("messaging:sms-account-create"), given(shop))

    answer = client.post(reverse("messaging:sms-account-create"), given(shop))

    assert answer.status_code == 422
    assert SmsAccount.objects.count() == 1


def test_a_test_is_an_sms_like_any_other(client, owner):
    account = SmsAccountFactory()
    url = reverse("messaging:sms-account-test", args=[account.pk])

    answer = client.post(url, {"to": "+33612345678"})

    message = OutgoingMessage.objects.get()
    assert answer.url == reverse("messaging:outgoing-page", args=[message.pk])
    assert (message.channel, message.purpose, message.state) == ("sms", "service", "pending")
    assert client.post(url, {"to": "12"}).status_code == 422


def test_the_list_shows_what_customers_wrote_to_shops_one_may_see(client):
    seen, hidden = ReceivedSmsFactory(text="Où est mon colis ?"), ReceivedSmsFactory(text="Secret")
    client.force_login(AgentFactory(role="manager", shop=seen.shop))

    page = client.get(reverse("messaging:sms-list")).content.decode()

    assert "Où est mon colis" in page
    assert "Secret" not in page
    assert client.get(reverse("messaging:sms-page", args=[hidden.pk])).status_code == 404


def test_stops_are_found_by_their_kind(client, owner):
    ReceivedSmsFactory(text="Bonjour")
    ReceivedSmsFactory(text="ARRET", order="stop")

    page = client.get(reverse("messaging:sms-list"), {"order": "stop"}).content.decode()

    assert "ARRET" in page
    assert "Bonjour" not in page


def test_one_sms_shows_what_it_answers(client, owner):
    shop = ShopFactory()
    ours = OutgoingMessageFactory(shop=shop, channel="sms")
    row = ReceivedSmsFactory(account__shop=shop, text="Merci", answers=ours)

    page = client.get(reverse("messaging:sms-page", args=[row.pk])).content.decode()

    assert "Merci" in page
    assert reverse("messaging:outgoing-page", args=[ours.pk]) in page


def test_the_list_costs_the_same_for_one_and_for_many(client, owner, assert_flat_queries):
    account = SmsAccountFactory()
    url = reverse("messaging:sms-list")

    def add() -> None:
        ReceivedSmsFactory(account=account)

    assert_flat_queries(lambda: client.get(url), add_rows=add, budget=14)


def test_the_page_of_an_sms_says_how_many_segments_it_costs(client, owner):
    message = OutgoingMessageFactory(channel="sms", recipient="+33612345678", text="ê" * 71)

    page = client.get(reverse("messaging:outgoing-page", args=[message.pk])).content.decode()

    assert "2 segments" in page
    assert "UCS-2" in page
    assert "<iframe" not in page


def test_the_log_is_narrowed_to_a_channel(client, owner):
    OutgoingMessageFactory(recipient="claire@example.org")
    OutgoingMessageFactory(channel="sms", recipient="+33612345678")

    page = client.get(reverse("messaging:outgoing-list"), {"channel": "sms"}).content.decode()

    assert "+33612345678" in page
    assert "claire@example.org" not in page
