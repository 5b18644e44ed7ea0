"""The frame, as hands and eyes meet it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from backoffice import services
from company.models import Agent
from ecrm.kernel import live as hints
from tests.backoffice.factories import NotificationFactory, ParkedDeliveryFactory
from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory


@pytest.fixture
def owner(site: str) -> Agent:
    return AgentFactory(owner=True, name="Claire Dubois", language="en")


@pytest.fixture
def shops(owner: Agent) -> list:
    return [ShopFactory(name="Lune Paris"), ShopFactory(name="Lune Genève", market="CH")]


@pytest.fixture
def parked(owner: Agent) -> list:
    return ParkedDeliveryFactory.create_batch(3)


def cursor_of(page: Page):
    return page.locator("tr.is-cursor")


def test_every_page_of_the_frame_is_accessible_in_both_themes(
    page_as, owner, shops, parked, assert_accessible
):
    NotificationFactory(agent=owner)
    page = page_as(owner)

    for path in (
        "/",
        "/notifications/",
        "/settings/",
        "/settings/deliveries/",
        "/shortcuts/",
        "/search/?q=settings",
    ):
        page.goto(path)
        assert_accessible(page)


def test_the_component_page_is_accessible(page_as, owner, assert_accessible):
    page = page_as(owner)
    page.goto("/design/")

    assert_accessible(page)


def test_the_palette_opens_finds_and_goes_there(page_as, owner, assert_accessible):
    page = page_as(owner)
    page.goto("/")

    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search and commands")
    expect(palette).to_be_visible()
    page.keyboard.type("parked deliveries")
    expect(palette.locator(".ec-hit")).to_have_count(1)
    assert_accessible(page, context="[data-ecrm-palette]")
    page.keyboard.press("Enter")

    page.wait_for_url("**/settings/deliveries/")


def test_escape_closes_the_palette_and_the_page_stays(page_as, owner):
    page = page_as(owner)
    page.goto("/settings/")
    page.keyboard.press("Control+k")

    page.keyboard.press("Escape")

    expect(page.locator("[data-ecrm-palette]")).to_be_hidden()
    assert page.url.endswith("/settings/")


def test_letters_go_places_but_not_while_writing(page_as, owner):
    page = page_as(owner)
    page.goto("/settings/")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url(re.compile(r"/$"))

    page.goto("/design/")
    field = page.get_by_label("E-mail address").first
    field.focus()
    page.keyboard.type("gs?")

    expect(field).to_have_value("gs?")
    assert page.url.endswith("/design/")
    expect(page.locator("[data-ecrm-shortcuts-sheet]")).to_be_hidden()


def test_the_question_mark_shows_the_keys_of_the_page(page_as, owner):
    page = page_as(owner)
    page.goto("/design/")

    page.keyboard.press("?")

    sheet = page.locator("[data-ecrm-shortcuts-sheet]")
    expect(sheet).to_be_visible()
    expect(sheet.get_by_text("On this page")).to_be_visible()


def test_rows_open_beside_the_list_and_back_closes_them(page_as, owner, parked):
    page = page_as(owner)
    page.goto("/settings/deliveries/")
    newest, second = parked[2], parked[1]

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel.get_by_text("Ids it carries")).to_be_visible()
    assert page.url.endswith(f"?open={newest.pk}")
    page.keyboard.press("j")
    page.wait_for_url(f"**/settings/deliveries/?open={second.pk}")
    expect(page.locator("tr.is-open")).to_have_attribute("data-ecrm-row", str(second.pk))

    page.go_back()
    page.wait_for_url(f"**/settings/deliveries/?open={newest.pk}")
    expect(page.locator("tr.is-open")).to_have_attribute("data-ecrm-row", str(newest.pk))
    page.go_back()
    expect(panel).to_be_hidden()


def test_a_reload_keeps_the_panel_open(page_as, owner, parked):
    page = page_as(owner)

    page.goto(f"/settings/deliveries/?open={parked[0].pk}")

    expect(page.locator("#panel").get_by_text("Ids it carries")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert "open=" not in page.url


def test_o_opens_the_whole_page(page_as, owner, parked):
    page = page_as(owner)
    page.goto("/settings/deliveries/")

    page.keyboard.press("j")
    page.keyboard.press("o")

    page.wait_for_url(f"**/settings/deliveries/{parked[2].pk}/")


def test_selected_rows_are_retried_together(page_as, owner, parked):
    page = page_as(owner)
    page.goto("/settings/deliveries/")

    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    bar = page.locator("[data-ecrm-bulk]")
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Try again").click()

    expect(page.locator(".ec-toast")).to_contain_text("2 deliveries are tried again")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(bar).to_be_hidden()


def test_a_notification_appears_without_reload(page_as, owner, work, live):
    page = page_as(owner)
    page.goto("/")
    live(page)
    expect(page.locator("#unread")).to_be_hidden()

    services.notify(owner.pk, kind="test", title_key="Settings", url="/settings/", dedupe_key="one")
    work("relay")

    expect(page.locator("#unread")).to_have_text("1")
    page.locator("summary[aria-label=Notifications]").click()
    page.locator("#notifications").get_by_role("button", name="Settings").click()
    page.wait_for_url("**/settings/")
    expect(page.locator("#unread")).to_be_hidden()


def test_a_list_follows_what_others_do(page_as, owner, parked, live):
    page = page_as(owner)
    page.goto("/settings/deliveries/")
    live(page)

    ParkedDeliveryFactory()
    page.wait_for_timeout(200)
    hints.hint("outbox")

    expect(page.locator("tbody tr")).to_have_count(4)


def test_who_is_signed_out_elsewhere_is_led_to_the_door(page_as, owner, live, monkeypatch):
    from django.contrib.sessions.models import Session

    page = page_as(owner)
    page.goto("/settings/")
    live(page)

    Session.objects.all().delete()
    hints.hint(f"agent:{owner.pk}")

    page.wait_for_url("**/login/**")


def test_the_shop_choice_lasts_and_colours_the_page(page_as, owner, shops):
    page = page_as(owner)
    page.goto("/settings/")

    page.locator("summary.ec-shopswitch").click()
    page.get_by_role("button", name="Lune Genève").click()

    expect(page.locator("summary.ec-shopswitch")).to_contain_text("Lune Genève")
    brand = "getComputedStyle(document.documentElement).getPropertyValue('--ec-brand')"
    assert page.evaluate(brand).strip() == shops[1].accent_color
    page.goto("/")
    expect(page.locator("summary.ec-shopswitch")).to_contain_text("Lune Genève")


def test_theme_and_language_are_switched_in_the_menu(page_as, owner):
    page = page_as(owner)
    page.goto("/settings/")

    page.locator(".ec-rail-agent").click()
    page.locator(".ec-rail-foot").get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.locator(".ec-rail-agent").click()
    page.locator(".ec-rail-foot").get_by_role("button", name="FR").click()

    expect(page.get_by_role("heading", name="Réglages", exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")


def test_the_rail_folds_and_remembers(page_as, owner):
    page = page_as(owner)
    page.goto("/settings/")
    label = page.locator(".ec-rail-list .ec-rail-label").first
    expect(label).to_be_visible()

    page.keyboard.press("[")
    expect(label).to_be_hidden()
    page.reload()

    expect(page.locator(".ec-rail-list .ec-rail-label").first).to_be_hidden()


def test_a_phone_has_the_bar_at_the_bottom_and_nothing_is_cut_off(page_as, owner, parked):
    page = page_as(owner, viewport=PHONE, has_touch=True)

    for path in ("/", "/settings/", "/settings/deliveries/", "/notifications/", "/design/"):
        page.goto(path)
        box = page.locator(".ec-rail").bounding_box()
        assert box is not None
        assert box["y"] > PHONE["height"] - 80
        width = page.evaluate("document.querySelector('.ec-main').scrollWidth")
        assert width <= PHONE["width"], f"{path} is {width} pixels wide"


def test_a_row_on_a_phone_opens_the_page(page_as, owner, parked):
    page = page_as(owner, viewport=PHONE, has_touch=True)
    page.goto("/settings/deliveries/")

    page.locator("tbody tr").first.locator("a").first.tap()

    page.wait_for_url(f"**/settings/deliveries/{parked[2].pk}/")


def test_nothing_moves_while_the_first_view_loads(page_as, owner, shops):
    page = page_as(owner)
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const entry of list.getEntries())"
        " if (!entry.hadRecentInput) window.shift += entry.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )

    page.goto("/settings/", wait_until="networkidle")

    assert page.evaluate("window.shift") < 0.01


def test_the_first_view_stays_within_its_budget(page_as, owner):
    """At most 200 KB of compressed scripts and styles."""
    from tests.browser.weight import compressed_size

    page = page_as(owner)
    loaded: list[str] = []
    page.on("response", lambda answer: loaded.append(answer.url))

    page.goto("/", wait_until="networkidle")

    assert compressed_size(loaded) <= 200_000


def test_pages_work_without_scripts(new_context, owner, site, parked):
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(owner)
    context = new_context(java_script_enabled=False)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
    page = context.new_page()

    page.goto("/settings/deliveries/")
    page.locator("tbody tr a").first.click()
    page.wait_for_url("**/settings/deliveries/*/")
    page.locator("summary.ec-rail-agent").click()
    page.locator(".ec-rail-foot").get_by_role("button", name="FR").click()

    expect(page.locator("html")).to_have_attribute("lang", "fr")


def test_the_filters_of_a_list_are_saved_under_a_name(page_as, owner):
    page = page_as(owner)
    page.goto("/design/?late=1&open=3")

    page.get_by_text("Save view").first.click()
    page.get_by_label("Name of this view").first.fill("Late ones")
    page.get_by_role("button", name="Save", exact=True).first.click()

    page.wait_for_url("**/design/?late=1")
    expect(page.locator("a.ec-chip-on", has_text="Late ones")).to_be_visible()
