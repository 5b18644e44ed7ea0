"""The editor of templates and the page of preferences in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from messaging.models import OutgoingMessage, Suppression
from messaging.services import preferences
from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import OutgoingMessageFactory
from tests.orders.factories import make_order

LIST = "/mail/templates/"


@pytest.fixture
def author(site):
    shop = ShopFactory(default_language="fr")
    make_order(shop, customer={"email": "zoe@example.org", "first_name": "Zoé"})
    return AgentFactory(role="marketing", shop=shop, language="en")


def test_a_template_is_written_beside_its_preview_published_and_taken_back(page_as, author):
    page = page_as(author)
    page.goto(LIST)
    page.get_by_role("link", name="Order confirmation").click()
    frame = page.frame_locator("[data-template-frame]")
    expect(frame.locator("h1")).to_contain_text("Merci, Zoé")

    source = page.get_by_label("Text", exact=True)
    source.fill("# Salut ")
    source.press("End")
    page.get_by_role("button", name="First name").click()
    expect(source).to_have_value("# Salut {{ customer.first_name }}")
    expect(frame.locator("h1")).to_have_text("Salut Zoé")

    source.fill("# Salut\n\n{{ 1 | shout }}")
    expect(page.locator("#template-check")).to_contain_text("Line 3: There is no filter “shout”.")
    page.get_by_role("button", name="Go there").click()
    expect(source).to_be_focused()

    source.fill("# Salut {{ customer.first_name }}")
    page.get_by_role("button", name="Phone").click()
    expect(page.locator("[data-template-frame]")).to_have_class("ec-template-frame is-phone")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is sent")).to_be_visible()

    page.get_by_role("button", name="Back to the default").click()
    expect(page.get_by_text("The default is sent")).to_be_visible()


def test_a_customer_stops_everything_on_his_phone(page_as, author):
    message = OutgoingMessageFactory(
        shop=ShopFactory(default_language="de", languages=["de"]),
        language="de",
        purpose="marketing",
    )
    page = page_as(author)
    page.set_viewport_size(PHONE)
    link = preferences.links(OutgoingMessage.objects.get(pk=message.pk)).preferences

    page.goto("/preferences/" + link.partition("/preferences/")[2])
    page.get_by_role("button", name="Alles abbestellen").click()

    expect(page.get_by_text("Gespeichert.")).to_be_visible()
    assert Suppression.objects.get().address == message.recipient
