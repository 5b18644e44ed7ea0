from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
from django.utils.timezone import localdate, now

from company.models import AuditEntry
from ecrm.kernel import loops
from orders.models import Order
from profiles.models import PrivacyRequest, Profile, RetentionRule
from profiles.services import erasing, privacy_requests
from tests.company.factories import AgentFactory
from tests.contacts.factories import make_ticket
from tests.profiles.world import World

EMAIL = "ana@example.org"


@pytest.fixture
def world(db):
    return World()


@pytest.fixture
def manager(client, world):
    agent = AgentFactory(role="manager", shop=world.shops[0])
    client.force_login(agent)
    return agent


@pytest.fixture
def ana(world):
    return world.order(email=EMAIL, first_name="Ana", last_name="Durand").profile_id


def words(response) -> str:
    return response.content.decode()


def test_the_page_says_what_there_is_and_what_would_stay(client, manager, ana):
    page = words(client.get(f"/customers/{ana}/privacy/"))

    assert "10 years" in page
    assert "Identifiers" in page
    assert f'action="/customers/{ana}/privacy/erase/"' in page
    assert f"/customers/{ana}/privacy/" in words(client.get(f"/customers/{ana}/"))


def test_the_copy_is_an_archive_and_written_down(client, manager, ana):
    answer = client.post(f"/customers/{ana}/privacy/copy/")

    archive = zipfile.ZipFile(BytesIO(b"".join(answer.streaming_content)))
    assert json.loads(archive.read("data.json"))["profiles"] == [ana]
    assert EMAIL in archive.read("data.html").decode()
    assert PrivacyRequest.objects.get().state == "done"
    entry = AuditEntry.objects.get(action="profiles.profile-handed-out")
    assert (entry.actor_id, entry.target) == (manager.pk, f"profile:{ana}")
    assert EMAIL not in json.dumps(entry.changes)


def test_the_number_must_be_typed_before_somebody_is_erased(client, manager, ana):
    url = f"/customers/{ana}/privacy/erase/"

    refused = client.post(url, {"number": "yes"})
    assert refused.status_code == 422
    assert not PrivacyRequest.objects.exists()

    assert client.post(url, {"number": f" #{ana} "}).status_code == 302
    loops.run_until_idle("privacy")

    assert Profile.objects.get(pk=ana).erased_at is not None
    assert client.get(f"/customers/{ana}/").status_code == 410
    order = words(client.get(f"/orders/{Order.objects.get().pk}/"))
    assert f"/customers/{ana}/" not in order
    assert "Durand" not in order
    request = PrivacyRequest.objects.get()
    report = words(client.get(f"/customers/privacy/{request.pk}/"))
    assert "Identifiers" in report
    assert EMAIL not in report
    assert "Durand" not in report


def test_what_had_to_be_kept_of_an_erased_customer_says_so_and_leads_nowhere(
    client, manager, world, ana
):
    ticket = make_ticket(world.shops[0], profile=Profile.objects.get(pk=ana), subject="Bougie")
    erasing.erase(ana, by=None, source="test")

    order = f"/orders/{Order.objects.get().pk}/"
    for url in (order, "/orders/", f"/inbox/{ticket.number}/?view=all", "/inbox/?view=all"):
        page = words(client.get(url))
        assert "Erased customer" in page, url
        assert f"/customers/{ana}/" not in page, url
        assert f"#{ana}" not in page, url


def test_the_page_of_an_erased_customer_is_gone_for_who_knew_him_and_never_was_for_others(
    client, manager, world, ana
):
    request = erasing.erase(ana, by=None, source="test")

    gone = client.get(f"/customers/{ana}/")
    assert gone.status_code == 410
    assert "This customer was erased" in words(gone)
    assert f"/customers/privacy/{request.pk}/" in words(gone)

    client.force_login(AgentFactory(role="manager", shop=world.shops[1]))
    assert client.get(f"/customers/{ana}/").status_code == 404


def test_who_may_not_erase_in_every_shop_is_told_so(client, manager, world, ana):
    world.order(email=EMAIL, shop=1)

    assert "privacy/erase/" not in words(client.get(f"/customers/{ana}/privacy/"))
    refused = client.post(f"/customers/{ana}/privacy/erase/", {"number": str(ana)})

    assert refused.status_code == 422
    assert Profile.objects.get(pk=ana).erased_at is None
    # The copy would hold what another shop knows.
    assert client.post(f"/customers/{ana}/privacy/copy/").status_code == 302
    assert not PrivacyRequest.objects.exists()


def test_requests_are_listed_by_deadline_and_can_be_extended_once_or_refused(
    client, manager, world, ana
):
    late = privacy_requests.note_request(
        ana, kind="access", received_at=now() - timedelta(days=40), by=None
    )
    client.post(f"/customers/{ana}/privacy/ask/", {"kind": "erasure", "received_on": localdate()})

    page = words(client.get("/customers/privacy/"))
    assert page.index("Access") < page.index("Erasure")
    assert "ec-bad" in page

    client.post(f"/customers/privacy/{late.pk}/extend/")
    client.post(f"/customers/privacy/{late.pk}/extend/")
    late.refresh_from_db()
    assert late.is_extended
    assert late.due_at > now()
    client.post(f"/customers/privacy/{late.pk}/refuse/")
    late.refresh_from_db()
    assert late.state == "refused"
    actions = AuditEntry.objects.filter(action__startswith="profiles.request-")
    assert actions.count() == 4
    audit = words(client.get("/settings/audit/"))
    assert "request" in audit


def test_a_request_of_the_future_is_refused(client, manager, ana):
    tomorrow = localdate() + timedelta(days=1)

    answer = client.post(
        f"/customers/{ana}/privacy/ask/", {"kind": "access", "received_on": tomorrow}
    )

    assert answer.status_code == 422
    assert not PrivacyRequest.objects.exists()


def test_a_rule_is_set_foreseen_read_and_switched_on(client, world):
    owner = AgentFactory(is_superuser=True)
    client.force_login(owner)
    world.customer(email=EMAIL)
    Profile.objects.update(
        first_seen_at=now() - timedelta(days=3000), last_seen_at=now() - timedelta(days=3000)
    )
    url = "/customers/privacy/keeping/profiles.prospect/"
    assert "Prospects" in words(client.get("/customers/privacy/keeping/"))

    assert client.post(url, {"days": "5"}).status_code == 422
    client.post(url, {"days": "1096"})
    assert "being made" in words(client.get(url))
    loops.run_until_idle("privacy")
    assert "1 row would be forgotten now" in words(client.get(url))

    rule = RetentionRule.objects.get()
    switch = f"/customers/privacy/keeping/{rule.pk}/switch/"
    client.post(switch, {"to": "on", "seen": "99"})
    rule.refresh_from_db()
    assert not rule.is_active
    client.post(switch, {"to": "on", "seen": "1"})
    rule.refresh_from_db()
    assert rule.is_active
    client.post(switch, {"to": "off"})
    rule.refresh_from_db()
    assert not rule.is_active


def test_empty_pages_say_what_they_are_for(client, manager):
    assert "Nobody asked yet" in words(client.get("/customers/privacy/"))
    assert "Suggested" in words(client.get("/customers/privacy/keeping/"))
    rule = words(client.get("/customers/privacy/keeping/contacts.ticket/"))
    assert "Nothing is forgotten yet" in rule
