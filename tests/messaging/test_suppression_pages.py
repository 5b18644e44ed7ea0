"""The pages about spared addresses and about how sending fares."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from messaging.models import Suppression
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import OutgoingMessageFactory, SuppressionFactory

pytestmark = pytest.mark.django_db


def signed_in(role: str, shop: object) -> Client:
    client = Client()
    client.force_login(AgentFactory(role=role, shop=shop))
    return client


def test_agents_see_what_their_shops_spare_and_no_more() -> None:
    shop = ShopFactory()
    SuppressionFactory(address="ours@example.org", shop=shop)
    SuppressionFactory(address="theirs@example.org", shop=ShopFactory())
    SuppressionFactory(address="unknown@example.org")
    SuppressionFactory(address="written@example.org")
    OutgoingMessageFactory(shop=shop, recipient="written@example.org")

    page = signed_in("manager", shop).get(reverse("messaging:suppression-list")).text

    assert "ours@example.org" in page
    assert "written@example.org" in page
    assert "theirs@example.org" not in page
    assert "unknown@example.org" not in page


def test_a_channel_that_is_spared_is_named() -> None:
    shop = ShopFactory()
    SuppressionFactory(address="+33612345678", shop=shop, scope="channel", channel="sms")

    page = signed_in("manager", shop).get(reverse("messaging:suppression-list")).text

    assert "<td>SMS</td>" in page


def test_a_manager_spares_an_address_and_writes_to_it_again() -> None:
    shop = ShopFactory()
    client = signed_in("manager", shop)

    client.post(
        reverse("messaging:suppression-create"),
        {"address": "stop@example.org", "scope": "marketing", "shop": shop.pk},
    )
    row = Suppression.objects.get()
    lift = reverse("messaging:suppression-lift", args=[row.pk])
    assert client.post(lift, {"reason": ""}).status_code == 422
    client.post(lift, {"reason": "He asked for it"})

    row.refresh_from_db()
    assert (row.shop_id, row.lift_reason) == (shop.pk, "He asked for it")
    lifted = client.get(reverse("messaging:suppression-list"), {"standing": "lifted"}).text
    assert "He asked for it" in lifted


def test_what_is_spared_from_all_shops_is_not_lifted_by_one() -> None:
    shop = ShopFactory()
    row = SuppressionFactory(address="all@example.org")
    OutgoingMessageFactory(shop=shop, recipient="all@example.org")

    answer = signed_in("manager", shop).post(
        reverse("messaging:suppression-lift", args=[row.pk]), {"reason": "x"}
    )

    assert answer.status_code == 404


def test_the_health_of_sending_is_counted_by_domain() -> None:
    shop, moment = ShopFactory(), now()
    done = {"shop": shop, "settled_at": moment}
    OutgoingMessageFactory.create_batch(3, state="sent", sent_at=moment, **done)
    OutgoingMessageFactory(state="failed", reason="refused", **done)
    OutgoingMessageFactory(recipient="x@elsewhere.example")

    page = signed_in("manager", shop).get(reverse("messaging:sending-health")).text

    assert "example.org" in page
    assert "25" in page
    assert "elsewhere.example" not in page


def test_the_page_of_a_message_says_who_spares_its_recipient() -> None:
    shop = ShopFactory()
    message = OutgoingMessageFactory(shop=shop, recipient="stop@example.org")
    SuppressionFactory(address="stop@example.org", reason="complaint", scope="marketing")

    page = (
        signed_in("manager", shop).get(reverse("messaging:outgoing-page", args=[message.pk])).text
    )

    assert "This address is spared (Marketing)" in page
