"""Tables of customers to take along: what is in them, who gets them, and that they survive a death."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import openpyxl
import pytest
from django.urls import reverse

from company.models import AuditEntry
from ecrm.kernel import files, longwork
from profiles.models import Export, ProfileTag, Tag
from profiles.queries.listing import Selection
from profiles.services import attributes, exports
from profiles.services import segments as segment_services
from profiles.services.segments_lists import add_to_list
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import MET_AT, ProfileFactory
from tests.profiles.import_files import stopped

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return ShopFactory(name="Maison Alba FR")


@pytest.fixture
def manager(client, shop):
    agent = AgentFactory(role="manager", shop=shop, language="en")
    client.force_login(agent)
    return agent


def work_off():
    while exports.work(stopped(after=1000)):
        pass


def asked(agent, shop, kind="csv", **selection) -> Export:
    return exports.request_export(
        kind, shop_ids=[shop.pk], selection=Selection(**selection), by=agent
    )


def exported(agent, shop, kind="csv", **selection) -> list[list[str]]:
    row = asked(agent, shop, kind, **selection)
    work_off()
    row.refresh_from_db()
    assert row.state == "done"
    body = b"".join(exports.content(row))
    if kind == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
        return [[cell.value for cell in line] for line in sheet.iter_rows()]
    return list(csv.reader(io.StringIO(body.decode().removeprefix("\ufeff"))))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_says_what_we_know(manager, shop, kind):
    size = attributes.define_attribute("Size", kind="string", by=None)
    ana = ProfileFactory(shop=shop, email="ana@mail.fr", first_name="Ana", phone="+33612345678")
    attributes.set_attributes(ana.pk, values={size.key: "M"}, source="test", by=None)
    vip = Tag.objects.create(key="vip", name="VIP", created_at=MET_AT)
    ProfileTag.objects.create(profile=ana, tag=vip, added_at=MET_AT)

    head, line = exported(manager, shop, kind)

    said = dict(zip(head, line, strict=True))
    assert said["E-mail"] == "ana@mail.fr"
    assert (said["First name"], said["Tags"], said["Size"]) == ("Ana", "VIP", "M")
    assert said["Telephone"].lstrip("'") == "+33612345678"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_cell_is_a_formula(manager, shop, kind):
    ProfileFactory(shop=shop, first_name='=HYPERLINK("x")', last_name="@SUM")

    head, line = exported(manager, shop, kind)

    name = dict(zip(head, line, strict=True))["First name"]
    assert name == ("'" if kind == "csv" else "") + '=HYPERLINK("x")'


def test_only_customers_of_the_shops_and_the_selection_are_in_it(manager, shop):
    ProfileFactory(shop=ShopFactory(), email="theirs@mail.fr")
    ProfileFactory(shop=shop, email="de@mail.fr", country="DE")
    fr = ProfileFactory(shop=shop, email="fr@mail.fr", country="FR")
    friends = segment_services.create_segment("Friends", shop_id=shop.pk)
    add_to_list(friends.pk, profile_ids=[fr.pk], by=None)

    assert {line[1] for line in exported(manager, shop)[1:]} == {"de@mail.fr", "fr@mail.fr"}
    assert [line[1] for line in exported(manager, shop, country="FR")[1:]] == ["fr@mail.fr"]
    assert [line[1] for line in exported(manager, shop, segment_id=friends.pk)[1:]] == [
        "fr@mail.fr"
    ]


def test_a_stopped_worker_is_followed_by_another_where_it_stopped(manager, shop, monkeypatch):
    monkeypatch.setattr(exports, "BATCH", 2)
    for _number in range(7):
        ProfileFactory(shop=shop)
    row = asked(manager, shop)
    exports.work(stopped(after=3))
    row.refresh_from_db()
    assert (row.state, row.done_count) == ("working", 4)

    work_off()

    row.refresh_from_db()
    assert (row.state, row.done_count) == ("done", 7)
    lines = b"".join(exports.content(row)).decode().splitlines()
    numbers = [line.split(",")[0] for line in lines[1:]]
    assert len(set(numbers)) == len(numbers) == 7


def test_a_batch_of_a_worker_that_was_overtaken_leaves_nothing(manager, shop):
    ProfileFactory(shop=shop)
    row = asked(manager, shop)
    old = longwork.claim(Export, given_up="x")
    exports._write_block(old, old.row(), MET_AT)
    new = longwork.claim(Export, given_up="x", at=MET_AT + timedelta(days=9999))
    stale = Export.objects.get(pk=row.pk)

    with pytest.raises(longwork.LeaseLost):
        exports._write_block(old, stale, MET_AT)

    assert new is not None
    assert Export.objects.get(pk=row.pk).done_count == 0


def test_the_page_shows_progress_and_hands_the_file_out(client, manager, shop):
    ProfileFactory(shop=shop, email="ana@mail.fr")
    answer = client.post("/customers/exports/new/?country=FR", {"kind": "xlsx"})
    row = Export.objects.get()
    page = reverse("profiles:export-page", args=[row.pk])
    file = reverse("profiles:export-file", args=[row.pk])
    assert answer["Location"] == page
    assert "Being written" in client.get(page).content.decode()
    assert client.get(file).status_code == 404

    work_off()

    assert file in client.get(page).content.decode()
    download = client.get(file)
    assert download["Content-Disposition"].endswith('.xlsx"')
    assert download["Cache-Control"] == "private, no-store"
    assert b"".join(download.streaming_content)[:2] == b"PK"


def test_a_table_is_its_askers_and_only_as_long_as_he_may(client, manager, shop):
    row = asked(manager, shop)
    work_off()
    page = reverse("profiles:export-page", args=[row.pk])
    assert client.get(page).status_code == 200

    client.force_login(AgentFactory(role="manager", shop=shop))
    assert client.get(page).status_code == 404
    manager.grants.all().delete()
    client.force_login(manager)
    assert client.get(page).status_code == 403


def test_who_may_not_export_asks_in_vain(shop):
    support = AgentFactory(role="support", shop=shop)

    with pytest.raises(exports.NotYoursToExport):
        asked(support, shop)
    with pytest.raises(exports.NotYoursToExport):
        asked(AgentFactory(role="manager", shop=shop), ShopFactory())


def test_few_tables_are_written_at_once(manager, shop):
    for _number in range(exports.MOST_WAITING):
        asked(manager, shop)

    with pytest.raises(exports.TooManyExports):
        asked(manager, shop)


def test_the_audit_log_keeps_that_it_happened_and_no_words(manager, shop):
    asked(manager, shop, words="ana@mail.fr")

    entry = AuditEntry.objects.get(action="profiles.customers-exported")
    assert entry.changes == {"format": "csv", "segment": ""}


def test_cancelling_forgets_what_was_written(client, manager, shop):
    ProfileFactory(shop=shop)
    row = asked(manager, shop)
    exports.work(stopped(after=1))

    client.post(reverse("profiles:export-cancel", args=[row.pk]))

    row.refresh_from_db()
    assert (row.state, row.file_id) == ("cancelled", None)


def test_files_are_kept_for_a_week(manager, shop):
    row = asked(manager, shop)
    work_off()
    row.refresh_from_db()

    assert files.purge(at=row.finished_at + timedelta(days=6)) == 0
    assert files.purge(at=row.finished_at + timedelta(days=8)) == 1

    row.refresh_from_db()
    assert row.file_id is None
    assert exports.purge_exports(at=row.created_at + timedelta(days=15)) == 1


def test_the_list_offers_a_table_of_what_it_shows(client, manager, shop):
    shown = client.get("/customers/?country=FR").content.decode()

    assert "/customers/exports/new/?country=FR" in shown
