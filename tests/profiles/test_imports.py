"""Importing customers: from a file to people, whose rows they are, and what is never done."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from company import queries as company
from company.models import AuditEntry
from ecrm.kernel import files
from ecrm.kernel.models import EventRecord, FilePart, StoredFile
from profiles import services as profiles
from profiles.models import (
    AttributeValue,
    Consent,
    ConsentState,
    DuplicatePair,
    Identifier,
    IdentityRule,
    Import,
    ImportBlock,
    ImportedCustomer,
    ImportFault,
    ImportKey,
    ListMember,
    Membership,
    MembershipChange,
    PostalAddress,
    Profile,
    ProfileShop,
    ProfileTag,
    SegmentTouch,
    Tombstone,
)
from profiles.queries import imports_planning, tombstones
from profiles.queries.policies import forget_policies
from profiles.rules import EMAIL, Key
from profiles.services import (
    attributes,
    consents,
    erasing,
    imports,
    imports_working,
    imports_writing,
    segments_computing,
    segments_following,
)
from profiles.services import segments as segment_services
from profiles.types import Identity
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.import_files import (
    OPTIONS,
    checked,
    csv_bytes,
    imported,
    receive,
    stopped,
    work_off,
    xlsx_bytes,
)
from tests.profiles.segment_world import FROM_FRANCE, all_of

pytestmark = pytest.mark.django_db

HEAD = ["E-mail", "Telephone", "First name", "Last name"]
ANA = ["ana@mail.fr", "0612345678", "Ana", "Durand"]
BEA = ["bea@mail.fr", "0698765432", "Bea", "Roux"]


@pytest.fixture
def shop():
    return ShopFactory(market="FR")


def holder(email):
    return Profile.objects.get(identifiers__value=email, identifiers__is_key=True)


# --- From a file to people -------------------------------------------------------------------------


def test_a_row_becomes_a_customer_with_everything_it_says(shop):
    attributes.define_attribute("Size", kind="number", by=None)
    rows = [
        [*HEAD, "Date de naissance", "Pays", "Civilité", "Rue", "CP", "Ville", "Tags", "Size"],
        [*ANA, "03/02/1990", "Suisse", "Mme", "1 rue A", "1003", "Lausanne", "VIP, b2b", "1,5"],
    ]

    row = imported(shop, rows)

    ana = holder("ana@mail.fr")
    assert (row.state, row.created_count) == ("done", 1)
    assert (ana.full_name, ana.country, ana.gender, ana.city) == (
        "Ana Durand",
        "CH",
        "female",
        "Lausanne",
    )
    assert ana.birthday.isoformat() == "1990-02-03"
    assert ana.search_name == "ana durand"
    assert {i.value for i in ana.identifiers.all()} == {"ana@mail.fr", "+41612345678"}
    assert PostalAddress.objects.get(profile=ana).postcode == "1003"
    assert {tag.tag.name for tag in ProfileTag.objects.filter(profile=ana)} == {"VIP", "b2b"}
    assert AttributeValue.objects.get(profile=ana).number == 1.5
    assert ProfileShop.objects.get(profile=ana).shop == shop


def test_an_import_writes_what_resolve_would_have_written(shop):
    imported(shop, [HEAD, ANA])
    by_hand = profiles.resolve(
        Identity(
            email="bea@mail.fr", phone="0698765432", first_name="Bea", last_name="Roux",
            is_proven=True,
        ),
        shop_id=shop.pk,
        source="import",
    ).profile_id  # fmt: skip

    def shape(profile_id):
        keys = Identifier.objects.filter(profile_id=profile_id).order_by("kind")
        facts = EventRecord.objects.filter(profile_id=profile_id)
        return (
            list(keys.values_list("kind", "is_key", "is_verified", "source")),
            [(fact.name, fact.shop_id, fact.payload["source"]) for fact in facts],
        )

    assert shape(holder("ana@mail.fr").pk) == shape(by_hand)


def test_a_workbook_is_imported_like_a_table(shop):
    body = xlsx_bytes(
        [["E-mail", "Phone", "Birthday"], ["ana@mail.fr", 33612345678, date(1990, 2, 3)]]
    )
    row = receive(shop, body, name="people.xlsx")
    imports.prepare_import(row.pk, columns=["email", "phone", "birthday"], options=OPTIONS, by=None)
    work_off()
    imports.start_import(row.pk, by=None)
    work_off()

    ana = holder("ana@mail.fr")
    assert ana.birthday.isoformat() == "1990-02-03"
    assert ana.identifiers.get(kind="phone").value == "+33612345678"


def test_nothing_is_written_about_customers_before_somebody_starts_it(shop):
    row = checked(shop, [HEAD, ANA, BEA])

    assert (row.is_ready, row.new_count, Profile.objects.count()) == (True, 2, 0)


def test_no_row_costs_a_statement_of_its_own(shop):
    def statements(name, count):
        numbers = range(count, 2 * count)
        rows = [HEAD, *([f"{name}{n}@mail.fr", f"06{n:08}", "A", "B"] for n in numbers)]
        row = checked(shop, rows)
        imports.start_import(row.pk, by=None)
        with CaptureQueriesContext(connection) as queries:
            work_off()
        return len(queries)

    assert statements("few", 3) == statements("many", 300)


# --- Whose a row is --------------------------------------------------------------------------------


def test_the_check_tells_new_known_and_repeated_rows_apart(shop):
    ProfileFactory(shop=shop, email="bea@mail.fr", phone="+33698765432")
    again_by_phone = ["", "0698765432", "Bea", ""]
    rows = [HEAD, ANA, BEA, ["ANA@MAIL.FR", "", "", ""], again_by_phone, ["", "", "Nobody", ""]]

    row = checked(shop, rows)

    assert (row.new_count, row.known_count) == (1, 1)
    assert (row.repeated_count, row.faulty_count) == (2, 1)


def test_the_check_counts_across_blocks_what_the_import_then_does(shop, monkeypatch):
    monkeypatch.setattr(imports_planning, "BATCH", 3)
    rows = [HEAD, *([f"p{n % 5}@mail.fr", "", "A", "B"] for n in range(11))]

    row = imported(shop, rows)

    assert (row.new_count, row.repeated_count) == (5, 6)
    assert (row.created_count, row.changed_count, Profile.objects.count()) == (5, 6, 5)


def test_rows_about_one_person_become_one_customer(shop):
    imported(shop, [HEAD, ANA, ["ana@mail.fr", "0611111111", "", "Martin"]])

    ana = holder("ana@mail.fr")
    assert ana.last_name == "Durand"
    assert ana.identifiers.filter(kind="phone").count() == 2


def test_a_shared_telephone_makes_a_suggestion_and_never_a_merge(shop):
    imported(shop, [HEAD, ANA, ["leo@mail.fr", ANA[1], "Léo", "Durand"]])

    assert Profile.objects.count() == 2
    pair = DuplicatePair.objects.get()
    assert {pair.low_id, pair.high_id} == {holder("ana@mail.fr").pk, holder("leo@mail.fr").pk}


def test_the_limits_of_identifiers_hold_for_imports(shop):
    IdentityRule.objects.create(kind="phone", limit=2, priority=3, joins_visitors=False)
    forget_policies()
    rows = [HEAD, *(["ana@mail.fr", f"061234567{n}", "Ana", ""] for n in range(5))]

    imported(shop, rows)

    assert holder("ana@mail.fr").identifiers.filter(kind="phone").count() == 2
    forget_policies()


def test_a_customer_id_is_of_its_shop(shop):
    other = ShopFactory()
    theirs = ProfileFactory(shop=other, email="theirs@mail.fr", customer_id="7")

    imported(shop, [["Customer id", "Last name"], ["7", "Roux"]])

    ours = Profile.objects.get(identifiers__kind="customer_id", identifiers__shop=shop)
    assert ours.pk != theirs.pk


def test_addresses_of_nobody_and_of_the_shop_itself_identify_nobody(shop):
    shop_address = f"help@{shop.slug}.fr"
    type(shop).objects.filter(pk=shop.pk).update(support_email=shop_address)
    company.forget_shops()

    row = checked(shop, [HEAD, ["noreply@mail.fr", "", "", ""], [shop_address, "", "", ""]])

    assert row.faulty_count == 2
    assert [f.reasons[0][1] for f in ImportFault.objects.all()] == ["blocked", "blocked"]


def test_whoever_takes_an_identifier_meanwhile_is_found_in_the_end(shop, monkeypatch):
    row = checked(shop, [HEAD, ANA])
    imports.start_import(row.pk, by=None)
    overtaker = []

    def meanwhile(new):
        if not overtaker:
            identity = Identity(email="ana@mail.fr", is_proven=True)
            overtaker.append(profiles.resolve(identity, shop_id=shop.pk, source="api"))
        give_ids(new)

    give_ids = imports_writing._give_ids
    monkeypatch.setattr(imports_writing, "_give_ids", meanwhile)
    work_off()

    row.refresh_from_db()
    assert (row.state, Profile.objects.count()) == ("done", 1)
    assert row.created_count + row.changed_count == 1


# --- Customers we know -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "name", "city"),
    [
        ("complete", "Bea", "Genève"),
        ("overwrite", "Béatrice", "Genève"),
        ("leave", "Bea", ""),
    ],
)
def test_known_customers_are_completed_overwritten_or_left(shop, known, name, city):
    bea = ProfileFactory(shop=shop, email="bea@mail.fr", first_name="Bea", city="")

    imported(shop, [["Email", "First name", "City"], ["bea@mail.fr", "Béatrice", "Genève"]],
             known=known)  # fmt: skip

    bea.refresh_from_db()
    assert (bea.first_name, bea.city) == (name, city)


def test_leaving_known_customers_writes_nothing_about_them(shop):
    bea = ProfileFactory(shop=shop, email="bea@mail.fr")

    row = imported(
        shop,
        [["Email", "Phone", "Tags", "Newsletter"], ["bea@mail.fr", "0698765432", "VIP", "no"]],
        known="leave",
        consent_source="old shop",
    )

    assert (row.left_count, row.changed_count) == (1, 0)
    assert bea.identifiers.count() == 1
    assert not ProfileTag.objects.exists()
    assert not Consent.objects.exists()


def test_only_customers_of_the_shop_are_overwritten(shop):
    bea = ProfileFactory(shop=ShopFactory(), email="bea@mail.fr", first_name="Bea")

    imported(shop, [["Email", "First name"], ["bea@mail.fr", "Mallory"]], known="overwrite")

    bea.refresh_from_db()
    assert bea.first_name == "Bea"


def test_attributes_of_known_customers_follow_the_same_choice(shop):
    size = attributes.define_attribute("Size", kind="string", by=None)
    bea = ProfileFactory(shop=shop, email="bea@mail.fr")
    attributes.set_attributes(bea.pk, values={size.key: "M"}, source="test", by=None)
    rows = [["Email", "Size"], ["bea@mail.fr", "L"]]

    imported(shop, rows, known="complete")
    assert AttributeValue.objects.get(profile=bea).text == "M"
    imported(shop, rows, known="overwrite")

    assert AttributeValue.objects.get(profile=bea).text == "L"


def test_an_empty_cell_never_removes_anything(shop):
    bea = ProfileFactory(shop=shop, email="bea@mail.fr", first_name="Bea", city="Lyon")

    imported(shop, [["Email", "First name", "City"], ["bea@mail.fr", "", "n/a"]],
             known="overwrite")  # fmt: skip

    bea.refresh_from_db()
    assert (bea.first_name, bea.city) == ("Bea", "Lyon")


def bury(email, at):
    digest, key = tombstones.newest(Key(EMAIL, email, None))
    nobody = ProfileFactory(email=None)
    Tombstone.objects.create(digest=digest, key=key, kind=EMAIL, profile=nobody, erased_at=at)
    return nobody


def test_no_import_brings_back_who_was_erased(shop):
    bury("ana@mail.fr", now())

    row = imported(shop, [HEAD, ["ana@mail.fr", "", "Ana", "Durand"], BEA])

    assert (row.faulty_count, row.created_count) == (1, 1)
    assert not Identifier.objects.filter(value="ana@mail.fr").exists()
    assert ImportFault.objects.get().reasons[0][1] == "erased"


def test_the_same_table_again_does_not_bring_back_whom_it_once_brought(shop):
    table = [HEAD, ANA, BEA]
    imported(shop, table)
    erasing.erase(holder("ana@mail.fr").pk, by=None, source="test")

    again = imported(shop, table)

    assert (again.faulty_count, again.created_count, again.changed_count) == (1, 0, 1)
    assert not Identifier.objects.filter(value__in=["ana@mail.fr", "+33612345678"]).exists()
    assert not Profile.objects.filter(first_name="Ana").exists()


def test_who_is_erased_between_check_and_import_is_refused_too(shop):
    row = checked(shop, [HEAD, ["ana@mail.fr", "", "Ana", "Durand"], BEA])
    bury("ana@mail.fr", now())
    imports.start_import(row.pk, by=None)
    work_off()

    row.refresh_from_db()
    assert (row.refused_count, row.created_count) == (1, 1)
    assert not Identifier.objects.filter(value="ana@mail.fr").exists()


# --- Consents --------------------------------------------------------------------------------------

CONSENT_ROWS = [["Email", "Newsletter"], ["ana@mail.fr", "oui"], ["bea@mail.fr", "nein"]]
PROOF = {
    "consent_source": "form of the old shop",
    "wording_version": "3",
    "wording_text": "I agree.",
}


def test_consents_go_into_the_ledger_with_source_and_wording(shop):
    row = imported(shop, CONSENT_ROWS, **PROOF)

    granted, withdrawn = Consent.objects.order_by("answer")
    assert (granted.answer, withdrawn.answer) == ("granted", "withdrawn")
    assert (granted.reason, granted.proof) == ("form of the old shop", f"import:{row.pk}")
    assert granted.is_incidental
    assert granted.wording.text == "I agree."
    stands = {state.profile_id: state.answer for state in ConsentState.objects.all()}
    assert stands == {holder("ana@mail.fr").pk: "granted", holder("bea@mail.fr").pk: "withdrawn"}


def test_what_a_customer_said_on_purpose_outweighs_an_import(shop):
    ana = ProfileFactory(shop=shop, email="ana@mail.fr")
    evidence = consents.Evidence(source="form")
    consents.record(
        ana.pk, shop_id=shop.pk, channel="email", purpose="marketing", answer="withdrawn",
        evidence=evidence, at=now() - timedelta(days=300),
    )  # fmt: skip

    imported(shop, CONSENT_ROWS, **PROOF)

    assert ConsentState.objects.get(profile=ana).answer == "withdrawn"


def test_consents_without_a_source_are_refused(shop):
    with pytest.raises(imports.UnusableMapping) as refusal:
        checked(shop, CONSENT_ROWS)

    assert "consent_source" in refusal.value.fields


def test_of_two_answers_in_a_file_the_stricter_counts(shop):
    imported(
        shop, [["Email", "Newsletter"], ["ana@mail.fr", "no"], ["ana@mail.fr", "yes"]], **PROOF
    )

    assert ConsentState.objects.get().answer == "withdrawn"


# --- Lists and segments ----------------------------------------------------------------------------


def test_everybody_is_put_on_the_list_known_or_new(shop):
    bea = ProfileFactory(shop=shop, email="bea@mail.fr")
    friends = segment_services.create_segment("Friends", shop_id=shop.pk)

    imported(shop, [HEAD, ANA, BEA], known="leave", segment=friends)

    friends.refresh_from_db()
    on_it = set(ListMember.objects.values_list("profile_id", flat=True))
    assert on_it == {holder("ana@mail.fr").pk, bea.pk}
    assert friends.members_count == 2
    assert MembershipChange.objects.filter(segment=friends, is_entry=True).count() == 2


def test_segments_are_right_after_an_import(shop):
    segment = segment_services.create_segment("French", shop_id=shop.pk, rules=all_of(FROM_FRANCE))
    while segments_computing.compute_next():
        pass

    imported(shop, [["Email", "Country"], ["ana@mail.fr", "FR"], ["bea@mail.fr", "CH"]])
    while segments_following.follow():
        pass

    members = Membership.objects.filter(segment=segment).values_list("profile_id", flat=True)
    assert list(members) == [holder("ana@mail.fr").pk]
    assert not SegmentTouch.objects.exists()


def test_a_list_of_another_shop_is_refused(shop):
    theirs = segment_services.create_segment("Theirs", shop_id=ShopFactory().pk)

    with pytest.raises(imports.UnusableMapping):
        checked(shop, [HEAD, ANA], segment=theirs)


# --- Pausing, giving up, dying ---------------------------------------------------------------------


def test_a_stopped_worker_is_followed_by_another_where_it_stopped(shop, monkeypatch):
    monkeypatch.setattr(imports_planning, "BATCH", 2)
    rows = [HEAD, *([f"p{n}@mail.fr", "", "A", "B"] for n in range(9))]
    row = checked(shop, rows)
    imports.start_import(row.pk, by=None)
    imports_working.work(stopped(after=2))
    row.refresh_from_db()
    assert (row.state, row.position, Profile.objects.count()) == ("working", 4, 4)

    work_off()

    row.refresh_from_db()
    assert (row.state, row.created_count, Profile.objects.count()) == ("done", 9, 9)


def test_a_stopped_check_goes_on_with_the_next_block(shop, monkeypatch):
    monkeypatch.setattr(imports_planning, "BATCH", 2)
    rows = [HEAD, *([f"p{n}@mail.fr", "", "A", "B"] for n in range(7))]
    row = receive(shop, csv_bytes(rows))
    imports.prepare_import(
        row.pk, columns=["email", "", "first_name", "last_name"], options=OPTIONS, by=None
    )
    imports_working.work(stopped(after=2))
    row.refresh_from_db()
    assert 0 < row.position < 7

    work_off()

    row.refresh_from_db()
    assert (row.is_ready, row.new_count, row.total_count) == (True, 7, 7)
    assert ImportBlock.objects.filter(of=row).count() == 4


def test_a_paused_import_rests_until_somebody_lets_it_go_on(shop):
    row = checked(shop, [HEAD, ANA])
    imports.start_import(row.pk, by=None)
    imports.pause_import(row.pk, by=None)
    work_off()
    assert not Profile.objects.exists()

    imports.resume_import(row.pk, by=None)
    work_off()

    assert Profile.objects.count() == 1


def test_work_that_dies_again_and_again_is_given_up(shop):
    row = checked(shop, [HEAD, ANA])
    imports.start_import(row.pk, by=None)
    Import.objects.filter(pk=row.pk).update(attempts=5)

    work_off()

    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", imports_working.GIVEN_UP)


def test_giving_up_keeps_what_is_written_and_forgets_the_rest(shop):
    row = checked(shop, [HEAD, ANA, ["nix", "", "", ""]])
    imports.start_import(row.pk, by=None)
    imports.cancel_import(row.pk, by=None)
    work_off()

    row.refresh_from_db()
    assert (row.state, Profile.objects.exists()) == ("cancelled", False)
    assert ImportFault.objects.count() == 1
    assert ImportBlock.objects.get().understood is None


def test_an_import_begins_once(shop):
    row = imported(shop, [HEAD, ANA])

    with pytest.raises(imports.ImportMovedOn):
        imports.start_import(row.pk, by=None)
    with pytest.raises(imports.ImportMovedOn):
        imports.prepare_import(row.pk, columns=row.mapping, options=OPTIONS, by=None)


def test_columns_may_be_changed_until_it_begins(shop):
    row = checked(shop, [HEAD, ["nix", "0612345678", "Ana", "Durand"]])
    assert row.faulty_count == 1

    imports.prepare_import(
        row.pk, columns=["", "phone", "first_name", "last_name"], options=OPTIONS, by=None
    )
    work_off()

    row.refresh_from_db()
    assert (row.is_ready, row.faulty_count, row.new_count) == (True, 0, 1)
    assert not ImportKey.objects.exists()


# --- What stays ------------------------------------------------------------------------------------


def test_after_an_import_only_faulty_rows_are_kept(shop, monkeypatch):
    monkeypatch.setattr(imports_planning, "BATCH", 2)
    rows = [HEAD, *([f"p{n}@mail.fr", "", "A", "B"] for n in range(5)), ["nix", "", "", ""]]

    row = imported(shop, rows)

    assert ImportBlock.objects.filter(of=row).count() == 1
    (cells, fault), *rest = imports_planning.faulty_rows(row)
    assert (cells[0], fault.row, rest) == ("nix", 6, [])


def test_files_are_forgotten_after_a_month(shop):
    row = imported(shop, [HEAD, ANA, ["nix", "", "", ""]])
    later = row.created_at + timedelta(days=31)

    imports.purge_imports(at=later)
    files.purge(at=later)

    row.refresh_from_db()
    assert (row.samples, row.file_id, row.created_count) == ([], None, 1)
    assert not StoredFile.objects.exists()
    assert not FilePart.objects.exists()
    assert not ImportFault.objects.exists()


def test_whom_a_file_brought_can_be_seen(shop):
    ProfileFactory(shop=shop, email="bea@mail.fr")

    row = imported(shop, [HEAD, ANA, BEA])

    assert ImportedCustomer.objects.get(of=row).profile == holder("ana@mail.fr")


def test_the_audit_log_keeps_who_started_and_no_personal_data(shop):
    agent = AgentFactory(role="manager", shop=shop)
    row = receive(shop, csv_bytes([HEAD, ANA]), by=agent)
    imports.prepare_import(row.pk, columns=row.options["guessed"], options=OPTIONS, by=agent)
    work_off()
    imports.start_import(row.pk, by=agent)

    entry = AuditEntry.objects.get(action="profiles.customers-imported")
    assert (entry.actor_id, entry.shop_id) == (agent.pk, shop.pk)
    assert entry.changes == {"rows": 1, "known": "complete"}


def test_agents_import_for_their_shops_only(shop):
    stranger = AgentFactory(role="manager", shop=ShopFactory())
    support = AgentFactory(role="support", shop=shop)

    for agent in (stranger, support):
        with pytest.raises(imports.NotYourImport):
            receive(shop, csv_bytes([HEAD, ANA]), by=agent)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(shop):
    with pytest.raises(imports.FileTooLarge):
        imports.receive_import(
            "big.csv", file=io.BytesIO(b""), size=2 * 1024**3, shop_id=shop.pk, by=None
        )
