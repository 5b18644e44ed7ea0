"""Importing customers in a real browser: from the file to the list, with progress, and what went wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from profiles.models import Import, Profile, Segment
from profiles.queries import imports_planning
from tests.browser.conftest import PHONE
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.import_files import csv_bytes

ROWS = 1200


@pytest.fixture
def manager(site):
    shop = ShopFactory(market="FR", name="Maison Alba")
    Segment.objects.create(
        name="From the old shop", kind="static", shop=shop,
        created_at=shop.created_at, changed_at=shop.created_at,
    )  # fmt: skip
    return AgentFactory(role="manager", shop=shop, language="en")


def people() -> bytes:
    head = ["Adresse e-mail", "Prénom", "Nom", "Téléphone", "Anniversaire", "Newsletter"]
    rows = [
        [f"p{n}@mail.fr", "Ana", f"Durand{n}", f"06{n:08}", f"{n % 28 + 1}/12/1990", "oui"]
        for n in range(ROWS)
    ]
    rows[3][0], rows[7][4] = "=cmd|calc", "31/02/1990"
    return csv_bytes([head, *rows], delimiter=";", encoding="cp1252")


def upload(page):
    page.goto("/customers/")
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_role("link", name="Import a file").first.click()
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": people()}
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload and go on").click()


def test_a_file_is_imported_with_progress(
    page_as, manager, working, watch, assert_accessible, monkeypatch
):
    monkeypatch.setattr(imports_planning, "BATCH", 100)
    watch.allow("422")  # a mapping that is refused first
    page = page_as(manager)
    upload(page)
    email = page.get_by_label("Adresse e-mail", exact=True)
    expect(email).to_have_value("email")
    expect(page.get_by_label("Newsletter", exact=True)).to_have_value("consent:email")
    expect(page.get_by_text("Ana").first).to_be_visible()
    page.get_by_label("Put everybody on a list").select_option(label="From the old shop")
    page.get_by_role("button", name="Check every row").click()
    expect(page.get_by_text("Say where these consents were given.")).to_be_visible()
    page.get_by_label("Where the consents were given").fill("Newsletter form of the old shop")
    page.get_by_role("button", name="Check every row").click()

    expect(page.get_by_text("Being checked")).to_be_visible()
    working("transfers")
    start = page.get_by_role("button", name="Import 1,198 rows")
    expect(start).to_be_visible()
    expect(page.get_by_text("“=cmd|calc” is no e-mail address.").first).to_be_visible()
    expect(page.get_by_role("cell", name="p1@mail.fr")).to_be_visible()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    page.set_viewport_size(PHONE)
    assert page.evaluate(overflow) <= 0
    page.set_viewport_size({"width": 1440, "height": 900})
    assert_accessible(page)
    start.click()

    bar = page.get_by_role("progressbar")
    expect(bar.or_(page.get_by_text("Imported", exact=True))).to_be_visible()
    expect(page.get_by_text("Imported", exact=True)).to_be_visible(timeout=60_000)
    assert (Profile.objects.count(), Import.objects.get().created_count) == (ROWS - 2, ROWS - 2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Faulty rows (CSV)").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    _head, first, second = csv.reader(text.splitlines())
    assert first[:2] == ["4", "'=cmd|calc"]
    assert second[-1] == "Anniversaire: “31/02/1990” is no date."

    page.get_by_role("link", name="From the old shop").click()
    expect(page.get_by_text("1,198").first).to_be_visible()
