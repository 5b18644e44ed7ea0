"""A real browser in front of the real server: same ASGI application, test database, real Redis."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import uvicorn
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from company.models import Agent

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 10_000
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium which the launcher found or fetched, else the one on PATH."""
    path = os.environ.get("ECRM_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if not path:
        pytest.exit("No Chromium: set ECRM_CHROMIUM, or run `make test`, which fetches one.", 4)
    arguments = ["--disable-dev-shm-usage", "--font-render-hinting=none"]
    return {**browser_type_launch_args, "executable_path": path, "args": arguments}


@pytest.fixture(scope="session")
def _sync_orm_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread; Django must not mistake it for async code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def _server(_sync_orm_beside_playwright: None, django_db_setup: None) -> Iterator[uvicorn.Server]:
    """The product on a free port, in a thread of this process."""
    import importlib

    import uvicorn
    from django.db import connections
    from django.test import override_settings

    connections.settings["default"]["CONN_MAX_AGE"] = 0
    with override_settings(
        WHITENOISE_USE_FINDERS=True, WHITENOISE_AUTOREFRESH=True, ECRM_DEMO=True
    ):
        asgi = importlib.reload(importlib.import_module("ecrm.asgi"))
        config = uvicorn.Config(asgi.application, port=0, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="server under test", daemon=True)
        thread.start()
        _wait_until(lambda: server.started, "The server did not start.")
        yield server
        server.should_exit = server.force_exit = True
        thread.join(timeout=10)


@pytest.fixture
def site(
    _server: uvicorn.Server, transactional_db: None, django_db_serialized_rollback: None
) -> str:
    """The address of the running product; rows which a test writes are committed and seen there."""
    return f"http://localhost:{_server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture
def work(site: str) -> Callable[..., None]:
    """`work("relay")` runs what waits, here and now."""
    from ecrm.kernel import loops

    return loops.run_until_idle


@pytest.fixture
def working(site: str) -> Iterator[Callable[..., None]]:
    """`working("relay", "sender")` lets these loops run beside the test, as in production."""
    from ecrm.kernel import loops

    stop = threading.Event()
    running: list[threading.Thread] = []

    def start(*names: str) -> None:
        threads = loops.threads(list(names), stop)
        for thread in threads:
            thread.start()
        running.extend(threads)

    yield start
    stop.set()
    for thread in running:
        thread.join(timeout=10)


@dataclass
class Watch:
    """What went wrong in the pages of one test."""

    problems: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, *parts: str) -> None:
        """Expect messages which contain one of these, e.g. the 403 that the test provokes."""
        self.allowed.extend(parts)

    def follow(self, page: Page) -> None:
        """Note console errors, uncaught exceptions and violations of the security policy."""
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.problems.append(f"console: {message.text} ({where})")

    def verdict(self) -> list[str]:
        """What nobody expected."""
        return [p for p in self.problems if not any(part in p for part in self.allowed)]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test when one of its pages logs an error."""
    observed = Watch()
    yield observed
    assert observed.verdict() == []


@pytest.fixture
def new_context(
    browser: Browser, _server: uvicorn.Server, site: str, watch: Watch
) -> Iterator[Callable[..., BrowserContext]]:
    """`new_context(viewport=PHONE)`: a fresh browser profile that is watched and closed at the end."""
    opened: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        defaults = {
            "base_url": site, "viewport": DESKTOP, "locale": "en-GB", "reduced_motion": "reduce",
        }  # fmt: skip
        context = browser.new_context(**(defaults | options))
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", watch.follow)
        opened.append(context)
        return context

    yield make
    for context in opened:
        with suppress(Exception):
            context.close()
    # Requests and sockets end before the tables are emptied.
    _wait_until(lambda: not _server.server_state.tasks, "The server is still busy.")


@pytest.fixture
def page_as(new_context: Callable[..., BrowserContext], site: str) -> Callable[..., Page]:
    """`page_as(agent)`: a page in which this agent is signed in."""
    from django.conf import settings
    from django.test import Client

    def make(agent: Agent, **options: Any) -> Page:
        client = Client()
        client.force_login(agent)
        context = new_context(**options)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
        return context.new_page()

    return make


@pytest.fixture
def stranger(new_context: Callable[..., BrowserContext]) -> Page:
    """A page of somebody who is not signed in."""
    return new_context().new_page()


@pytest.fixture
def assert_accessible() -> Callable[..., None]:
    """`assert_accessible(page)`: no axe violations of WCAG 2.2 AA, in the light and the dark theme."""
    from axe_playwright_python.sync_playwright import Axe

    def check(page: Page, *, context: str | None = None) -> None:
        for theme in ("light", "dark"):
            page.evaluate("theme => document.documentElement.dataset.bsTheme = theme", theme)
            options = {"runOnly": {"type": "tag", "values": WCAG}}
            results = Axe().run(page, context=context, options=options)
            assert results.violations_count == 0, f"{theme}: {_readable(results.response)}"

    return check


@pytest.fixture
def live(site: str) -> Callable[[Page], None]:
    """`live(page)` waits until the page's socket is up."""

    def wait(page: Page) -> None:
        page.wait_for_selector("html[data-ecrm-live=up]")

    return wait


def _readable(response: dict[str, Any]) -> str:
    lines = []
    for violation in response["violations"]:
        nodes = [node["html"][:160] for node in violation["nodes"][:4]]
        lines.append(f"{violation['id']}: {violation['help']}\n  " + "\n  ".join(nodes))
    return "\n".join(lines)


def _wait_until(is_true: Callable[[], bool], message: str, *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(message)
        time.sleep(0.02)
