from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from company.models import AuditEntry
from ecrm.kernel.models import EventRecord
from ecrm.kernel.verify import all_invariants
from messaging.models import Content, Mail, OutgoingMessage, RawMail, Suppression
from orders.models import Order
from profiles import extensions, queries, services
from profiles.extensions import privacy as declared
from profiles.models import Identifier, PrivacyRequest, Profile, Segment, Tombstone
from profiles.queries import privacy
from profiles.services import erasing, handing_out, notes, tracking, wall
from tests.profiles.privacy_world import (
    EMAIL,
    FIRST,
    LAST,
    NEEDLES,
    PHONE,
    SECRET,
    VISITOR,
    Life,
    found_in_database,
    nobody_but,
)


@pytest.fixture
def life(db):
    return Life()


@pytest.fixture
def claire(life):
    return life.claire()


def breaches() -> list[str]:
    keys = ("R21", "R19", "R3.", "R22", "messaging", "contacts", "orders")
    return [
        f"{invariant.key}: {breach}"
        for invariant in all_invariants()
        if invariant.key.startswith(keys)
        for breach in invariant.check()
    ]


def erase(profile_id, **options):
    return erasing.erase(profile_id, by=None, source="test", **options)


# --- Nothing is forgotten -------------------------------------------------------------------------


def test_every_column_that_points_at_a_person_says_what_becomes_of_it():
    holdings = {holding.key for holding in extensions.holdings.all()}
    answered = [key for item in declared.personal.all() for key in item.holdings]

    assert sorted(answered) == sorted(holdings)


def test_every_declaration_is_complete():
    known = {model._meta.db_table for model in apps.get_models()}
    processings = {processing.key for processing in declared.processings.all()}
    for item in declared.personal.all():
        assert item.table in known, item.key
        assert item.processing in processings, item.key
        assert item.columns or item.untold, f"{item.key} neither hands out nor says why not"
        assert item.why or item.fate == declared.Fate.ERASED, f"{item.key} stays without a reason"
        does = [item.changes, item.carry_out, item.fate != declared.Fate.EMPTIED]
        assert any(does), f"{item.key} is emptied by nobody"


def test_each_rule_of_retention_names_its_source():
    for rule in declared.ageing.all():
        assert str(rule.source), rule.key
        assert str(rule.help), rule.key
        assert rule.days >= rule.least, rule.key


# --- Erasing --------------------------------------------------------------------------------------


def test_after_an_erasure_nothing_names_the_person_in_any_table(life, claire):
    before = found_in_database(*NEEDLES)
    assert len(before) > 40, sorted(before)

    erase(claire)

    assert found_in_database(*NEEDLES) == {}
    assert breaches() == []


def test_orders_stay_with_their_amounts_and_without_the_customer(life, claire):
    before = Order.objects.get(profile_id=claire)

    erase(claire)

    after = Order.objects.get(pk=before.pk)
    assert after.is_erased
    assert after.grand_total == before.grand_total
    assert after.document["lines"] == before.document["lines"]
    assert after.document["shipping_address"] == {"country": "FR"}
    assert "customer" not in after.document


def test_a_dry_run_tells_exactly_what_the_erasure_does(life, claire):
    subject = privacy.subject_of(claire, at=now())
    foreseen = {line.key: line.count for line in privacy.foresee(subject)}
    first = found_in_database(EMAIL)
    assert found_in_database(EMAIL) == first

    row = erase(claire)

    # The request itself, and the audit line of its decision, were written after the look.
    told = {line["key"]: line["count"] for line in row.report}
    told["profiles.privacyrequest"] -= 1
    told["company.auditentry"] -= 1
    assert told == foreseen
    assert sum(1 for count in foreseen.values() if count) > 30


def test_the_report_and_the_audit_name_numbers_only(life, claire):
    row = erase(claire)

    assert row.state == PrivacyRequest.State.DONE
    entries = AuditEntry.objects.filter(action__startswith="profiles.", target=f"profile:{claire}")
    actions = set(entries.values_list("action", flat=True))
    assert {"profiles.erasure-decided", "profiles.profile-erased"} <= actions
    assert {set(line) == {"key", "fate", "count"} for line in row.report} == {True}


