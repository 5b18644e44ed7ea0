from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from company.models import AuditEntry
from ecrm.kernel import outbox
from ecrm.kernel.models import EventRecord
from ecrm.kernel.verify import all_invariants
from messaging.models import OutgoingMessage
from profiles import services as profiles
from profiles.models import Consent, ConsentState, ConsentWording
from profiles.queries import consents as queries
from profiles.rules import consents as rules
from profiles.services import consents as services
from profiles.types import Identity
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.profiles.factories import ProfileFactory

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JSON = "application/json"
ANA = "ana@example.org"


@pytest.fixture
def shop(db):
    return ShopFactory(name="Maison Alba")


@pytest.fixture
def ana(shop):
    return ProfileFactory(shop=shop, email=ANA).pk


def say(profile_id, shop, answer="granted", *, at=AT, by=None, purpose="marketing", **evidence):
    evidence.setdefault("source", "form")
    return services.record(
        profile_id,
        shop_id=shop.pk,
        channel="email",
        purpose=purpose,
        answer=answer,
        evidence=services.Evidence(**evidence),
        by=by,
        at=at,
    )


def order(shop, *, wish, at, email=ANA):
    return profiles.resolve(
        Identity(email=email, accepts_marketing=wish, is_proven=True),
        shop_id=shop.pk,
        source="order",
        at=at,
    ).profile_id


def stands(profile_id, shop, purpose="marketing"):
    found = queries.standings(profile_id, shop_ids=[shop.pk])
    return next((s.answer for s in found if s.purpose == purpose), None)


def is_explained():
    return list(queries.stands_unlike_the_ledger()) == []


# --- Which answer counts --------------------------------------------------------------------------

SAID = st.builds(
    lambda answer, hour, is_incidental: (answer, hour, is_incidental),
    st.sampled_from(rules.ANSWERS),
    st.integers(0, 5),
    st.booleans(),
)


@given(st.lists(SAID, max_size=8))
def test_what_came_along_never_outweighs_what_was_said_on_purpose(told):
    entries = [
        rules.Said(number, answer, AT + timedelta(hours=hour), is_incidental)
        for number, (answer, hour, is_incidental) in enumerate(told, start=1)
    ]

    decided = rules.latest(entries)

    deliberate = [entry for entry in entries if not entry.is_incidental]
    if deliberate and not entries[0].is_incidental:
        assert decided is not None
        assert not decided.is_incidental
    if decided:
        withdrawn = [e for e in entries if e.answer == rules.WITHDRAWN and not e.is_incidental]
        later = [e for e in withdrawn if e.answered_at > decided.answered_at]
        assert not (decided.answer == rules.GRANTED and not decided.is_incidental and later)


def test_an_order_brings_the_first_answer_and_changes_it(shop):
    ana = order(shop, wish=True, at=AT)
    first = stands(ana, shop)

    order(shop, wish=False, at=AT + DAY)
    order(shop, wish=False, at=AT + 2 * DAY)

    assert (first, stands(ana, shop)) == ("granted", "withdrawn")
    entries = Consent.objects.order_by("id").values_list("answer", "source", "is_incidental")
    assert list(entries) == [("granted", "order", True), ("withdrawn", "order", True)]
    assert is_explained()


def test_a_late_order_does_not_bring_an_old_wish_back(shop):
    ana = order(shop, wish=False, at=AT)

    order(shop, wish=True, at=AT - DAY)

    assert stands(ana, shop) == "withdrawn"


def test_who_withdrew_on_purpose_is_not_won_back_by_a_box_at_the_checkout(shop):
    ana = order(shop, wish=True, at=AT)
    say(ana, shop, "withdrawn", at=AT + DAY, source="link")

    order(shop, wish=True, at=AT + 2 * DAY)

    assert stands(ana, shop) == "withdrawn"
    assert Consent.objects.count() == 2


