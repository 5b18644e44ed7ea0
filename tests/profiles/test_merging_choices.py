"""Choosing which record is right where two of one person differ, and taking it back."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from profiles import services
from profiles.models import AttributeValue, Merge, Profile, ProfileShop
from profiles.queries.duplicates import view_of
from profiles.rules.merging import DETAILS, OWNER, STAGE, choice_of, is_choice
from profiles.services import attributes, care
from profiles.services.merging import UnknownChoice
from profiles.web import comparing
from tests.company.factories import AgentFactory
from tests.profiles.world import World, dump


@pytest.fixture
def world(db):
    return World()


@pytest.fixture
def two(world):
    """Two records of one person that differ in everything."""
    kept = world.customer(
        email="ana@example.org", first_name="Ana", last_name="Dubois", birthday=date(1990, 1, 1),
        gender="female", locale="fr-FR", country="FR", city="Lyon", timezone="Europe/Paris",
        currency="EUR",
    )  # fmt: skip
    gone = world.customer(
        email="anna@example.org", first_name="Anna", last_name="Keller", birthday=date(1991, 2, 2),
        gender="other", locale="de-CH", country="CH", city="Bern", timezone="Europe/Zurich",
        currency="CHF",
    )  # fmt: skip
    return kept, gone


@pytest.fixture
def size(world, two):
    row = attributes.define_attribute("Size", kind="string", by=None)
    for profile_id, value in zip(two, ("S", "M"), strict=True):
        attributes.set_attributes(profile_id, values={"size": value}, source="test", by=None)
    return row


@pytest.fixture
def agent(world):
    return AgentFactory(role="manager", shop=world.shops[0])


def details(profile_id):
    columns = [column for columns in DETAILS.values() for column in columns]
    return Profile.objects.values(*columns).get(pk=profile_id)


def test_what_an_agent_chose_survives_and_the_rest_stays(two):
    kept, gone = two
    before, other = details(kept), details(gone)

    services.merge(gone, into=kept, by=None, taking=["name", "place"])

    taken = {"first_name", "last_name", "search_name", "country", "city"}
    assert details(kept) == {name: (other if name in taken else before)[name] for name in before}


def test_every_choice_at_once_is_undone_byte_for_byte(world, two, size, agent):
    kept, gone = two
    shop = world.shops[0]
    care.fix_stage(gone, shop_id=shop.pk, stage="loyal", by=agent)
    care.set_owner(gone, shop_id=shop.pk, owner_id=agent.pk, by=agent)
    before = dump()
    before.pop("kernel_eventrecord")

    row = services.merge(
        gone, into=kept, by=None, taking=[*DETAILS, STAGE, OWNER, choice_of(size.pk)]
    )
    care_now = ProfileShop.objects.get(profile_id=kept, shop=shop)
    value = AttributeValue.objects.get(profile_id=kept)
    services.undo_merge(row.pk, by=None)
    after = dump()
    after.pop("kernel_eventrecord")

    assert (care_now.stage, care_now.is_stage_fixed, care_now.owner_id) == ("loyal", True, agent.pk)
    assert value.text == "M"
    assert after == before


def test_a_choice_is_remembered_when_an_inner_merge_is_undone(world, two):
    kept, gone = two
    third = world.customer(email="a.k@example.org", first_name="A.", last_name="K.")
    inner = services.merge(third, into=kept, by=None)
    services.merge(gone, into=kept, by=None, taking=["name"])

    services.undo_merge(inner.pk, by=None)

    assert details(kept)["last_name"] == "Keller"


def test_who_is_silent_is_never_right(world, two):
    kept, _gone = two
    silent = world.customer(email="x@example.org")

    services.merge(silent, into=kept, by=None, taking=[*DETAILS])

    assert details(kept)["last_name"] == "Dubois"
    assert details(kept)["birthday"] == date(1990, 1, 1)


@pytest.mark.parametrize(
    "name", ["email", "id", "", "attribute:", "attribute:x", f"attribute:{'9' * 30}"]
)
def test_nothing_else_can_be_chosen(two, name):
    kept, gone = two

    assert not is_choice(name)
    with pytest.raises(UnknownChoice):
        services.merge(gone, into=kept, by=None, taking=[name])


def test_the_page_asks_only_where_the_two_differ(world, two, size):
    view = view_of(list(two), shop_ids=[world.shops[0].pk])

    lines = {line.label: line for line in comparing.in_words(view).lines}

    assert [label for label, line in lines.items() if line.is_open] == [
        "Name", "Birthday", "Place", "Language", "Gender", "Time zone", "Currency", "Size",
    ]  # fmt: skip
    assert lines["Stage"].choice == ""
    assert lines["Size"].texts == ["S", "M"]


def test_the_form_says_who_is_right_whoever_stays(client, world, two, size, agent):
    kept, gone = two
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")
    page = reverse("profiles:profile-merge", args=[kept])
    assert (
        f'name="take-{choice_of(size.pk)}"' in client.get(f"{page}?other={gone}").content.decode()
    )

    client.post(
        page,
        {"other": gone, "survivor": kept, "take-name": gone, f"take-{choice_of(size.pk)}": gone,
         "take-birthday": kept},
    )  # fmt: skip

    row = Merge.objects.get()
    assert row.taken == sorted([choice_of(size.pk), "name"])
    assert details(kept)["last_name"] == "Keller"
    assert details(kept)["birthday"] == date(1990, 1, 1)
    assert AttributeValue.objects.get(profile_id=kept).text == "M"