def test_erasing_a_survivor_erases_whoever_was_merged_into_him_and_no_undo_brings_back(
    life, claire
):
    twin = life.customer(email="claire.duval.twin@example.org", first_name="Clairette")
    merge = services.merge(twin, into=claire, by=None)

    erase(twin)

    assert found_in_database(*NEEDLES, "duval.twin") == {}
    assert Profile.objects.filter(erased_at__isnull=False).count() == 2
    with pytest.raises(services.ErasedMeanwhile, match="erased with all records"):
        services.undo_merge(merge.pk, by=None)
    other = life.customer(email="other@example.org")
    with pytest.raises(services.ErasedMeanwhile):
        services.merge(other, into=claire, by=None)


def test_a_shared_telephone_leads_to_the_other_one_afterwards(life, claire):
    partner = life.customer(email="partner@example.org", phone=PHONE)
    shared = Identifier.objects.get(profile_id=partner, value=PHONE)
    assert not shared.is_key

    erase(claire)

    shared.refresh_from_db()
    assert shared.is_key
    assert found_in_database(EMAIL) == {}
    assert life.order(phone=PHONE).profile_id == partner


def test_who_only_typed_the_address_keeps_nothing_of_it(life):
    typed = {"type": "identify", "anonymousId": "v-9", "traits": {"email": "eve@maison.example"}}
    tracking.take([typed], shop_id=life.shops[0].pk, is_proven=False)
    eve = life.customer(email="eve@maison.example")
    claim = Identifier.objects.get(value="eve@maison.example", is_key=False)
    assert (claim.is_claimed, claim.profile_id == eve) == (True, False)

    erase(eve)

    assert found_in_database("eve@maison.example") == {}


def test_mail_that_waits_is_not_sent_and_the_objection_stays(life, claire):
    waiting = OutgoingMessage.objects.filter(profile_id=claire, state="pending")
    assert waiting.exists()

    erase(claire)

    assert not OutgoingMessage.objects.filter(state__in=["pending", "claimed", "deferred"]).exists()
    address = Suppression.objects.get().address
    assert address.startswith("#")
    assert EMAIL not in address
    assert queries.tombstones.address_digests([EMAIL])[address] == EMAIL


def test_bytes_that_others_sent_too_stay(life, claire):
    raw = RawMail.objects.filter(mail__profile_id=claire).get()
    assert Content.objects.filter(pk=raw.content_id).exists()

    erase(claire)

    raw.refresh_from_db()
    assert raw.content.size == 0
    assert not Content.objects.filter(size__gt=0).exists()
    assert Mail.objects.get(raw=raw).text == ""


def test_what_colleagues_wrote_about_others_stays_without_the_person(life, claire):
    bob = life.customer(email="bob@example.org", first_name="Bob")
    fact = EventRecord.objects.filter(profile_id=bob).latest("pk")
    note = notes.write_note(
        bob,
        text=f"Sister of {FIRST.upper()} {LAST} ({EMAIL}), call 06.39.98.12.34 before noon.",
        by=life.agent,
    )
    comment = wall.comment(fact.pk, text=f"Ask {FIRST} {LAST}!", by=life.agent)
    kept = notes.write_note(bob, text=f"{FIRST} knows him.", by=life.agent)

    erasing.erase(claire, by=None, source="test")

    for row in (note, comment, kept):
        row.refresh_from_db()
    assert note.text == "Sister of […] ([…]), call […] before noon."
    assert comment.text == "Ask […]!"
    assert kept.text == f"{FIRST} knows him."


def test_segments_count_the_erased_no_longer(life, claire):
    before = dict(Segment.objects.values_list("pk", "members_count"))
    assert set(before.values()) == {1}

    erase(claire)

    assert set(Segment.objects.values_list("members_count", flat=True)) == {0}


