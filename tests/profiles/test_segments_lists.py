"""Selected customers on a list, and off again; attributes by name; what the night touches."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from profiles import services
from profiles.models import LifetimeModel, ListMember, Prediction, ProfileShop, SegmentTouch
from profiles.queries.criteria.foresight import PREDICTED
from profiles.services import attributes, care, predictions, segments_lists, standings
from profiles.services import segments_following as following
from profiles.web import segments_words as words
from profiles.web.listing_up import press_token
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.segment_world import keep_up, kept, make, rule

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def shop():
    return ShopFactory()


@pytest.fixture
def marketing(shop, client):
    agent = AgentFactory(role="marketing", shop=shop)
    client.force_login(agent)
    return agent


def on(segment):
    return set(ListMember.objects.filter(segment=segment).values_list("profile_id", flat=True))


def press(client, segment, *people):
    data = {"list": segment.pk, "selected": [person.pk for person in people]}
    return client.post(reverse("profiles:customers-list-up"), data, headers=HTMX)


def test_selected_customers_are_put_on_a_list_and_taken_off_again(client, marketing, shop):
    friends = make(None, at=NOW, shop_id=shop.pk)
    before, ana = ProfileFactory(shop=shop), ProfileFactory(shop=shop)
    stranger = ProfileFactory(shop=ShopFactory())
    services.add_to_list(friends.pk, profile_ids=[before.pk], by=None, at=NOW)

    toast = json.loads(press(client, friends, before, ana, stranger).headers["HX-Trigger"])
    assert on(friends) == {before.pk, ana.pk}
    assert "1 customer" in toast["ecrm:toast"]["text"]

    client.post(toast["ecrm:toast"]["undo"]["url"], headers=HTMX)
    assert on(friends) == {before.pk}


def test_an_agent_sees_the_lists_of_his_shops_only(client, marketing, shop):
    ana, other = ProfileFactory(shop=shop), ShopFactory()
    ours = make(None, at=NOW, shop_id=shop.pk, name="Friends")
    theirs = make(None, at=NOW, shop_id=other.pk, name="Strangers")
    everybody = make(None, at=NOW, name="Everybody")
    for segment in (ours, theirs, everybody):
        ListMember.objects.create(segment=segment, profile=ana, since=NOW)

    def told(path: str) -> list[str]:
        text = client.get(path).content.decode()
        return [name for name in ("Friends", "Strangers", "Everybody") if name in text]

    assert told(f"/customers/{ana.pk}/") == ["Friends"]
    assert told("/customers/") == []

    client.force_login(AgentFactory(owner=True, language="en"))
    assert told(f"/customers/{ana.pk}/") == ["Friends", "Strangers", "Everybody"]
    assert told("/customers/") == ["Friends", "Strangers", "Everybody"]


def test_who_is_on_the_list_already_offers_no_undo(client, marketing, shop):
    friends, ana = make(None, at=NOW, shop_id=shop.pk), ProfileFactory(shop=shop)
    press(client, friends, ana)

    toast = json.loads(press(client, friends, ana).headers["HX-Trigger"])["ecrm:toast"]
    assert "already" in toast["text"]
    assert "undo" not in toast


def test_without_a_choice_nothing_happens(client, marketing, shop):
    friends, ana = make(None, at=NOW, shop_id=shop.pk), ProfileFactory(shop=shop)
    url = reverse("profiles:customers-list-up")

    for data in ({"list": friends.pk}, {"selected": ana.pk}, {"list": "x", "selected": ana.pk}):
        answer = client.post(url, data, headers=HTMX)
        assert json.loads(answer.headers["HX-Trigger"])["ecrm:toast"]["level"] == "error"
    assert client.post(url, {"list": friends.pk}).status_code == 302
    assert on(friends) == set()


def test_a_segment_of_rules_takes_nobody(client, marketing, shop):
    french, ana = (
        make(rule("profile.country", "is", "FR"), at=NOW, shop_id=shop.pk),
        ProfileFactory(),
    )
    ProfileShop.objects.create(profile=ana, shop=shop, since=NOW)

    toast = json.loads(press(client, french, ana).headers["HX-Trigger"])["ecrm:toast"]
    assert toast["level"] == "error"


def test_a_press_is_taken_back_soon_and_by_whom_it_was(client, marketing, shop):
    friends, ana = make(None, at=NOW, shop_id=shop.pk), ProfileFactory(shop=shop)
    services.add_to_list(friends.pk, profile_ids=[ana.pk], by=marketing, at=NOW)
    other = press_token(friends.pk, at=NOW, by=AgentFactory())
    late = press_token(friends.pk, at=NOW, by=marketing)

    assert client.post(reverse("profiles:list-undo", args=[other])).status_code == 404
    assert client.post(reverse("profiles:list-undo", args=["forged"])).status_code == 404
    client.post(reverse("profiles:list-undo", args=[late]), headers=HTMX)
    assert on(friends) == {ana.pk}
    with pytest.raises(segments_lists.ListUndoTooLate):
        segments_lists.take_back(
            friends.pk, since=NOW, by=marketing, at=NOW + timedelta(minutes=11)
        )
    assert segments_lists.take_back(friends.pk, since=NOW, by=marketing, at=NOW) == 1


def test_the_bar_offers_the_lists_one_may_extend(client, marketing, shop):
    friends = make(None, at=NOW, name="Friends", shop_id=shop.pk)
    make(None, at=NOW, name="Elsewhere", shop_id=ShopFactory().pk)
    make(rule("profile.country", "is", "FR"), at=NOW, name="Rules", shop_id=shop.pk)

    page = client.get(reverse("profiles:list-choices")).content.decode()
    assert f'value="{friends.pk}"' in page
    assert "Elsewhere" not in page
    assert "Rules" not in page


def test_an_attribute_stands_in_the_builder_by_its_own_name_with_its_choices():
    attributes.define_attribute("Size", kind="choice", by=None, key="size", choices=["S", "M"])
    attributes.define_attribute("Children", kind="number", by=None, key="children")

    entries = words.schema([])["criteria"]
    size = next(entry for entry in entries if entry["label"] == "Size")
    assert size["fixed"] == {"attribute": "size"}
    assert size["operators"][0]["inputs"][0]["choices"] == [["S", "S"], ["M", "M"]]
    assert size["inputs"] == []
    assert not any(entry["key"] == "attribute.boolean" for entry in entries)


def test_rules_name_the_attribute_they_ask_for():
    attributes.define_attribute("Children", kind="number", by=None, key="children")
    segment = make(rule("attribute.number", "at_least", 2, attribute="children"), at=NOW)

    line = words.lines_of(words.Known(
        id=1, name="", kind="dynamic", shop_id=None, tree=_tree(segment)), names={})  # fmt: skip
    assert line.text == "Children at least 2"


def _tree(segment):
    from profiles.queries import segments_compiling as compiling

    return compiling.known(segment).tree


def test_the_night_touches_those_who_changed_and_only_where_a_segment_asks(shop):
    ana = ProfileFactory(shop=shop)
    care.move_stages(at=NOW)
    assert not SegmentTouch.objects.exists()

    make(rule("profile.country", "is", "FR"), at=NOW)
    leads = make(rule("profile.stage", "is", "lead"), at=NOW)
    keep_up(at=NOW)
    ProfileShop.objects.filter(profile=ana).update(stage="loyal")
    care.move_stages(at=NOW)
    care.move_stages(at=NOW)
    standings.score(at=NOW)

    assert list(SegmentTouch.objects.values_list("profile_id", "fact")) == [
        (ana.pk, "night:stages")
    ]
    keep_up(at=NOW)
    assert kept(leads) == {ana.pk}


def test_what_is_predicted_no_more_leaves_its_segments(shop):
    ana = ProfileFactory(shop=shop)
    model = LifetimeModel.objects.create(
        shop=shop, state="fitted", currency="EUR", customers=1, repeat_customers=1, weeks=30,
        fitted_at=NOW,
    )  # fmt: skip
    Prediction.objects.create(
        profile=ana, shop=shop, model=model, currency="EUR", value=100, orders=1, alive=1, churn=0.2,
        predicted_at=NOW,
    )  # fmt: skip
    faithful = make(rule("prediction.churn", "at_most", 20), at=NOW)
    assert kept(faithful) == {ana.pk}

    predictions.predict(shop.pk, at=NOW)
    assert SegmentTouch.objects.get().fact == PREDICTED
    keep_up(at=NOW)
    assert kept(faithful) == set()


def test_the_work_of_the_night_is_no_fact_of_any_kind():
    assert not following._concerns(frozenset({"*"}), {"night:marks"})
    assert following._concerns(frozenset({"*"}), {"orders.order-placed"})
    assert following._concerns(frozenset({"night:marks"}), {"night:marks"})