def test_an_order_costs_no_statement_more_for_a_wish(shop, count_queries):
    order(shop, wish=True, at=AT)  # prepares the statements
    silent = count_queries(lambda: order(shop, wish=None, at=AT, email="a@example.org"))
    telling = count_queries(lambda: order(shop, wish=True, at=AT, email="b@example.org"))
    again = count_queries(lambda: order(shop, wish=True, at=AT, email="b@example.org"))

    assert telling == silent
    assert again == 1


def test_an_older_answer_is_kept_and_changes_nothing(ana, shop):
    say(ana, shop, "withdrawn", at=AT)

    say(ana, shop, "granted", at=AT - DAY)

    assert stands(ana, shop) == "withdrawn"
    assert Consent.objects.count() == 2
    assert is_explained()


def test_open_tracking_is_a_consent_of_its_own(ana, shop):
    say(ana, shop, "granted")

    place = {"shop_id": shop.pk, "channel": "email"}
    assert queries.may(ana, **place, purpose="marketing")
    assert not queries.may(ana, **place, purpose="open_tracking")

    say(ana, shop, "granted", purpose="open_tracking")
    assert queries.may(ana, **place, purpose="open_tracking")


# --- The ledger -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["UPDATE profiles_consent SET answer = 'granted'", "DELETE FROM profiles_consent"]
)
def test_the_database_refuses_to_change_the_ledger(ana, shop, statement):
    say(ana, shop, "withdrawn")

    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Consent.objects.get().answer == "withdrawn"


def test_an_erasure_removes_the_entries_and_closes_the_door_behind_it(ana, shop):
    say(ana, shop)
    bo = ProfileFactory(shop=shop).pk
    say(bo, shop)

    removed = services.erase(ana)

    assert removed == 1
    assert set(Consent.objects.values_list("profile_id", flat=True)) == {bo}
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.all().delete()


