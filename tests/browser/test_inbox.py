"""The inbox in a real browser: live, by keyboard, in two hands, on a phone, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contacts import services
from contacts.models import Draft, Ticket
from messaging.models import OutgoingMessage
from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import answer, make_mail, make_ticket
from tests.messaging.smtp_sink import Server
from tests.orders.factories import make_order


@pytest.fixture
def shop(site: str) -> Any:
    return ShopFactory(name="Maison Lavande")


@pytest.fixture
def agent(shop: Any) -> Any:
    return AgentFactory(name="Alice Roux", role="support", shop=shop)


@pytest.fixture
def ticket(shop: Any) -> Ticket:
    make_order(shop, email="claire@example.org")
    mail = make_mail(
        shop,
        from_name="Claire Dubois",
        from_address="claire@example.org",
        subject="Où est ma commande ?",
        text="Bonjour, je n'ai rien reçu.",
    )
    return services.receive_mail(mail.pk).ticket


@pytest.fixture
def smtp() -> Any:
    server = Server()
    server.start()
    yield server
    server.stop()


def open_ticket(page: Page, ticket: Ticket, view: str = "open") -> None:
    page.goto(f"/inbox/{ticket.number}/?view={view}")


def test_a_customers_mail_appears_by_itself_and_the_answer_reaches_him(
    shop: Any,
    agent: Any,
    ticket: Ticket,
    page_as: Callable[..., Page],
    live: Callable[[Page], None],
    work: Callable[..., None],
    smtp: Server,
    settings: Any,
) -> None:
    settings.ECRM_SMTP_URL = smtp.url
    page = page_as(agent)
    open_ticket(page, ticket)
    live(page)

    page.keyboard.press("r")
    page.keyboard.type("Bonjour, elle arrive demain.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#m-2 .ec-bubble")).to_contain_text("elle arrive demain")
    expect(page.locator("#delivery-2")).to_contain_text("Sending")
    expect(page.locator("[data-ecrm-composer] textarea")).to_have_value("")
    work("sender", "relay")
    expect(page.locator("#delivery-2")).to_contain_text("Sent to claire@example.org")

    mail = make_mail(
        shop,
        from_address="claire@example.org",
        text="Merci beaucoup !",
        answers=OutgoingMessage.objects.get(),
    )
    services.receive_mail(mail.pk)
    work("relay")
    expect(page.locator("#thread")).to_contain_text("Merci beaucoup !")
    expect(page.locator("#ticket-list .inbox-row").first).to_contain_text("Merci beaucoup !")
    expect(page.locator("#ticket-head .ec-status")).to_have_text("Open")
    assert page.locator("#thread [data-ecrm-seq]").count() == Ticket.objects.get().last_seq


def test_a_new_ticket_comes_into_the_open_list(
    shop: Any,
    agent: Any,
    page_as: Callable[..., Page],
    live: Callable[[Page], None],
    work: Callable[..., None],
) -> None:
    page = page_as(agent)
    page.goto("/inbox/?view=unassigned")
    live(page)
    expect(page.get_by_role("heading", name="Everything is taken")).to_be_visible()

    make_ticket(shop, subject="Flacon cassé")
    work("relay")

    expect(page.get_by_role("link", name="Flacon cassé")).to_be_visible()


def test_the_day_goes_by_keyboard_and_back_works(
    shop: Any, agent: Any, ticket: Ticket, page_as: Callable[..., Page]
) -> None:
    other = make_ticket(shop, subject="Flacon cassé")
    page = page_as(agent)
    page.goto("/inbox/?view=open")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/inbox/{other.number}/\?view=open"))
    expect(page.locator("#ticket-head h2")).to_have_text("Flacon cassé")
    expect(page.locator(f"[data-ecrm-row='{other.number}']")).to_have_attribute(
        "aria-current", "true"
    )

    page.keyboard.press("e")
    expect(page.locator("#ticket-head .ec-status")).to_have_text("Solved")
    expect(page.locator(f"[data-ecrm-row='{other.number}']")).to_have_count(0)

    page.locator(f"[data-ecrm-row='{ticket.number}']").click()
    expect(page.locator("#ticket-head h2")).to_have_text("Où est ma commande ?")
    page.go_back()
    expect(page).to_have_url(re.compile(rf"/inbox/{other.number}/"))
    expect(page.locator("#ticket-head h2")).to_have_text("Flacon cassé")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Assign")


def test_a_note_is_written_with_n_and_stays_inside(
    agent: Any, ticket: Ticket, page_as: Callable[..., Page]
) -> None:
    page = page_as(agent)
    open_ticket(page, ticket)

    page.keyboard.press("n")
    expect(page.locator("[data-ecrm-composer] textarea")).to_be_focused()
    page.keyboard.type("Cliente fidèle")
    page.get_by_role("button", name="Add note").click()

    expect(page.locator(".ec-message-note")).to_contain_text("Cliente fidèle")
    assert not OutgoingMessage.objects.exists()


def test_when_a_colleague_was_faster_nothing_is_sent_and_nothing_is_lost(
    shop: Any, agent: Any, ticket: Ticket, page_as: Callable[..., Page], watch: Any
) -> None:
    watch.allow("422")
    colleague = AgentFactory(name="Bob Keller", role="support", shop=shop)
    page = page_as(agent)
    open_ticket(page, ticket)
    page.keyboard.press("r")
    page.keyboard.type("Mon texte à moi")
    answer(ticket, by=colleague, text="C'est déjà parti.")

    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent")
    expect(page.locator(".inbox-overtaken")).to_contain_text("C'est déjà parti.")
    expect(page.locator("#thread")).to_contain_text("C'est déjà parti.")
    expect(page.locator("[data-ecrm-composer] textarea")).to_have_value("Mon texte à moi")
    assert OutgoingMessage.objects.count() == 1

    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#thread")).to_contain_text("Mon texte à moi")
    assert OutgoingMessage.objects.count() == 2


def test_what_is_typed_survives_the_browser(
    agent: Any, ticket: Ticket, page_as: Callable[..., Page]
) -> None:
    page = page_as(agent)
    open_ticket(page, ticket)
    page.keyboard.press("r")
    page.keyboard.type("Je commence")
    expect(page.locator("[data-ecrm-saved]")).to_have_text("Draft saved")

    elsewhere = page_as(agent)
    open_ticket(elsewhere, ticket)

    expect(elsewhere.locator("[data-ecrm-composer] textarea")).to_have_value("Je commence")
    elsewhere.get_by_role("button", name="Send", exact=True).click()
    expect(elsewhere.locator("#thread")).to_contain_text("Je commence")
    assert not Draft.objects.exists()


def test_many_are_solved_at_once_and_taken_back(
    shop: Any, agent: Any, page_as: Callable[..., Page]
) -> None:
    tickets = [make_ticket(shop) for _ in range(3)]
    page = page_as(agent)
    page.goto("/inbox/?view=open")
    for _ in tickets:
        page.keyboard.press("j")
        page.keyboard.press("x")

    page.locator("[data-ecrm-bulk]").get_by_role("button", name="Solve").click()
    expect(page.locator(".ec-toast")).to_contain_text("3 requests changed.")
    expect(page.locator(".inbox-row")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(page.locator(".inbox-row")).to_have_count(3)


def test_a_phone_shows_one_pane_at_a_time(
    agent: Any, ticket: Ticket, page_as: Callable[..., Page]
) -> None:
    page = page_as(agent, viewport=PHONE, has_touch=True)
    page.goto("/inbox/?view=open")
    expect(page.locator("#ticket")).to_be_hidden()

    page.locator(".inbox-row").first.tap()
    expect(page.locator("#thread")).to_be_visible()
    expect(page.locator("#ticket-list")).to_be_hidden()
    page.get_by_role("button", name="Customer and orders").tap()
    expect(page.get_by_role("link", name="Ana Durand")).to_be_visible()
    expect(page.locator("#thread")).to_be_hidden()
    page.get_by_role("button", name="Back to the messages").tap()
    page.get_by_role("link", name="Back to the list").tap()
    expect(page.locator("#ticket-list")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_can_be_read_and_answered_without_javascript(
    agent: Any, ticket: Ticket, page_as: Callable[..., Page]
) -> None:
    page = page_as(agent, java_script_enabled=False)
    page.goto("/inbox/?view=open")

    page.get_by_role("link", name="Où est ma commande ?").click()
    page.get_by_label("Your message").fill("Elle arrive demain.")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.locator("#m-2")).to_contain_text("Elle arrive demain.")
    assert OutgoingMessage.objects.get().recipient == "claire@example.org"


def test_everybody_can_use_it(
    shop: Any,
    agent: Any,
    ticket: Ticket,
    page_as: Callable[..., Page],
    assert_accessible: Callable[..., None],
) -> None:
    answer(ticket, by=agent)
    services.add_note(ticket.pk, text="Cliente fidèle", by=agent)
    make_ticket(shop, priority=4, tags=["retour"])
    page = page_as(agent)

    open_ticket(page, ticket, view="all")
    assert_accessible(page)
    page.goto("/inbox/?view=snoozed")
    assert_accessible(page)
