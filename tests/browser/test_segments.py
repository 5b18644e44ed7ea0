"""The segment builder in a real browser: by mouse, by keyboard, on a phone, and without scripts."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from profiles.models import Segment
from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import make_order
from tests.profiles.segment_world import FROM_FRANCE, all_of, any_of

NEW = "/customers/segments/new/"


@pytest.fixture
def owner(site):
    return AgentFactory(owner=True, language="en")


@pytest.fixture
def customers(site):
    shop = ShopFactory()
    for name in ("Ana", "Bea", "Cléo"):
        make_order(
            shop,
            customer={"email": f"{name}@example.org", "first_name": name, "last_name": "Durand"},
        )
    return shop


def test_a_segment_is_built_counted_saved_and_explained(page_as, owner, customers, work):
    page = page_as(owner)
    page.goto(NEW)
    page.get_by_label("Name").fill("Ana and Bea")

    page.get_by_label("Criterion").select_option("profile.name")
    page.get_by_label("Operator").select_option("starts_with")
    page.get_by_label("Value", exact=True).fill("ana")
    count = page.locator("[data-segment-count]")
    expect(count).to_have_text("1 customer")
    expect(page.locator("[data-segment-members]")).to_contain_text("Ana Durand")

    page.get_by_label("Group").first.select_option("any")
    page.get_by_role("button", name="Add a condition").click()
    expect(page.get_by_label("Criterion").nth(1)).to_be_focused()
    page.get_by_label("Criterion").nth(1).select_option("profile.name")
    expect(count).to_have_text("Complete the conditions to see who fulfils them.")
    page.get_by_label("Operator").nth(1).select_option("starts_with")
    page.get_by_label("Value", exact=True).nth(1).fill("bea")
    expect(count).to_have_text("2 customers")

    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/customers/segments/*/")
    work("segments")
    segment = Segment.objects.get()
    assert [next(iter(segment.rules)), len(segment.rules["or"])] == ["or", 2]

    page.goto(reverse("profiles:segment-page", args=[segment.pk]))
    page.get_by_role("link", name="Why?").first.click()
    expect(page.locator("#segment-why")).to_contain_text("is in it")


def test_the_keyboard_alone_builds_and_removes(page_as, owner, customers):
    page = page_as(owner)
    page.goto(NEW)
    page.get_by_label("Criterion").focus()
    page.keyboard.type("Cou")
    expect(page.get_by_label("Criterion")).to_have_value("profile.country")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Fra")
    expect(page.get_by_label("Value", exact=True)).to_have_value("FR")
    expect(page.locator("[data-segment-count]")).to_have_text("3 customers")

    page.get_by_role("button", name="Add a group").press("Enter")
    expect(page.locator(".ec-seg-group")).to_have_count(2)
    page.get_by_role("button", name="Remove this group").press("Enter")
    expect(page.locator(".ec-seg-group")).to_have_count(1)
    expect(page.get_by_label("Criterion")).to_be_focused()


def test_rules_written_by_hand_appear_in_the_builder(page_as, owner, customers):
    page = page_as(owner)
    page.goto(NEW)
    page.get_by_text("Rules as JSON").first.click()
    rules = '{"or": [{"criterion": "figures.orders", "operator": "at_least", "value": 1}]}'
    page.get_by_label("Rules as JSON").fill(rules)
    page.get_by_label("Rules as JSON").blur()

    expect(page.get_by_label("Criterion")).to_have_value("figures.orders")
    expect(page.locator("[data-segment-count]")).to_have_text("3 customers")


def test_the_builder_fits_a_phone(page_as, owner, customers):
    segment = Segment.objects.create(
        name="French",
        kind="dynamic",
        rules=all_of(FROM_FRANCE, any_of(FROM_FRANCE, all_of(FROM_FRANCE))),
        created_at=customers.created_at,
        changed_at=customers.created_at,
    )
    page = page_as(owner, viewport=PHONE)
    page.goto(reverse("profiles:segment-edit", args=[segment.pk]))

    expect(page.get_by_label("Criterion").first).to_be_visible()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
