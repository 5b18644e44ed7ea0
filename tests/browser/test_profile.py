"""A customer's page in a real browser: what is known of him, and everything colleagues add to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.timezone import now
from playwright.sync_api import Page, expect

from backoffice.models import Notification
from contacts import services as contacts
from profiles.models import AttributeValue, ConsentState, Identifier, Note, ProfileShop, ProfileTag
from profiles.services.attributes import define_attribute
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import answer, make_ticket
from tests.orders.factories import put
from tests.profiles.factories import ProfileFactory


def customer(shop: Any, agent: Any) -> Any:
    """Ana, who ordered, asked, was answered and is content."""
    ana = ProfileFactory(shop=shop, last_name="Durand", email="ana.durand@maison.example")
    put(shop, "o-1", customer={"email": "ana.durand@maison.example"}, number="FR-1001")
    contacts.set_asking(shop.pk, is_asking=True, by=None)
    ticket = make_ticket(shop, profile=ana, subject="Bougie cassée", at=now())
    answer(ticket, by=agent, then="solved")
    contacts.rate(contacts.ask(ticket.pk).pk, score=5, comment="Rapide et gentil.")
    return ana


def read_the_head(page: Page) -> None:
    expect(page.get_by_role("heading", name="Ana Durand")).to_be_visible()
    mood = page.get_by_role("group", name="Mood")
    expect(mood).to_contain_text("Happy")
    expect(mood).to_contain_text("5 of 5")
    expect(page.get_by_text("5 / 5")).to_be_visible()
    for title in ("Requests", "Orders", "Consents"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def narrow_the_timeline(page: Page) -> None:
    order = page.locator(".ec-timeline", has_text="FR-1001")
    expect(order.first).to_be_visible()
    page.get_by_role("navigation", name="Kinds of facts").get_by_text("Requests").click()
    expect(page.get_by_text("Rated 5 of 5: Bougie cassée")).to_be_visible()
    expect(order).to_have_count(0)


def call_a_colleague_by_keyboard(page: Page) -> None:
    page.keyboard.press("n")
    page.keyboard.type("Prefers mornings, @no")
    option = page.get_by_role("option", name="Noé Bertin")
    expect(option).to_have_attribute("aria-selected", "true")


def finish_the_note(page: Page) -> None:
    page.keyboard.press("Enter")
    page.keyboard.type("please call")
    page.keyboard.press("Control+Enter")
    said = page.locator("#note-list")
    expect(said).to_contain_text("Prefers mornings, @Noé Bertin please call")


def leave_the_names_by_escape(page: Page) -> None:
    page.get_by_placeholder("Write a note").focus()
    page.keyboard.type("@")
    expect(page.get_by_role("option", name="Noé Bertin")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    page.keyboard.press("Backspace")
    page.get_by_placeholder("Write a note").blur()


def edit_remove_and_restore_the_note(page: Page) -> None:
    page.locator(".ec-said").hover()
    page.get_by_role("link", name="Edit the note").click()
    expect(page.get_by_role("heading", name="Edit the note")).to_be_visible()
    page.get_by_role("textbox", name="Note", exact=True).fill("Prefers afternoons.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#note-list")).to_contain_text("Prefers afternoons.")
    page.locator(".ec-said").hover()
    page.get_by_role("button", name="Remove the note").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The note is back.")).to_be_visible()


def verify_the_address(page: Page) -> None:
    page.get_by_text("ana.durand@maison.example").first.hover()
    page.get_by_role("button", name="Mark ana.durand@maison.example as verified").first.click()
    expect(page.get_by_text("Marked as verified.")).to_be_visible()


def say_what_is_known(page: Page) -> None:
    page.get_by_label("Size").fill("M")
    page.get_by_label("Tags").fill("VIP")
    page.get_by_label("Stage").select_option(label="Loyal")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Ana Durand")).to_be_visible()


def note_a_consent(page: Page) -> None:
    page.locator("select[name=answer]").select_option("granted")
    page.locator("[name=reason]").fill("On the telephone, today.")
    page.get_by_role("button", name="Add the entry").click()
    expect(page.locator("table")).to_contain_text("On the telephone, today.")


def comment_on_the_wall(page: Page) -> None:
    fact = page.locator(".ec-wall-entry", has_text="Rated 5 of 5")
    fact.locator("summary").click()
    fact.get_by_role("textbox").press_sequentially("Well done @noé")
    expect(page.get_by_role("option", name="Noé Bertin")).to_be_visible()
    page.keyboard.press("Tab")
    fact.get_by_role("button", name="Comment").click()
    expect(page.locator(".ec-wall-entry", has_text="Well done @Noé Bertin")).to_be_visible()


def test_a_customer_is_read_described_and_spoken_about(
    site: str,
    page_as: Callable[..., Page],
    assert_accessible: Callable[..., None],
    work: Callable[..., None],
) -> None:
    shop = ShopFactory()
    me = AgentFactory(name="Alice Roux", role="support", shop=shop)
    colleague = AgentFactory(name="Noé Bertin", role="support", shop=shop)
    define_attribute("Size", key="size", kind="string", by=None)
    ana = customer(shop, me)
    work("relay")
    page = page_as(me)
    whole = f"{site}/customers/{ana.pk}/"

    page.goto(whole)
    read_the_head(page)
    assert_accessible(page)
    narrow_the_timeline(page)

    page.goto(whole)
    call_a_colleague_by_keyboard(page)
    assert_accessible(page)
    finish_the_note(page)
    assert Note.objects.get().mentions == [colleague.pk]
    assert Notification.objects.filter(agent=colleague).exists()
    leave_the_names_by_escape(page)
    edit_remove_and_restore_the_note(page)
    assert Note.objects.get().removed_at is None

    page.goto(whole)
    verify_the_address(page)
    assert Identifier.objects.get(profile=ana).is_verified

    page.goto(f"{whole}about/")
    assert_accessible(page)
    say_what_is_known(page)
    assert AttributeValue.objects.get().text == "M"
    assert ProfileTag.objects.get().tag.name == "VIP"
    assert ProfileShop.objects.get(profile=ana).stage == "loyal"

    page.goto(f"{whole}consents/")
    note_a_consent(page)
    assert ConsentState.objects.filter(profile=ana).exists()

    page.goto("/customers/wall/")
    comment_on_the_wall(page)
    assert_accessible(page)


def test_one_tag_for_the_selected_customers_is_taken_back(
    site: str, page_as: Callable[..., Page]
) -> None:
    shop = ShopFactory()
    ana = ProfileFactory(shop=shop, last_name="Durand")
    page = page_as(AgentFactory(role="support", shop=shop))
    page.goto("/customers/")
    page.get_by_role("checkbox", name="Ana Durand").check()
    page.get_by_placeholder("Tag").fill("VIP")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 customer got the tag “VIP”.")).to_be_visible()
    assert ProfileTag.objects.filter(profile=ana).exists()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 customer got the tag “VIP”.")).to_be_hidden()
    assert not ProfileTag.objects.filter(profile=ana).exists()