def test_a_version_has_one_text_for_ever(ana, shop):
    say(ana, shop, version="2026-01")
    say(ana, shop, version="2026-01", text="Yes, write to me.", at=AT + DAY)

    with pytest.raises(services.UnusableConsent) as refusal:
        say(ana, shop, version="2026-01", text="Yes, call me.", at=AT + 2 * DAY)

    assert set(refusal.value.fields) == {"text_version"}
    assert ConsentWording.objects.get().text == "Yes, write to me."
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentWording.objects.update(text="Other")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "fax"}, "channel"),
        ({"purpose": "fun"}, "purpose"),
        ({"purpose": "open_tracking", "channel": "sms"}, "purpose"),
        ({"answer": "maybe"}, "answer"),
        ({"answer": "pending", "channel": "sms"}, "channel"),
        ({"at": datetime(2100, 1, 1, tzinfo=UTC)}, "answered_at"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(ana, shop, change, field):
    values = {"channel": "email", "purpose": "marketing", "answer": "granted", "at": AT} | change

    with pytest.raises(services.UnusableConsent) as refusal:
        services.record(ana, shop_id=shop.pk, evidence=services.Evidence(source="form"), **values)

    assert set(refusal.value.fields) == {field}


def test_an_agent_says_how_he_knows_and_may_change_the_customer(ana, shop):
    agent = AgentFactory(role="support", shop=shop)
    stranger = AgentFactory(role="support", shop=ShopFactory())

    with pytest.raises(services.UnusableConsent):
        say(ana, shop, by=agent)
    with pytest.raises(services.NotYourCustomersConsent):
        say(ana, shop, by=stranger, reason="He called.")
    say(ana, shop, "withdrawn", by=agent, reason="He called.")

    entry = AuditEntry.objects.get(action="profiles.consent-recorded")
    assert entry.changes["answer"] == "withdrawn"
    assert EventRecord.objects.filter(name="profiles.consent-withdrawn").count() == 1


# --- Merging --------------------------------------------------------------------------------------


def test_the_stricter_wins_at_a_merge_and_an_undo_parts_the_ledgers(shop):
    ana = order(shop, wish=True, at=AT)
    anna = order(shop, wish=False, at=AT - DAY, email="anna@example.org")

    merge = profiles.merge(anna, into=ana, by=None)
    together = stands(ana, shop)
    explained = is_explained()
    profiles.undo_merge(merge.pk, by=None)

    assert (together, explained) == ("withdrawn", True)
    assert (stands(ana, shop), stands(anna, shop)) == ("granted", "withdrawn")
    assert is_explained()


def test_what_is_said_after_a_merge_stands_after_its_undo(shop):
    ana = order(shop, wish=True, at=AT)
    anna = order(shop, wish=False, at=AT, email="anna@example.org")
    merge = profiles.merge(anna, into=ana, by=None)

    say(ana, shop, "withdrawn", at=AT + DAY, source="link")
    profiles.undo_merge(merge.pk, by=None)

    assert (stands(ana, shop), stands(anna, shop)) == ("withdrawn", "withdrawn")
    assert is_explained()


def test_a_stand_that_the_ledger_does_not_explain_is_found(ana, shop):
    say(ana, shop, "withdrawn")

    ConsentState.objects.update(stand=Consent.objects.get().pk)

    assert [f"profile {ana}" in line for line in queries.stands_unlike_the_ledger()] == [True]


# --- Double opt-in --------------------------------------------------------------------------------


def test_asking_sends_a_mail_whose_link_grants(client, ana, shop):
    entry_id = say(ana, shop, "pending", version="v1", text="We write once a month.")
    assert not queries.may(ana, shop_id=shop.pk, channel="email", purpose="marketing")
    outbox.deliver_local()

    mail = OutgoingMessage.objects.get()
    path = f"/consent/{queries.token_of(entry_id)}/"
    page = client.get(path)
    opened = stands(ana, shop)
    done = client.post(path)

    assert (mail.recipient, mail.dedupe_key) == (ANA, f"consent:{entry_id}")
    assert "/consent/" in mail.text
    assert "We write once a month." in page.content.decode()
    assert opened == "pending"
    assert stands(ana, shop) == "granted"
    assert done.status_code == 200
    entry = Consent.objects.get(answer="granted")
    assert (entry.confirms_id, entry.address, entry.ip) == (entry_id, ANA, "127.0.0.1")


def test_who_confirmed_and_opens_the_link_again_is_thanked_until_he_withdraws(client, ana, shop):
    path = f"/consent/{queries.token_of(say(ana, shop, 'pending'))}/"
    first = client.post(path).content.decode()

    assert "<form" not in first
    for again in (client.get(path), client.post(path)):
        assert (again.status_code, again.content.decode()) == (200, first)
    assert Consent.objects.filter(answer="granted").count() == 1

    say(ana, shop, "withdrawn", at=now(), source="link")
    assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)
    assert stands(ana, shop) == "withdrawn"


def test_public_pages_wear_the_name_and_the_colour_of_the_shop(client, ana, shop):
    page = client.get(f"/consent/{queries.token_of(say(ana, shop, 'pending'))}/").content.decode()

    assert f"· {shop.name}</title>" in page
    assert f'data-ecrm-brand="{shop.accent_color}"' in page


def test_a_false_an_old_and_a_settled_link_grant_nothing(client, ana, shop):
    entry_id = say(ana, shop, "pending", at=AT)
    token = queries.token_of(entry_id)
    say(ana, shop, "withdrawn", at=AT + DAY, source="link")

    for path in ("/consent/x/", f"/consent/{token}x/", f"/consent/{token}/"):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert stands(ana, shop) == "withdrawn"


def test_a_question_goes_to_an_address_of_the_customer_only(ana, shop):
    with pytest.raises(services.UnusableConsent):
        say(ana, shop, "pending", address="eve@example.org")


