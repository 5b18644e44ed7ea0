"""The pages of imports and exports: forms, refusals, files to take along, who may."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from profiles.models import Import, Profile
from profiles.services import imports
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.import_files import checked, csv_bytes, imported, receive, work_off

pytestmark = pytest.mark.django_db

HEAD = ["E-mail", "First name"]
ANA = ["ana@mail.fr", "Ana"]
NEW = "/customers/imports/new/"


@pytest.fixture
def shop():
    return ShopFactory(market="FR")


@pytest.fixture
def manager(client, shop):
    agent = AgentFactory(role="manager", shop=shop, language="en")
    client.force_login(agent)
    return agent


def url(name, row):
    return reverse(f"profiles:import-{name}", args=[row.pk])


def page(client, row) -> str:
    return client.get(url("page", row)).content.decode()


def upload(client, shop, body, name="people.csv"):
    return client.post(NEW, {"shop": shop.pk, "file": SimpleUploadedFile(name, body)})


def test_a_file_is_uploaded_mapped_checked_and_imported(client, manager, shop):
    answer = upload(client, shop, csv_bytes([HEAD, ANA, ["nix", "Bea"]]))
    row = Import.objects.get()
    assert answer["Location"] == url("page", row)
    columns = page(client, row)
    assert "What do the columns mean?" in columns
    assert '<option value="email" selected>' in columns

    client.post(
        url("prepare", row),
        {"column_0": "email", "column_1": "first_name", "known": "complete",
         "date_order": "dmy", "country": "FR"},
    )  # fmt: skip
    assert "Being checked" in page(client, row)
    assert 'hx-trigger="every 1s"' in page(client, row)
    work_off()
    ready = page(client, row)
    assert "Import 1 row<" in ready
    assert "“nix” is no e-mail address." in ready

    client.post(url("start", row))
    work_off()

    done = page(client, row)
    assert "Imported" in done
    assert 'hx-trigger="every 1s"' not in done
    assert "Ana" in client.get(url("customers", row)).content.decode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"a,b\n", "no rows"),
        (b"PK\x03\x04broken", "damaged"),
        (",".join(map(str, range(1000))).encode() + b"\n1\n", "columns"),
    ],
)
def test_an_unusable_file_is_refused_at_its_field(client, manager, shop, body, words):
    answer = upload(client, shop, body)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Import.objects.exists()


def test_a_mapping_without_an_identifier_is_refused(client, manager, shop):
    row = receive(shop, csv_bytes([HEAD, ANA]))

    answer = client.post(
        url("prepare", row),
        {"column_0": "", "column_1": "first_name", "known": "complete", "date_order": "dmy",
         "country": "FR"},
    )  # fmt: skip

    assert answer.status_code == 422
    assert "Say which column holds" in answer.content.decode()


def test_faulty_rows_come_back_as_they_came_with_reasons_and_without_formulas(
    client, manager, shop
):
    evil = '=HYPERLINK("http://evil.example")'
    row = checked(shop, [[*HEAD, "Note"], [*ANA, "x"], ["nix", evil, "a\0b"]])

    answer = client.get(url("faults", row))

    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    head, line = csv.reader(io.StringIO(text))
    assert head == ["Row", *HEAD, "Note", "Reason"]
    assert line == ["2", "nix", f"'{evil}", "a\ufffdb", "E-mail: “nix” is no e-mail address."]


def test_cells_with_zero_bytes_are_faulty(shop):
    row = checked(shop, [[*HEAD, "No\0te"], ["ana@mail.fr", "A\0na", ""], [*ANA, ""]])

    assert (row.faulty_count, row.new_count) == (1, 1)


def test_formulas_are_only_text_to_us(shop):
    imported(shop, [HEAD, ["ana@mail.fr", "=1+1"]])

    assert Profile.objects.get().first_name == "=1+1"


def test_pausing_going_on_and_giving_up(client, manager, shop):
    row = checked(shop, [HEAD, ANA])
    client.post(url("start", row))
    client.post(url("pause", row))
    assert "Paused" in page(client, row)
    client.post(url("resume", row))
    assert "Being imported" in page(client, row)
    client.post(url("cancel", row))

    assert "Given up" in page(client, row)
    work_off()
    assert not Profile.objects.exists()


def test_another_shops_import_is_not_there(client, manager, shop):
    theirs = receive(ShopFactory(), csv_bytes([HEAD, ANA]))

    for name in ("page", "faults", "customers"):
        assert client.get(url(name, theirs)).status_code == 404
    for name in ("prepare", "start", "pause", "resume", "cancel"):
        assert client.post(url(name, theirs)).status_code == 404


def test_a_file_cannot_be_brought_into_another_shop(client, manager, shop):
    assert upload(client, ShopFactory(), csv_bytes([HEAD, ANA])).status_code == 422


def test_the_buttons_are_for_those_who_may(client, shop, manager):
    assert "/customers/imports/" in client.get("/customers/").content.decode()

    client.force_login(AgentFactory(role="viewer", shop=shop))

    assert "/customers/imports/" not in client.get("/customers/").content.decode()
    assert client.get(NEW).status_code == 403


def test_the_list_of_imports_costs_the_same_for_many(client, manager, shop, assert_flat_queries):
    assert_flat_queries(
        lambda: client.get("/customers/imports/"),
        add_rows=lambda: receive(shop, csv_bytes([HEAD, ANA]), by=manager),
        budget=12,
    )


def test_lists_of_the_shop_are_offered(client, manager, shop):
    from profiles.services import segments

    segments.create_segment("Friends", shop_id=shop.pk)
    segments.create_segment("Strangers", shop_id=ShopFactory().pk)
    row = receive(shop, csv_bytes([HEAD, ANA]))

    shown = page(client, row)

    assert "Friends" in shown
    assert "Strangers" not in shown


def test_who_brought_a_file_is_told_when_it_is_imported(manager, shop):
    from backoffice.models import Notification
    from ecrm.kernel import outbox

    row = receive(shop, csv_bytes([HEAD, ANA]), by=manager)
    imports.prepare_import(
        row.pk, columns=["email", "first_name"],
        options={"known": "complete", "date_order": "dmy"}, by=manager,
    )  # fmt: skip
    work_off()
    imports.start_import(row.pk, by=manager)
    work_off()
    while outbox.deliver_local():
        pass

    told = Notification.objects.get(agent=manager, kind="import")
    assert told.title_values == {"name": "people.csv", "created": 1, "faulty": 0}


def test_nobody_is_shown_whom_the_agent_may_not_see(client, manager, shop):
    ProfileFactory(shop=ShopFactory(), email="bea@mail.fr")
    row = imported(shop, [HEAD, ANA])

    shown = client.get(url("customers", row)).content.decode()

    assert "ana@mail.fr" in shown
    assert "bea@mail.fr" not in shown