def test_somebody_known_by_his_computer_only_is_erased_too(life):
    visitor = life.customer(anonymous_id="passing")

    erase(visitor)

    assert not Identifier.objects.filter(value="passing").exists()


def test_an_erased_customer_is_erased_once(life, claire):
    erase(claire)

    with pytest.raises(erasing.AlreadyErased):
        erase(claire)
    assert PrivacyRequest.objects.count() == 1


def test_only_who_may_erase_in_every_shop_of_the_customer_may(life, claire):
    life.order_of_hers("C-2", shop=1)

    with pytest.raises(erasing.NotYoursToErase):
        erasing.erase(claire, by=life.agent, source="test")


# --- Nobody comes back ----------------------------------------------------------------------------


def test_the_order_sent_again_stays_without_the_customer(life, claire):
    placed_at = Order.objects.get(external_id="C-1").placed_at.isoformat()
    erase(claire)
    people = nobody_but(claire)

    order = life.order_of_hers(
        "C-1", placed_at=placed_at, updated_at=now().isoformat(), status="refunded"
    )

    assert order.status == "refunded"
    assert (order.profile_id, order.is_erased) == (claire, True)
    assert found_in_database(*NEEDLES) == {}
    assert nobody_but(claire) == people
    assert breaches() == []


def test_an_old_order_we_never_had_is_kept_without_the_customer(life, claire):
    erase(claire)

    order = life.order_of_hers("C-0")

    assert (order.profile_id, order.is_erased) == (claire, True)
    assert found_in_database(*NEEDLES) == {}


def test_a_new_order_makes_a_new_customer_without_history(life, claire):
    erase(claire)

    later = (now() + timedelta(minutes=1)).isoformat()
    order = life.order_of_hers("C-9", placed_at=later)

    assert order.profile_id != claire
    assert not order.is_erased
    assert Order.objects.filter(profile_id=order.profile_id).count() == 1
    assert life.order_of_hers("C-0").profile_id == claire
    assert breaches() == []


def test_an_old_mail_fetched_again_is_not_kept_and_a_new_one_is(life, claire):
    erase(claire)
    people = nobody_but(claire)

    raw = RawMail.objects.get(pk=life.receive(life.raw_mail))

    assert raw.outcome == RawMail.Outcome.ERASED
    assert nobody_but(claire) == people
    assert found_in_database(*NEEDLES) == {}

    fresh = life.raw_mail.replace(b"02 Mar 2026", b"02 Mar 2126").replace(
        b"claire-1@", b"claire-2@"
    )
    life.receive(fresh)
    assert nobody_but(claire) == people + 1


def test_tracking_calls_of_before_bring_nobody_back(life, claire):
    erase(claire)
    people = nobody_but(claire)
    known = [call | {"messageId": f"again-{n}"} for n, call in enumerate(life.calls[:2])]

    for calls in (life.calls[:2], known):
        services_take(calls, life)

    assert nobody_but(claire) == people
    assert found_in_database(*NEEDLES) == {}

    services_take([known[0] | {"messageId": "new", "timestamp": now().isoformat()}], life)
    assert queries.find_by_email(EMAIL) is None
    assert Identifier.objects.get(value=VISITOR).profile_id != claire


def services_take(calls, life):
    return tracking.take(calls, shop_id=life.shops[0].pk, is_proven=True)


def test_an_import_of_the_past_brings_nobody_back(life, claire):
    from orders import services as orders
    from orders.types import PastState
    from tests.orders.factories import order_document

    document = order_document(
        customer={"email": EMAIL, "first_name": "Clairette"}, placed_at="2025-05-05T10:00:00+02:00"
    )
    erase(claire)
    people = nobody_but(claire)

    orders.import_orders(
        shop_id=life.shops[0].pk,
        states=[
            PastState(
                external_id="past",
                document=orders.read_document(document, external_id="past"),
                at=now(),
            )
        ],
    )

    assert nobody_but(claire) == people
    assert Order.objects.get(external_id="past").is_erased
    assert found_in_database(*NEEDLES) == {}


