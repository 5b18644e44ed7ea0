"""The main job from the order to the second answer, in a browser, against the running product."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.story.documents import order
from tests.story.outside import letter, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.story.conftest import Story
    from tests.story.outside import Delivered

pytestmark = [pytest.mark.browser]

CUSTOMER = "camille.moreau@customer.example"
QUESTION = "Bonjour, puis-je encore changer la taille pour un L ?"
ANSWER = "Bonjour Camille, c'est changé : le L part ce soir."
THANKS = "Parfait, merci beaucoup !"
A_MOMENT = 10.0  # seconds: this machine also runs the browser, the tests and three servers
PATIENCE_MS = 60_000
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium which the launcher found or fetched, else the one on PATH."""
    path = os.environ.get("ECRM_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if not path:
        pytest.exit("No Chromium: set ECRM_CHROMIUM, or run `make test`, which fetches one.", 4)
    arguments = ["--disable-dev-shm-usage", "--font-render-hinting=none"]
    return {**browser_type_launch_args, "executable_path": path, "args": arguments}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when the console or the security policy complains."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert problems == []


def assert_accessible(page: Page) -> None:
    options = {"runOnly": {"type": "tag", "values": WCAG}}
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()


def test_an_order_becomes_a_conversation(tell, page):
    with tell() as story:
        _sign_in(page, story)

        confirmation = _an_order_appears_and_is_confirmed(page, story)
        question = _the_customer_asks(page, story, confirmation)
        answer = _the_agent_answers(page, story, [confirmation.message_id, question])
        _the_customer_thanks(page, story, answer)

        _everything_stands_on_the_customers_page(page, story)
        wait_for("an empty outbox", lambda: not _deliveries_waiting(story))
        story.product.manage("verify")
        page.close()  # before the product stops, or it would rightly complain


def _sign_in(page: Page, story: Story) -> None:
    """The agent signs in and has the list of orders open."""
    page.goto(f"{story.product.url}/orders/")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(story.agent)
    page.get_by_label(re.compile("^password", re.IGNORECASE)).fill(story.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{story.product.url}/orders/**")
    page.wait_for_selector("html[data-ecrm-live=up]")


def _an_order_appears_and_is_confirmed(page: Page, story: Story) -> Delivered:
    """Steps 1 to 3: the order is in the open list without reload, the confirmation in the post."""
    page.evaluate("window.stillTheSamePage = true")

    assert story.shop_server.put("5001", order("FR-5001", email=CUSTOMER)) == 201
    acknowledged_at = time.monotonic()
    page.get_by_text("FR-5001").first.wait_for()
    appeared_at = time.monotonic()
    confirmation = story.postman.wait_for_mail(CUSTOMER)

    assert page.evaluate("window.stillTheSamePage") is True
    assert appeared_at - acknowledged_at < A_MOMENT
    assert confirmation.at - acknowledged_at < A_MOMENT
    assert "FR-5001" in confirmation.text
    assert story.mailbox in str(confirmation.mail["From"])
    assert_accessible(page)
    return confirmation


def _the_customer_asks(page: Page, story: Story, confirmation: Delivered) -> str:
    """Step 4: his mail appears in the open inbox, with customer and order beside; its Message-ID."""
    page.goto(f"{story.product.url}/inbox/?view=all")
    page.wait_for_selector("html[data-ecrm-live=up]")

    story.shop_mail.append(
        letter(
            sender=f"Camille Moreau <{CUSTOMER}>",
            to=story.mailbox,
            subject="Re: votre commande",
            text=QUESTION,
            answering=confirmation,
        )
    )
    page.locator("[data-ecrm-row]", has_text=QUESTION).get_by_role("link").click()
    page.wait_for_url(re.compile(r"/inbox/\d+/"))

    page.locator("#thread").get_by_text(QUESTION).first.wait_for()
    beside = page.locator(".ec-pane-context")
    beside.get_by_text("FR-5001").first.wait_for()
    beside.get_by_text("Camille Moreau").first.wait_for()
    assert_accessible(page)
    return str(_one(story, "SELECT message_id FROM messaging_mail ORDER BY id DESC LIMIT 1"))


def _the_agent_answers(page: Page, story: Story, thread: list[str]) -> Delivered:
    """The answer is written in the browser and reaches the customer in the same thread."""
    page.locator("#composer textarea[name=text]").fill(ANSWER)
    page.get_by_role("button", name=re.compile(r"^Send\b(?! and)")).click()

    answer = story.postman.wait_for_mail(CUSTOMER, count=2)

    assert ANSWER in answer.text
    assert str(answer.mail["In-Reply-To"]) == thread[-1]
    assert str(answer.mail["References"]).split() == thread
    assert str(answer.mail["Subject"]).startswith("Re: ")
    return answer


def _the_customer_thanks(page: Page, story: Story, answer: Delivered) -> None:
    """His next mail joins the same ticket, before the agent's eyes."""
    story.shop_mail.append(
        letter(
            sender=f"Camille Moreau <{CUSTOMER}>",
            to=story.mailbox,
            subject=str(answer.mail["Subject"]),
            text=THANKS,
            answering=answer,
        )
    )

    page.locator("#thread").get_by_text(THANKS).first.wait_for()

    assert _one(story, "SELECT count(*) FROM contacts_ticket") == 1
    assert_accessible(page)


def _everything_stands_on_the_customers_page(page: Page, story: Story) -> None:
    profile_id = _one(story, "SELECT profile_id FROM orders_order")
    page.goto(f"{story.product.url}/customers/{profile_id}/")
    page.get_by_text("FR-5001").first.wait_for()
    assert_accessible(page)


def _one(story: Story, statement: str) -> Any:
    return story.product.rows(statement)[0][0]


def _deliveries_waiting(story: Story) -> int:
    return int(_one(story, "SELECT count(*) FROM kernel_delivery WHERE state = 'pending'"))