def test_asking_again_does_not_take_a_consent_away(ana, shop):
    say(ana, shop, "granted")

    say(ana, shop, "pending", at=AT + DAY)

    assert stands(ana, shop) == "granted"


# --- Page and API ---------------------------------------------------------------------------------


def test_an_agent_adds_an_answer_and_sees_the_history(client, ana, shop):
    client.force_login(AgentFactory(role="support", shop=shop, name="Claire"))
    url = f"/customers/{ana}/consents/"
    values = {
        "shop": shop.pk,
        "channel": "email",
        "purpose": "marketing",
        "answer": "withdrawn",
        "reason": "He called us",
    }

    bad = client.post(f"{url}add/", values | {"reason": ""})
    good = client.post(f"{url}add/", values)

    assert (bad.status_code, good.status_code) == (422, 302)
    page = client.get(url).content.decode()
    for shown in ("Withdrawn", "He called us", "Claire"):
        assert shown in page
    assert "Withdrawn" in client.get(f"/customers/{ana}/").content.decode()


def test_the_proof_is_a_file_with_every_entry_and_is_audited(client, ana, shop):
    say(ana, shop, version="v1", text="Yes.", ip="192.0.2.7", proof="form-17.pdf")
    client.force_login(AgentFactory(role="manager", shop=shop))

    response = client.post(f"/customers/{ana}/consents/proof/")

    entry = json.loads(response.content)["consents"][0]
    assert (entry["answer"], entry["ip"], entry["proof"]) == ("granted", "192.0.2.7", "form-17.pdf")
    assert entry["wording"] == {"version": "v1", "language": None, "text": "Yes."}
    assert AuditEntry.objects.filter(action="profiles.consents-exported").exists()


def test_a_viewer_reads_and_changes_nothing(client, ana, shop):
    client.force_login(AgentFactory(role="viewer", shop=shop))

    page = client.get(f"/customers/{ana}/consents/")
    refused = client.post(f"/customers/{ana}/consents/add/", {})

    assert page.status_code == 200
    assert "Add an answer" not in page.content.decode()
    assert refused.status_code == 403


@pytest.fixture
def api(client, shop):
    _, plain = api_key(shop, "profiles:write")
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {plain}"
    return client


CONSENT = {
    "email": ANA,
    "channel": "email",
    "purpose": "marketing",
    "action": "grant",
    "source": "footer",
    "text_version": "2026-01",
}


def test_a_program_grants_and_withdraws_with_proof(api, ana, shop):
    granted = api.post("/api/v1/consents", CONSENT | {"ip": "192.0.2.1"}, JSON)
    withdrawn = api.post(
        "/api/v1/consents", CONSENT | {"profile": str(ana), "action": "withdraw"}, JSON
    )

    assert (granted.status_code, withdrawn.status_code) == (201, 201), granted.content
    assert (granted.json()["stands"], withdrawn.json()["stands"]) == ("granted", "withdrawn")
    assert Consent.objects.order_by("id").first().wording.version == "2026-01"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"email": "nobody@example.org"}, 404),
        ({"email": ""}, 422),
        ({"channel": "fax"}, 422),
        ({"action": "perhaps"}, 422),
        ({"profile": "x"}, 404),
        ({"answered_at": "2100-01-01T00:00:00Z"}, 422),
    ],
)
def test_a_program_learns_what_is_wrong(api, ana, change, status):
    response = api.post("/api/v1/consents", CONSENT | change, JSON)

    assert response.status_code in {status, 400 if status == 422 else status}, response.content
    assert not Consent.objects.exists()


def test_a_key_of_another_shop_finds_nobody(client, ana):
    _, plain = api_key(ShopFactory(), "profiles:write")
    headers = {"Authorization": f"Bearer {plain}"}

    response = client.post("/api/v1/consents", CONSENT, JSON, headers=headers)

    assert response.status_code == 404


def test_the_ledger_is_among_the_promises_that_are_verified():
    assert "R22.consents" in {invariant.key for invariant in all_invariants()}