def test_a_tombstone_says_nothing_without_its_key(life, claire, settings):
    erase(claire)

    assert Tombstone.objects.count() >= 3
    assert found_in_database(EMAIL, PHONE) == {}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, []
    assert [line for line in breaches() if "can't be asked" in line]
    settings.SECRET_KEY_FALLBACKS = [connection_secret()]
    assert breaches() == []
    assert life.order_of_hers("C-0").is_erased


def connection_secret() -> str:
    import os

    return os.environ["ECRM_SECRET_KEY"]


def test_verify_finds_who_came_back_by_something_old(life, claire):
    erase(claire)
    stranger = life.customer(email="stranger@example.org")
    Identifier.objects.create(
        profile_id=stranger, kind="email", value=EMAIL, source="test",
        first_seen_at=now() - timedelta(days=3), last_seen_at=now(),
    )  # fmt: skip

    assert [line for line in breaches() if "is back" in line]


def test_what_a_slow_transaction_wrote_to_the_erased_is_swept_up(life, claire):
    erase(claire)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_note (profile_id, shop_id, text, mentions, created_at)"
            " VALUES (%s, %s, 'late', '{}', now())",
            [claire, life.shops[0].pk],
        )

    assert erasing.sweep_stragglers() == 1
    assert erasing.sweep_stragglers() == 0


# --- Access ---------------------------------------------------------------------------------------


def test_the_copy_holds_everything_that_names_the_person(life, claire, tmp_path):
    folder = tmp_path / "copy"
    call_command("profile", "export", EMAIL, to=str(folder), stdout=StringIO())

    document = json.loads((folder / "data.json").read_text())
    page = (folder / "data.html").read_text()
    text = json.dumps(document, ensure_ascii=False)
    for needle in (
        EMAIL,
        PHONE,
        "Clairette",
        "17 rue des Glycines",
        SECRET,
        VISITOR,
        "203.0.113.9",
    ):
        assert needle in text, needle
        assert needle in page, needle
    filled = {key for key, part in document["data"].items() if part["rows"]}
    assert len(filled) >= 18, sorted(filled)
    assert document["format"] == "ecrm.access-copy/1"
    assert all(processing["legal_basis"] for processing in document["processings"])
    assert PrivacyRequest.objects.get().kind == "access"


def test_what_an_erasure_removes_was_handed_out_or_says_why_not(life, claire):
    subject = privacy.subject_of(claire, at=now())
    for item in declared.personal.all():
        if privacy.count(item, subject) and not item.untold:
            assert list(privacy.rows(item, subject)), item.key


def test_the_page_speaks_the_customers_language(life, claire):
    Profile.objects.filter(pk=claire).update(locale="fr-FR")

    copy = handing_out.prepare(claire, by=None, source="test")
    page = b"".join(handing_out.as_page(copy)).decode()

    assert '<html lang="fr">' in page
    assert "Vos données" in page


def test_the_archive_is_whole(life, claire):
    copy = handing_out.prepare(claire, by=None, source="test")

    archive = zipfile.ZipFile(BytesIO(b"".join(handing_out.as_zip(copy))))

    assert archive.testzip() is None
    assert {"data.json", "data.html"} <= set(archive.namelist())


def test_the_command_erases_with_proof(life, claire):
    dry, done = StringIO(), StringIO()
    call_command("profile", "erase", EMAIL, dry_run=True, stdout=dry)
    assert queries.find_by_email(EMAIL) == claire
    call_command("profile", "erase", EMAIL, stdout=done)

    foreseen, report = json.loads(dry.getvalue()), json.loads(done.getvalue())
    assert {line["key"] for line in foreseen["data"]} <= {line["key"] for line in report["data"]}
    assert report["request"] == PrivacyRequest.objects.get().pk
    with pytest.raises(CommandError):
        call_command("profile", "erase", EMAIL)
