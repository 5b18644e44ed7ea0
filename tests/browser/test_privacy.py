"""A customer asks to be erased: from the request to a page that is gone, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.utils.timezone import now
from playwright.sync_api import Page, expect

from orders.models import Order
from profiles.models import PrivacyRequest, Profile
from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import make_ticket
from tests.orders.factories import put
from tests.profiles.factories import ProfileFactory

REQUESTS = "/customers/privacy/"


def customer(shop: Any, first: str) -> Any:
    """Somebody who ordered and wrote to us."""
    email = f"{first.lower()}@maison.example"
    person = ProfileFactory(shop=shop, first_name=first, last_name="Durand", email=email)
    put(shop, f"o-{first}", customer={"email": email}, number=f"FR-{first}")
    make_ticket(shop, profile=person, subject=f"Bougie de {first}", at=now())
    return person


def write_the_request_down(page: Page, person: Any) -> None:
    page.goto(f"/customers/{person.pk}/")
    page.get_by_role("link", name="Privacy").press("Enter")
    page.get_by_label("The customer asks for").select_option("erasure")
    page.get_by_role("button", name="Write down").press("Enter")
    expect(page.get_by_text("Written down.")).to_be_visible()


def open_it_from_the_list(page: Page) -> None:
    page.goto(REQUESTS)
    expect(page.get_by_role("link", name="Ana Durand")).to_be_visible()
    page.get_by_role("link", name="Erasure").press("Enter")
    expect(page.get_by_text("Nothing was done yet.")).to_be_visible()
    page.get_by_role("link", name="Open Ana Durand").press("Enter")


def read_the_dry_run(page: Page) -> None:
    for what, fate in (
        ("Identifiers", "Erased"),
        ("Orders 1", "Emptied"),
        ("Requests 1", "Emptied"),
    ):
        line = page.get_by_role("listitem").filter(has_text=re.compile(rf"^\s*{what}"))
        expect(line.first).to_contain_text(fate)


def erase(page: Page, person: Any) -> None:
    number = page.get_by_label("Type the customer's number to erase him")
    number.fill("1234567")
    number.press("Enter")
    expect(page.get_by_text("This is not the number of this customer.")).to_be_visible()
    assert not PrivacyRequest.objects.get().is_decided
    number.fill(str(person.pk))
    page.get_by_role("button", name="Erase for good").press("Enter")
    expect(page.get_by_text("The customer is being erased.")).to_be_visible()


def everything_says_that_he_is_gone(page: Page, order: Order) -> None:
    for path in (f"/orders/{order.pk}/", "/inbox/?view=all"):
        page.goto(path)
        expect(page.get_by_text("Erased customer").first).to_be_visible()
        expect(page.get_by_text("Ana Durand")).to_have_count(0)


def test_a_customer_who_asks_for_it_is_erased_and_the_others_stay(
    page_as: Callable[..., Page],
    assert_accessible: Callable[..., None],
    work: Callable[..., None],
    watch: Any,
) -> None:
    watch.allow("status of 422", "status of 410")
    shop = ShopFactory()
    manager = AgentFactory(role="manager", shop=shop)
    ana, bea = customer(shop, "Ana"), customer(shop, "Bea")
    work("relay")
    page = page_as(manager)

    write_the_request_down(page, ana)
    open_it_from_the_list(page)
    read_the_dry_run(page)
    assert_accessible(page)
    erase(page, ana)
    work("privacy")
    page.goto(REQUESTS)
    expect(page.get_by_text(f"customer no. {ana.pk}")).to_be_visible()
    page.get_by_role("link", name="Erasure").press("Enter")
    expect(page.get_by_text("Proof of how the request")).to_be_visible()
    expect(page.get_by_text("Identifiers")).to_be_visible()
    assert_accessible(page)

    assert Profile.objects.get(pk=ana.pk).erased_at is not None
    page.goto(f"/customers/{ana.pk}/")
    expect(page.get_by_text("This customer was erased")).to_be_visible()
    everything_says_that_he_is_gone(page, Order.objects.get(external_id="o-Ana"))
    page.goto(f"/customers/{bea.pk}/")
    expect(page.get_by_role("heading", name="Bea Durand")).to_be_visible()
    expect(page.locator(".ec-timeline", has_text="FR-Bea").first).to_be_visible()


def test_how_long_data_is_kept_fits_a_phone_and_is_read_before_it_counts(
    site: str,
    page_as: Callable[..., Page],
    assert_accessible: Callable[..., None],
    work: Callable[..., None],
) -> None:
    page = page_as(AgentFactory(owner=True, language="en"), viewport=PHONE)
    page.goto("/customers/privacy/keeping/")
    page.get_by_role("link", name="Prospects who never ordered").press("Enter")
    page.get_by_role("button", name="Show what would go").press("Enter")
    expect(page.get_by_text("The report is being made")).to_be_visible()
    work("privacy")
    expect(page.get_by_text("0 rows would be forgotten now.")).to_be_visible()
    page.get_by_role("button", name="I have read it: switch on").press("Enter")
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    assert_accessible(page)
    for path in ("/customers/privacy/keeping/", REQUESTS):
        page.goto(path)
        too_wide = "element => element.scrollWidth - element.clientWidth"
        assert page.locator("main").evaluate(too_wide) <= 0
