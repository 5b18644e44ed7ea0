"""Opens pages in a real browser and photographs them."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState

    from screens.pages import Shot

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
LANGUAGES = ("fr", "en")
PATIENCE_MS = 15_000
EXPECTED = ("status of 404",)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a page is looked at."""

    size: str
    theme: str
    language: str

    @property
    def suffix(self) -> str:
        return f"{self.size}-{self.theme}-{self.language}"


@dataclass
class Report:
    """What the camera saw."""

    pictures: int = 0
    problems: list[str] = field(default_factory=list)


class Camera:
    """Photographs shots in every look; remembers what went wrong."""

    def __init__(self, *, site: str, email: str, password: str, folder: Path) -> None:
        self._site = site
        self._email = email
        self._password = password
        self._folder = folder
        self.report = Report()

    def photograph(self, shots: Iterable[Shot], looks: Iterable[Look]) -> Report:
        """Take every shot in every look."""
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = list(shots)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium())
            state = self._sign_in(browser)
            for look in looks:
                self._prefer(browser, state, look)
                for shot in wanted:
                    if not (shot.desktop_only and look.size == "phone"):
                        self._take(browser, shot, look, None if shot.is_public else state)
            browser.close()
        return self.report

    def _sign_in(self, browser: Browser) -> StorageState:
        context = browser.new_context(base_url=self._site)
        page = context.new_page()
        page.goto("/login/")
        page.fill("input[name=login]", self._email)
        page.fill("input[name=password]", self._password)
        page.press("input[name=password]", "Enter")
        page.wait_for_selector(".ec-rail", timeout=PATIENCE_MS, state="attached")
        state = context.storage_state()
        context.close()
        return state

    def _prefer(self, browser: Browser, state: StorageState, look: Look) -> None:
        """Theme and language are the agent's own and kept by the product."""
        context = browser.new_context(base_url=self._site, storage_state=state)
        page = context.new_page()
        page.goto("/settings/")
        for name, value in {"theme": look.theme, "language": look.language}.items():
            page.locator("summary.ec-rail-agent").click()
            page.locator(f".ec-rail-foot button[name={name}][value={value}]").click()
            page.wait_for_load_state()
        context.close()

    def _take(self, browser: Browser, shot: Shot, look: Look, state: StorageState | None) -> None:
        context = self._context(browser, look, state)
        page = context.new_page()
        page.on("console", lambda message: self._note(shot, look, message))
        page.on("pageerror", lambda error: self._problem(shot, look, str(error)))
        try:
            self._arrange(page, shot)
            page.screenshot(path=self._folder / f"{shot.name}-{look.suffix}.png")
            self.report.pictures += 1
        except Error as error:
            self._problem(shot, look, error.message.splitlines()[0])
        context.close()

    def _context(self, browser: Browser, look: Look, state: StorageState | None) -> BrowserContext:
        width, height = SIZES[look.size]
        context = browser.new_context(
            base_url=self._site,
            storage_state=state,
            viewport={"width": width, "height": height},
            color_scheme="dark" if look.theme == "dark" else "light",
            locale=look.language,
            reduced_motion="reduce",
            has_touch=look.size == "phone",
        )
        context.set_default_timeout(PATIENCE_MS)
        return context

    def _arrange(self, page: Page, shot: Shot) -> None:
        page.goto(shot.path, wait_until="load")
        if shot.follow:
            address = page.locator(shot.follow).first.get_attribute("href")
            page.goto(address or shot.path, wait_until="load")
        for key in shot.keys:
            page.keyboard.press(key)
            page.wait_for_timeout(150)
        if shot.text:
            page.keyboard.type(shot.text)
        if shot.click:
            page.locator(shot.click).first.click()
        page.wait_for_load_state("networkidle")  # previews fetch themselves after the page
        page.wait_for_timeout(400)

    def _note(self, shot: Shot, look: Look, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in EXPECTED):
            self._problem(shot, look, message.text)

    def _problem(self, shot: Shot, look: Look, text: str) -> None:
        self.report.problems.append(f"{shot.name} ({look.suffix}): {text}")


def chromium() -> str:
    """The browser: ECRM_CHROMIUM, else the one on PATH; ends the program when there is none."""
    found = os.environ.get("ECRM_CHROMIUM") or shutil.which("chromium")
    if not found:
        sys.exit("No Chromium: set ECRM_CHROMIUM or install one.")
    return found


def every_look() -> Iterator[Look]:
    """Every size, theme and language."""
    for language in LANGUAGES:
        for theme in THEMES:
            for size in SIZES:
                yield Look(size=size, theme=theme, language=language)
