"""The segment builder in a real browser: by mouse, by keyboard, on a phone, and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from profiles.models import Membership, MembershipChange, Segment
from profiles.services import segments as editing
from profiles.services import segments_computing as computing
from profiles.services import segments_lists as lists
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
    assert_fits(page)


def assert_fits(page: Page) -> None:
    """Nothing is cut off or asks to be scrolled sideways."""
    too_wide = "element => element.scrollWidth - element.clientWidth"
    assert page.locator("html").evaluate(too_wide) <= 0
    assert page.locator("main").evaluate(too_wide) <= 0


def learn_from_refusals(page: Page) -> None:
    """What cannot be used says what to do, where it is, and the cursor waits there."""
    page.get_by_label("Name").fill("French")
    page.get_by_role("button", name="Remove", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Add a condition")).to_be_focused()
    page.get_by_role("button", name="Save").press("Enter")
    group = page.get_by_role("alert").filter(has_text="Add a condition to this group")
    expect(group).to_be_visible()
    page.get_by_role("button", name="Save").press("Enter")
    criterion = page.get_by_label("Criterion")
    expect(criterion).to_be_focused()
    condition = page.get_by_role("group", name="Condition")
    expect(condition).to_have_accessible_description("Choose a criterion.")

    criterion.select_option("figures.last_order")
    expect(condition).to_have_accessible_description("")
    page.get_by_label("Operator").select_option("last_days")
    page.get_by_role("spinbutton").fill("99999")
    expect(condition).to_have_accessible_description("This must lie between 1 and 3650.")

    page.get_by_text("Rules as JSON").first.press("Enter")
    page.get_by_label("Rules as JSON").fill("{")
    page.get_by_label("Rules as JSON").blur()
    expect(page.get_by_role("alert").filter(has_text="This is not JSON.")).to_be_visible()


def build_by_keyboard(page: Page) -> None:
    """The guess comes first, then the number and a few names."""
    waiting: list[Any] = []
    exact = b'name="exact"'

    def hold(route: Any) -> None:
        is_exact = exact in (route.request.post_data_buffer or b"")
        waiting.append(route) if is_exact else route.continue_()

    page.route("**/segments/count/", hold)
    page.get_by_label("Criterion").focus()
    page.keyboard.type("Cou")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Fra")
    count = page.locator("[data-segment-count]")
    expect(count).to_have_attribute("data-state", "guess")
    expect(count).to_contain_text("about")
    for route in waiting:
        route.continue_()
    expect(count).to_have_text("3 customers")
    expect(page.get_by_role("heading", name="For example")).to_be_visible()
    page.unroute("**/segments/count/")


def read_why(page: Page) -> None:
    page.get_by_role("link", name="Why?").first.press("Enter")
    reasons = page.locator("#segment-why")
    expect(reasons).to_contain_text("is in it")
    expect(reasons.get_by_title("fulfilled", exact=True).first).to_be_visible()


def the_night_finds_a_difference(segment: Segment) -> None:
    Membership.objects.filter(segment=segment).earliest("pk").delete()
    assert computing.audit_segments() == 1


def take_the_warning_away(page: Page, segment: Segment) -> None:
    """Somebody says that he has seen it, or the next night finds nothing."""
    page.get_by_role("button", name="I have seen it").press("Enter")
    expect(page.get_by_text("The warning is gone")).to_be_visible()
    expect(page.get_by_text("1 missing, 0 too many")).to_be_visible()
    for path in ("/", "/customers/segments/"):
        page.goto(path)
        expect(page.get_by_text("1 difference")).to_have_count(0)

    the_night_finds_a_difference(segment)
    page.reload()
    expect(page.get_by_text("1 difference")).to_be_visible()
    assert computing.audit_segments() == 0
    page.reload()
    expect(page.get_by_text("1 difference")).to_have_count(0)


def test_every_state_of_a_segment_is_said_reachable_and_readable(
    page_as, owner, customers, work, assert_accessible, watch
):
    watch.allow("status of 422")
    page = page_as(owner)
    screens = [page, page_as(owner, viewport=PHONE)]
    page.goto(NEW)
    learn_from_refusals(page)
    assert_accessible(page)
    page.goto(NEW)
    page.get_by_label("Name").fill("French")
    build_by_keyboard(page)
    assert_accessible(page)
    page.get_by_role("button", name="Save").press("Enter")
    page.wait_for_url("**/customers/segments/*/")
    work("segments")
    segment = Segment.objects.get()
    address = reverse("profiles:segment-page", args=[segment.pk])

    the_night_finds_a_difference(segment)
    assert MembershipChange.objects.get().cause == "audit"
    chosen = editing.create_segment("Invited", by=owner)
    lists.add_to_list(chosen.pk, profile_ids=[MembershipChange.objects.get().profile_id], by=owner)
    for one in screens:
        for path in ("/", "/customers/segments/", address):
            one.goto(path)
            expect(
                one.get_by_text("1 difference").or_(one.get_by_text("1 customer who"))
            ).to_be_visible()
            assert_fits(one)
        expect(one.get_by_text("Found by the nightly check")).to_be_visible()
        read_why(one)
        assert_accessible(one)
        one.goto(reverse("profiles:segment-page", args=[chosen.pk]))
        expect(one.get_by_role("button", name="Take off")).to_be_visible()
        assert_fits(one)

    page.goto(address)
    take_the_warning_away(page, segment)
    assert_accessible(page)
