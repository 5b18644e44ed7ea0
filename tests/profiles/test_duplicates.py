"""Who may be the same person: found, listed, decided."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from profiles import queries, services
from profiles.models import DuplicatePair, LikenessKey, Merge, Profile
from profiles.queries import duplicates
from profiles.rules import likeness
from profiles.rules.likeness import Person, blocks, canonical_email, compare, distance
from profiles.services import finding
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import ProfileFactory

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def person(number=1, **parts):
    return Person(profile_id=number, **{"name": "ana durand", **parts})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana.durand@gmail.com", "anadurand+shop@googlemail.com"),
        ("ana.durand@gmail.com", "ana.durand@gmial.com"),
        ("ana@hotmail.com", "ana@hotmial.com"),
    ],
)
def test_addresses_that_reach_one_box_are_the_same(one, other):
    assert canonical_email(one) == canonical_email(other)
    assert compare(person(emails=[one]), person(2, emails=[other])).reasons == ("same_email",)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("anadurand@x.org", "anadurant@x.org", True),
        ("anadurand@x.org", "andaurand@x.org", True),
        ("ana1@x.org", "ana2@x.org", False),
        ("ana@x.org", "ava@x.org", False),
        ("anadurand@x.org", "anadurand@y.org", False),
        ("ana.durand@x.org", "ben.durand@x.org", False),
    ],
)
def test_a_slip_of_the_finger_is_near_and_another_person_is_not(one, other, expected):
    found = compare(person(emails=[one]), person(2, emails=[other], name="other"))

    assert (found is not None and found.reasons == ("near_email",)) is expected
    shared = blocks(person(emails=[one])) & blocks(person(emails=[other]))
    assert bool(shared) >= expected or "durant" in other


def test_a_family_shares_telephone_and_address_and_stays_a_family():
    ana = person(phones=frozenset({"+331"}), places=frozenset({"home"}))
    ben = person(2, name="ben durand", phones=frozenset({"+331"}), places=frozenset({"home"}))

    assert compare(ana, ben) is None
    assert compare(ana, person(3, name="durand ana", places=frozenset({"home"}))) is not None


def test_two_birthdays_and_two_names_are_two_people_whatever_they_share():
    ana = person(birthday=date(1990, 1, 1), emails=["a@gmail.com"])
    ben = person(2, name="ben", birthday=date(1991, 1, 1), emails=["a+b@gmail.com"])

    assert compare(ana, ben) is None


def test_several_reasons_are_surer_than_one():
    assert likeness.combined(["same_phone"]) < likeness.combined(["same_phone", "same_email"]) < 100


def test_distance_counts_a_swap_as_one_and_stops_early():
    assert [distance("abc", "acb"), distance("abc", "abcde"), distance("abc", "xyz")] == [1, 2, 3]


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture
def twins(shop):
    born = {"first_name": "Ana", "last_name": "Durand", "birthday": date(1990, 1, 1), "shop": shop}
    pair = [ProfileFactory(**born, email=f"{name}@example.org") for name in ("one", "other")]
    Profile.objects.filter(pk__in=[p.pk for p in pair]).update(search_name="ana durand")
    return pair


def test_new_people_are_compared_with_their_blocks_and_only_once(twins, count_queries):
    ProfileFactory.create_batch(3)

    assert finding.catch_up(at=AT) is False

    pair = DuplicatePair.objects.get()
    assert {pair.low_id, pair.high_id} == {twin.pk for twin in twins}
    assert pair.reasons == ["name_and_birthday"]
    # 3 bookmarks, each: read, newest row
    assert count_queries(lambda: finding.catch_up(at=AT)) == 6


def test_a_block_that_is_too_large_says_nothing(shop):
    ids = [ProfileFactory(shop=shop).pk for _ in range(likeness.LARGEST_BLOCK + 1)]
    of_all = [LikenessKey(profile_id=pk, kind="phone", value="+331") for pk in ids]
    LikenessKey.objects.bulk_create(of_all[:-1])
    assert duplicates.neighbours(ids[:1])

    LikenessKey.objects.bulk_create(of_all[-1:])

    assert not duplicates.neighbours(ids)


def test_what_an_agent_found_to_be_two_is_not_suggested_again(twins):
    finding.sweep(at=AT)
    pair = DuplicatePair.objects.get()

    services.decide_different(pair.pk, by=None, at=AT)
    finding.sweep(at=AT)
    third = ProfileFactory(email="third@example.org")
    services.merge(twins[0].pk, into=third.pk, by=None)
    Profile.objects.filter(pk=third.pk).update(search_name="ana durand", birthday=date(1990, 1, 1))
    finding.sweep(at=AT)

    assert list(DuplicatePair.objects.waiting(AT)) == []


def test_later_comes_back_after_a_month(twins):
    finding.sweep(at=AT)
    pair = DuplicatePair.objects.get()

    services.decide_later(pair.pk, by=None, at=AT)

    assert not DuplicatePair.objects.waiting(AT + timedelta(days=29)).exists()
    assert DuplicatePair.objects.waiting(AT + timedelta(days=31)).exists()


def test_a_merged_profile_stands_in_no_block_and_no_queue(twins, shop):
    finding.sweep(at=AT)
    row = services.merge(twins[0].pk, into=twins[1].pk, by=None)
    finding.compare_again([twins[0].pk, twins[1].pk], at=AT)

    assert not LikenessKey.objects.filter(profile=twins[0]).exists()
    assert duplicates.queue([shop.pk], at=AT) == []

    services.undo_merge(row.pk, by=None)
    assert len(duplicates.queue([shop.pk], at=AT)) == 1


# --- The pages ------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(shop):
    client = Client()
    client.force_login(AgentFactory(role="support", shop=shop))
    return client


@pytest.fixture
def pair(twins):
    finding.sweep(at=AT)
    return DuplicatePair.objects.get()


HTMX = {"HX-Request": "true", "HX-Target": "duplicates"}


def test_the_queue_shows_both_side_by_side_and_merging_shows_the_next(signed_in, pair, twins):
    page = signed_in.get(reverse("profiles:duplicate-queue")).content.decode()
    assert "one@example.org" in page
    assert "other@example.org" in page
    assert "same name and birthday" in page

    response = signed_in.post(
        reverse("profiles:duplicate-merge", args=[pair.pk]),
        {"survivor": twins[1].pk},
        headers=HTMX,
    )

    merge = Merge.objects.get()
    assert merge.survivor_id == twins[1].pk
    assert reverse("profiles:merge-undo", args=[merge.pk]) in response["HX-Trigger"]
    assert "No duplicates in sight" in response.content.decode()


def test_who_stays_must_be_one_of_the_two(signed_in, pair):
    url = reverse("profiles:duplicate-merge", args=[pair.pk])

    response = signed_in.post(url, {"survivor": "5"}, follow=True)

    assert "Choose who stays." in response.content.decode()
    assert not Merge.objects.exists()


@pytest.mark.parametrize("decision", ["different", "later"])
def test_a_decision_can_be_taken_back(signed_in, pair, shop, decision):
    url = reverse(f"profiles:duplicate-{decision}", args=[pair.pk])

    response = signed_in.post(url, headers=HTMX)
    assert "No duplicates in sight" in response.content.decode()
    response = signed_in.post(reverse("profiles:duplicate-reopen", args=[pair.pk]), headers=HTMX)

    assert f"pair={pair.pk}" in response["HX-Redirect"]
    assert DuplicatePair.objects.get().state == "open"


def test_a_pair_of_which_one_is_out_of_sight_is_not_shown(pair, twins):
    client = Client()
    client.force_login(AgentFactory(role="support", shop=ShopFactory()))

    assert "one@example.org" not in client.get(reverse("profiles:duplicate-queue")).content.decode()
    url = reverse("profiles:duplicate-merge", args=[pair.pk])
    assert client.post(url, {"survivor": twins[0].pk}).status_code == 404


def test_merging_from_a_customers_page_and_taking_it_back(signed_in, twins):
    one, other = twins
    url = reverse("profiles:profile-merge", args=[one.pk])
    found = signed_in.get(url, {"q": "other@"}, headers={"HX-Target": "merge-hits"})
    assert f"?other={other.pk}" in found.content.decode()
    assert "Would move" in signed_in.get(url, {"other": other.pk}).content.decode()

    done = signed_in.post(url, {"other": other.pk, "survivor": other.pk}, follow=True)
    assert "Undo" in done.content.decode()
    page = signed_in.get(reverse("profiles:profile-page", args=[one.pk]))
    assert page["Location"] == reverse("profiles:profile-page", args=[other.pk])

    undone = signed_in.post(
        reverse("profiles:merge-undo", args=[Merge.objects.get().pk]), follow=True
    )
    assert "The two are two customers again." in undone.content.decode()
    assert queries.survivor(one.pk) == one.pk
    assert "separated" in undone.content.decode() or Merge.objects.get().undone_at


def test_rules_are_tried_before_they_are_saved(db):
    client = Client()
    client.force_login(AgentFactory(owner=True))
    ProfileFactory(email="zoe@example.org")
    url = reverse("profiles:identity-rules")
    form = client.get(url).context["form"]
    typed = {
        name: field.initial for name, field in form.fields.items() if field.initial is not False
    }
    typed["email-blocked"] = "zoe@*"

    tried = client.post(url, typed | {"try": "1"}).content.decode()
    assert "would split" in tried
    assert not queries.policies()["email"].blocks("zoe@example.org")
    client.post(url, typed | {"save": "1"})
    queries.forget_policies()

    assert queries.policies()["email"].blocks("zoe@example.org")
    queries.forget_policies()
