"""Lists by hand: columns, export, saved views, on a wide screen and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import make_order

LISTS = ["/customers/", "/orders/"]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MAIN_OVERFLOW = "(main => main.scrollWidth - main.clientWidth)(document.querySelector('.ec-main'))"


@pytest.fixture
def owner(site):
    return AgentFactory(owner=True, language="en")


@pytest.fixture
def orders(site):
    shop, other_shop = ShopFactory(), ShopFactory()
    long_name = {"email": "marie-antoinette@example.org", "first_name": "Marie-Antoinette"}
    make_order(other_shop, customer=long_name | {"last_name": "de Saint-Exupéry-Montmorency"})
    return [make_order(shop, status=status) for status in ("paid", "shipped", "delivered")]


def heads(page) -> list[str]:
    return page.locator(".ec-table th").all_inner_texts()


def test_an_agent_chooses_columns_and_finds_them_again(page_as, owner, orders):
    page = page_as(owner)
    page.goto("/orders/?status=paid")

    page.get_by_label("Columns").click()
    page.get_by_label("Tax").check()
    page.get_by_label("Items").uncheck()
    page.get_by_role("button", name="Show these").click()

    page.wait_for_url("**/orders/?status=paid")
    expect(page.locator(".ec-table th", has_text="Tax")).to_be_visible()
    assert "Items" not in heads(page)

    page.get_by_label("Columns").click()
    page.get_by_role("button", name="The usual ones").click()
    expect(page.locator(".ec-table th", has_text="Items")).to_be_visible()
    assert "Tax" not in heads(page)


@pytest.mark.parametrize("address", LISTS)
def test_the_rows_are_taken_along_as_a_file(page_as, owner, orders, address):
    page = page_as(owner)
    page.goto(address)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()

    text = download.value.path().read_text(encoding="utf-8-sig")
    assert "Durand" in text
    assert len(text.splitlines()) == 5


def test_a_saved_view_follows_the_filters_without_a_reload(page_as, owner, orders):
    page = page_as(owner)
    page.goto("/orders/")
    expect(page.get_by_text("Save view")).to_have_count(0)

    page.locator("summary", has_text="Status").click()
    page.get_by_role("link", name="Paid", exact=True).click()
    page.get_by_text("Save view").click()
    page.get_by_label("Name of this view").fill("To pack")
    page.get_by_role("button", name="Save", exact=True).click()

    page.wait_for_url("**/orders/?status=paid")
    expect(page.locator("a.ec-chip-on", has_text="To pack")).to_be_visible()


def test_the_inbox_has_saved_views_too(page_as, owner):
    page = page_as(owner)
    page.goto("/inbox/?view=all&priority=3")

    page.get_by_text("Save view").click()
    page.get_by_label("Name of this view").fill("Urgent")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("a.ec-chip-on", has_text="Urgent")).to_be_visible()


@pytest.mark.parametrize("width", [800, 1024, 1180, 1440, 1700, 1920])
def test_the_status_stays_in_sight_beside_an_open_order(page_as, owner, orders, width):
    page = page_as(owner, viewport={"width": width, "height": 900})
    page.goto(f"/orders/?open={orders[1].pk}")
    page.locator(".ec-panel-head").wait_for()

    row = page.locator(f'[data-ecrm-row="{orders[1].pk}"]')
    expect(row.get_by_text("Shipped").locator("visible=true")).to_have_count(1)
    assert page.evaluate(MAIN_OVERFLOW) <= 0


@pytest.mark.parametrize("address", [*LISTS, "/inbox/?view=all"])
def test_nothing_overflows_on_a_phone(page_as, owner, orders, address):
    page = page_as(owner, viewport=PHONE)
    page.goto(address)

    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(MAIN_OVERFLOW) <= 0


@pytest.mark.parametrize("address", LISTS)
def test_the_tools_of_a_list_are_accessible(page_as, owner, orders, assert_accessible, address):
    page = page_as(owner)
    page.goto(address)
    page.get_by_label("Columns").click()

    assert_accessible(page)
