"""The pages of segments, the API and the command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from company.models import AuditEntry
from profiles.models import ListMember, Segment
from profiles.services import segments_lists as lists
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.profiles.factories import ProfileFactory
from tests.profiles.segment_world import FROM_FRANCE, all_of, kept, make, none_of, rule

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
LIST = reverse("profiles:segment-list")
NEW = reverse("profiles:segment-new")
COUNT = reverse("profiles:segment-count")


@pytest.fixture
def shop():
    return ShopFactory(name="Maison Alba")


@pytest.fixture
def owner():
    return AgentFactory(owner=True, language="en")


@pytest.fixture
def desk(owner):
    client = Client()
    client.force_login(owner)
    return client


def as_agent(**more) -> Client:
    client = Client()
    client.force_login(AgentFactory(language="en", **more))
    return client


def page(segment: Segment, name: str = "page") -> str:
    return reverse(f"profiles:segment-{name}", args=[segment.pk])


def text_of(response) -> str:
    return response.content.decode()


def test_the_list_names_kind_count_and_what_is_wrong(desk, shop):
    ProfileFactory(shop=shop)
    make(FROM_FRANCE, at=NOW, name="French")
    make(None, at=NOW, name="Press", shop_id=shop.pk)
    Segment.objects.filter(name="French").update(drift=3)

    shown = text_of(desk.get(LIST))

    assert "French" in shown
    assert "Press" in shown
    assert "Maison Alba" in shown
    assert "3 differences" in shown


def test_an_empty_list_offers_the_first_segment(desk):
    assert "No segments yet" in text_of(desk.get(LIST))


def test_the_list_costs_the_same_for_one_segment_and_for_many(desk, assert_flat_queries):
    assert_flat_queries(
        lambda: desk.get(LIST), add_rows=lambda: make(FROM_FRANCE, at=NOW), budget=16
    )


def test_a_segment_of_the_company_is_for_who_sees_all_shops(shop):
    everywhere = make(FROM_FRANCE, at=NOW, name="Whole company")
    here = make(FROM_FRANCE, at=NOW, name="Ours alone", shop_id=shop.pk)
    elsewhere = make(FROM_FRANCE, at=NOW, name="Elsewhere", shop_id=ShopFactory().pk)
    manager = as_agent(role="manager", shop=shop)

    shown = text_of(manager.get(LIST))

    assert "Ours alone" in shown
    assert "Whole company" not in shown
    assert manager.get(page(here)).status_code == 200
    assert manager.get(page(everywhere)).status_code == 404
    assert manager.get(page(elsewhere)).status_code == 404


def test_who_may_only_look_changes_nothing(shop):
    segment = make(FROM_FRANCE, at=NOW, shop_id=shop.pk)
    viewer = as_agent(role="viewer", shop=shop)

    assert viewer.get(page(segment)).status_code == 200
    assert viewer.get(page(segment, "edit")).status_code == 403
    for name in ("duplicate", "archive", "recompute", "accept", "add", "remove"):
        assert viewer.post(page(segment, name)).status_code == 403
    assert "Put away" not in text_of(viewer.get(page(segment)))


def test_a_segment_is_made_changed_and_put_away(desk, owner):
    rules = all_of(FROM_FRANCE)

    made = desk.post(NEW, {"name": "French", "shop": "", "rules": json.dumps(rules)})
    segment = Segment.objects.get()
    assert made.url == page(segment)
    assert segment.rules == rules

    form = {"name": "Belgians", "version": 1}
    belgians = all_of(rule("profile.country", "is", "BE"))
    desk.post(page(segment, "edit"), form | {"rules": json.dumps(belgians)})
    segment.refresh_from_db()
    assert (segment.name, segment.rules, segment.version) == ("Belgians", belgians, 2)

    late = desk.post(page(segment, "edit"), form | {"rules": json.dumps(rules)})
    assert late.status_code == 422
    assert "Somebody else changed this segment" in text_of(late)

    desk.post(page(segment, "duplicate"))
    desk.post(page(segment, "recompute"))
    desk.post(page(segment, "archive"))
    segment.refresh_from_db()
    assert segment.archived_at
    assert desk.get(page(segment)).status_code == 404
    actions = AuditEntry.objects.order_by("position").values_list("action", flat=True)
    assert [action for action in actions if "segment" in action] == [
        "profiles.segment-created",
        "profiles.segment-changed",
        "profiles.segment-created",
        "profiles.segment-recomputed",
        "profiles.segment-archived",
    ]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("{", "This is not JSON."),
        ("[" * 5000, "This is not JSON."),
        (
            '{"and": []}',
            '<code class="ec-mono">/and</code> Add a condition to this group, or remove the group.',
        ),
        ("", "Add a condition to this group, or remove the group."),
    ],
)
def test_faulty_rules_come_back_with_their_places(desk, rules, words):
    answer = desk.post(NEW, {"name": "x", "shop": "", "rules": rules})

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not Segment.objects.exists()


def test_a_manager_makes_segments_of_his_shop_only(shop):
    other = ShopFactory()
    manager = as_agent(role="manager", shop=shop)
    form = {"name": "French", "rules": json.dumps(FROM_FRANCE)}

    assert manager.post(NEW, form | {"shop": str(other.pk)}).status_code in {302, 404, 422}
    manager.post(NEW, form)

    assert set(Segment.objects.values_list("shop_id", flat=True)) == {shop.pk}


def test_counting_guesses_first_and_then_knows(desk, shop):
    ana = ProfileFactory(shop=shop)
    asked = {"rules": json.dumps(FROM_FRANCE), "shop": ""}

    assert "estimate" in desk.post(COUNT, asked).json()
    exact = desk.post(COUNT, asked | {"exact": "1"}).json()

    assert exact["count"] == 1
    assert [member["id"] for member in exact["members"]] == [str(ana.pk)]


def test_counting_tells_faults_and_keeps_to_the_agents_shops(desk, shop):
    faulty = desk.post(COUNT, {"rules": '{"and": [{}]}', "shop": ""})
    assert faulty.status_code == 422
    assert set(faulty.json()["faults"]) == {"/and/0/criterion"}
    assert desk.post(COUNT, {"rules": "{", "shop": ""}).status_code == 422

    manager = as_agent(role="manager", shop=shop)
    for chosen in ("", str(ShopFactory().pk), "x"):
        answer = manager.post(COUNT, {"rules": json.dumps(FROM_FRANCE), "shop": chosen})
        assert answer.json() == {"refusal": "Choose a shop."}


def test_why_somebody_is_in_it_or_not(desk, shop):
    ana = ProfileFactory(shop=shop, city="Lyon")
    segment = make(all_of(FROM_FRANCE, none_of(rule("profile.city", "is", "Lyon"))), at=NOW)

    shown = text_of(desk.get(page(segment), {"customer": ana.pk}))

    assert "is not in it" in shown
    assert "Country is France" in shown
    assert "is: Lyon" in shown
    assert shown.count('title="fulfilled"') == 2
    assert shown.count('title="not fulfilled"') == 2
    hits = text_of(desk.get(page(segment), {"q": ana.last_name}))
    assert f"?customer={ana.pk}" in hits


def test_members_and_reasons_of_other_shops_stay_hidden(shop):
    stranger = ProfileFactory(shop=ShopFactory(), last_name="Hidden", email="hidden@example.org")
    segment = make(None, at=NOW, shop_id=shop.pk)
    ListMember.objects.create(segment=segment, profile=stranger, since=NOW)

    shown = text_of(as_agent(role="manager", shop=shop).get(page(segment)))

    assert "Hidden" not in shown


def test_customers_are_put_on_a_list_by_address_or_number(desk, shop):
    ana, bob = ProfileFactory(shop=shop), ProfileFactory(shop=shop)
    listed = make(None, at=NOW)

    typed = f"{ana.last_name.lower()}@example.org, {bob.pk}; nobody@example.org"
    answer = desk.post(page(listed, "add"), {"customers": typed}, follow=True)
    assert kept(listed) == {ana.pk, bob.pk}
    assert "2 customers are new here." in text_of(answer)
    assert "Nobody is known as: nobody@example.org" in text_of(answer)

    desk.post(page(listed, "remove"), {"customer": bob.pk})
    assert kept(listed) == {ana.pk}


def test_the_list_of_customers_is_narrowed_by_segment(desk, shop):
    ana = ProfileFactory(shop=shop, first_name="Inside")
    ProfileFactory(shop=shop, first_name="Outside", country="BE")
    segment = make(FROM_FRANCE, at=NOW)
    listed = make(None, at=NOW)
    lists.add_to_list(listed.pk, profile_ids=[ana.pk], by=None)

    for chosen in (segment, listed):
        shown = text_of(desk.get(reverse("profiles:profile-list"), {"segment": chosen.pk}))
        assert "Inside" in shown
        assert "Outside" not in shown


def test_a_customers_page_names_his_segments(desk, shop):
    ana = ProfileFactory(shop=shop)
    make(FROM_FRANCE, at=NOW, name="Every French customer")

    shown = text_of(desk.get(reverse("profiles:profile-page", args=[ana.pk])))

    assert "Every French customer" in shown


def test_the_api_lists_the_segments_of_a_customer(shop):
    ana = ProfileFactory(shop=shop)
    french = make(FROM_FRANCE, at=NOW, name="French")
    listed = make(None, at=NOW, name="Press", shop_id=shop.pk)
    hidden = make(FROM_FRANCE, at=NOW, name="Hidden", shop_id=ShopFactory().pk)
    lists.add_to_list(listed.pk, profile_ids=[ana.pk], by=None, at=NOW)
    _row, key = api_key(shop, "profiles:read")

    answer = Client().get(
        f"/api/v1/profiles/{ana.pk}/segments", headers={"Authorization": f"Bearer {key}"}
    )

    assert [(row["id"], row["name"], row["kind"]) for row in answer.json()["results"]] == [
        (str(french.pk), "French", "dynamic"),
        (str(listed.pk), "Press", "static"),
    ]
    assert hidden.name not in answer.content.decode()


def test_the_command_counts_and_refuses(shop, tmp_path, capsys):
    ProfileFactory(shop=shop, last_seen_at=now() - timedelta(days=2))
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(all_of(FROM_FRANCE, rule("profile.last_seen", "last_days", days=3))))

    call_command("segment", "count", "--rules", str(path))
    printed = json.loads(capsys.readouterr().out)
    assert printed["count"] == 1
    assert printed["ms"] > 0

    call_command("segment", "count", "--rules", str(path), "--shop", ShopFactory().slug)
    assert json.loads(capsys.readouterr().out)["count"] == 0
    path.write_text('{"and": [{"criterion": "no"}]}')
    with pytest.raises(CommandError, match="/and/0/criterion"):
        call_command("segment", "count", "--rules", str(path))
    for name in ("no-such-file", str(tmp_path)):
        with pytest.raises(CommandError):
            call_command("segment", "count", "--rules", name)
