from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrm.kernel.models import EventRecord
from profiles import services as profiles
from profiles.models import ProfileTag, Tag
from profiles.queries import tags as queries
from profiles.rules import tags as rules
from profiles.services import tags as services
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import ProfileFactory

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture
def agent(shop):
    return AgentFactory(role="support", shop=shop)


def names(profile):
    return [tag.name for tag in queries.tags_of(profile.pk)]


@given(st.text())
def test_a_tag_is_one_however_it_is_written(text):
    assert rules.key_of(f"  {text} ") == rules.key_of(text)
    assert rules.key_of(rules.name_of(text)) == rules.key_of(text)
    assert len(rules.key_of(text)) <= rules.LONGEST


def test_tags_are_stuck_and_taken_off_whatever_their_case(shop, agent):
    ana = ProfileFactory(shop=shop)

    services.change_tags(ana.pk, add=["VIP", " vip ", "Press"], by=agent, at=AT)
    services.change_tags(ana.pk, add=["Vip"], remove=["PRESS"], by=agent, at=AT)

    assert names(ana) == ["VIP"]
    assert Tag.objects.count() == 2
    facts = EventRecord.objects.filter(name="profiles.tags-changed")
    assert [bool(fact.payload["added"]) for fact in facts.order_by("id")] == [True, False]


def test_an_agent_of_another_shop_tags_nobody(shop):
    ana = ProfileFactory(shop=shop)
    stranger = AgentFactory(role="support", shop=ShopFactory())

    with pytest.raises(services.NotYourCustomersTags):
        services.change_tags(ana.pk, add=["VIP"], by=stranger, at=AT)
    done = services.tag_many([ana.pk], name="VIP", by=stranger, at=AT)

    assert done.count == 0
    assert names(ana) == []


def test_many_get_a_tag_at_once_and_an_undo_leaves_those_who_had_it(shop, agent):
    ana, bo, cyd = (ProfileFactory(shop=shop) for _ in range(3))
    services.change_tags(bo.pk, add=["vip"], by=agent, at=AT)

    done = services.tag_many([ana.pk, bo.pk, cyd.pk], name="VIP", by=agent, at=AT)
    everybody = [names(person) for person in (ana, bo, cyd)]
    services.undo_tagging(done.change_id, by=agent, at=AT + timedelta(minutes=5))

    assert done.count == 2
    assert everybody == [["vip"]] * 3
    assert [names(person) for person in (ana, bo, cyd)] == [[], ["vip"], []]


def test_an_undo_comes_from_the_same_agent_once_and_soon(shop, agent):
    ana = ProfileFactory(shop=shop)
    colleague = AgentFactory(role="support", shop=shop)
    change_id = services.tag_many([ana.pk], name="VIP", by=agent, at=AT).change_id

    for by, at in ((colleague, AT), (agent, AT + timedelta(minutes=11))):
        with pytest.raises(services.TagUndoTooLate):
            services.undo_tagging(change_id, by=by, at=at)
    services.undo_tagging(change_id, by=agent, at=AT)
    with pytest.raises(services.TagUndoTooLate):
        services.undo_tagging(change_id, by=agent, at=AT)


def test_a_merge_joins_the_tags_and_an_undo_parts_them(shop, agent):
    ana, anna = ProfileFactory(shop=shop), ProfileFactory(shop=shop)
    services.change_tags(ana.pk, add=["VIP"], by=agent, at=AT)
    services.change_tags(anna.pk, add=["vip", "Press"], by=agent, at=AT)

    merge = profiles.merge(anna.pk, into=ana.pk, by=None)
    together = names(ana)
    profiles.undo_merge(merge.pk, by=None)

    assert together == ["Press", "VIP"]
    assert (names(ana), names(anna)) == (["VIP"], ["Press", "VIP"])


# --- From the list --------------------------------------------------------------------------------

HTMX = {"HX-Request": "true"}


def test_the_list_tags_the_selected_and_offers_the_way_back(client, shop, agent):
    ana, bo = ProfileFactory(shop=shop), ProfileFactory(shop=shop)
    client.force_login(agent)

    response = client.post(
        "/customers/tags/add/", {"selected": [ana.pk, bo.pk], "tag": "VIP"}, headers=HTMX
    )
    undo = response.headers["HX-Trigger"].split('"url": "')[1].split('"')[0]
    client.post(undo, headers=HTMX)

    assert response.status_code == 204
    assert not ProfileTag.objects.exists()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"tag": "VIP"}, "Choose at least one customer."),
        ({"selected": "1", "tag": "  "}, "Type a tag."),
        ({"selected": ["1"] * 600, "tag": "x"}, "Choose at most"),
    ],
)
def test_a_press_that_can_do_nothing_says_why(client, agent, values, text):
    client.force_login(agent)

    response = client.post("/customers/tags/add/", values, headers=HTMX)

    assert text in response.headers["HX-Trigger"]


def test_typed_letters_find_tags(client, shop, agent):
    services.change_tags(
        ProfileFactory(shop=shop).pk, add=["VIP", "Visitor", "Press"], by=agent, at=AT
    )
    client.force_login(agent)

    page = client.get("/customers/tags/", {"tag": "vI"}).content.decode()

    assert "VIP" in page
    assert "Visitor" in page
    assert "Press" not in page
