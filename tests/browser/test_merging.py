"""Two records of one person in a real browser: compared, merged and separated by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from playwright.sync_api import Page, expect

from profiles.models import DuplicatePair, Merge
from profiles.services import finding
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import ProfileFactory


def twins(shop: Any) -> DuplicatePair:
    for address in ("ana.durand@gmail.com", "anadurand+shop@gmail.com"):
        ProfileFactory(last_name="Durand", birthday=date(1990, 1, 1), email=address, shop=shop)
    finding.sweep()
    return DuplicatePair.objects.get()


def test_a_pair_is_merged_and_separated_by_keyboard(
    site: str, page_as: Callable[..., Page], assert_accessible: Callable[..., None]
) -> None:
    shop = ShopFactory()
    pair = twins(shop)
    page = page_as(AgentFactory(role="support", shop=shop))
    page.goto("/customers/duplicates/")
    expect(page.get_by_text("same e-mail address", exact=True)).to_be_visible()
    assert_accessible(page)

    page.keyboard.press("m")
    expect(page.get_by_text("No duplicates in sight")).to_be_visible()
    assert Merge.objects.active().count() == 1

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The two are two customers again.")).to_be_visible()
    assert Merge.objects.active().count() == 0

    page.goto("/customers/duplicates/")
    page.keyboard.press("x")
    expect(page.get_by_text("Remembered: two people.")).to_be_visible()
    pair.refresh_from_db()
    assert pair.state == DuplicatePair.State.DIFFERENT


def test_the_other_record_is_found_compared_and_merged_from_the_customers_page(
    site: str, page_as: Callable[..., Page], assert_accessible: Callable[..., None]
) -> None:
    shop = ShopFactory()
    pair = twins(shop)
    page = page_as(AgentFactory(role="manager", shop=shop))
    page.goto(f"/customers/{pair.low_id}/")
    expect(page.get_by_text("May be the same person as")).to_be_visible()
    page.get_by_role("link", name="Merge", exact=True).click()

    page.get_by_role("searchbox", name="Search customers").fill("anadurand")
    page.locator("#merge-hits").get_by_role("link").first.click()
    assert_accessible(page)
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_text("You can undo it here at any time.")).to_be_visible()

    page.goto(f"/customers/{Merge.objects.get().merged_id}/")
    expect(page).to_have_url(f"{site}/customers/{Merge.objects.get().survivor_id}/")
