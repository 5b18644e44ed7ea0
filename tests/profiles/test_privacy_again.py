"""A backup is restored: whoever was erased after it was made is erased again, and nobody else."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from orders.models import Order
from profiles.models import Identifier, PrivacyRequest, Profile, Tombstone
from profiles.queries import find_by_email
from profiles.services import erasing
from tests.profiles.factories import ProfileFactory
from tests.profiles.world import World, breaches

ANA, CLEO = "ana@example.org", "cleo@example.org"


@pytest.fixture
def world(db):
    return World()


@pytest.fixture
def ana(world):
    return world.order(email=ANA, first_name="Ana", last_name="Durand").profile_id


@pytest.fixture
def lost(world, ana, tmp_path: Path):
    """What happened after the backup and is known by the list only: Ana was erased, Cleo came and went."""
    told = StringIO()
    with transaction.atomic():
        cleo = world.order(email=CLEO, first_name="Cleo").profile_id
        record = Profile.objects.values().get(pk=cleo)
        for profile_id in (ana, cleo):
            erasing.erase(profile_id, by=None, source="test", at=world.now())
        erased_at = Profile.objects.get(pk=ana).erased_at
        call_command("profile", "erased", stdout=told)
        transaction.set_rollback(True)
    path = tmp_path / "erased.jsonl"
    path.write_text(told.getvalue())
    assert ANA not in told.getvalue()
    assert "Durand" not in told.getvalue()
    return {"path": path, "cleo": record, "erased_at": erased_at}


def again(path: Path) -> int:
    said = StringIO()
    call_command("profile", "erase", again=str(path), stdout=said)
    return int(json.loads(said.getvalue())["erased_again"])


def test_whoever_was_erased_after_the_backup_is_erased_as_of_that_day(world, ana, lost):
    assert find_by_email(ANA) == ana
    bob = world.customer(email="bob@example.org")

    assert again(lost["path"]) == 2

    assert Profile.objects.get(pk=ana).erased_at == lost["erased_at"]
    assert not Identifier.objects.filter(profile_id=ana).exists()
    assert "customer" not in Order.objects.get(profile_id=ana).document
    assert PrivacyRequest.objects.get().state == "done"
    assert find_by_email("bob@example.org") == bob
    assert breaches() == []


def test_what_comes_again_finds_the_tombstone_of_somebody_the_backup_never_knew(world, ana, lost):
    again(lost["path"])

    replayed = world.order(external_id="cleo-1", email=CLEO, first_name="Cleo")
    assert replayed.is_erased
    assert Profile.objects.get(pk=replayed.profile_id).erased_at is not None

    world.minutes += 60
    later = world.order(email=CLEO, first_name="Cleo")
    assert not later.is_erased
    assert find_by_email(CLEO) == later.profile_id


def test_a_number_that_is_somebody_elses_now_is_nobody_to_erase(world, ana, lost):
    """The restored database gives numbers again that the lost one had given to others."""
    number, created_at = lost["cleo"]["id"], lost["cleo"]["created_at"]
    stranger = ProfileFactory(
        shop=world.shops[0], pk=number, created_at=created_at + timedelta(minutes=3)
    )

    again(lost["path"])

    assert Profile.objects.get(pk=stranger.pk).erased_at is None
    assert Tombstone.objects.exclude(profile_id=ana).get().profile_id != stranger.pk


def test_the_same_list_again_changes_nothing(world, ana, lost):
    again(lost["path"])
    before = list(Tombstone.objects.order_by("digest").values())

    assert again(lost["path"]) == 0

    assert list(Tombstone.objects.order_by("digest").values()) == before
    assert PrivacyRequest.objects.count() == 1
    assert Profile.objects.filter(source="backup").count() == 1


def test_a_damaged_list_is_refused_before_anybody_is_erased(ana, lost):
    path = lost["path"]
    path.write_text(path.read_text() + "{}\n")

    with pytest.raises(CommandError, match="Line 3"):
        again(path)

    assert Profile.objects.get(pk=ana).erased_at is None


def test_the_list_can_begin_with_a_day(world, ana):
    erasing.erase(ana, by=None, source="test", at=world.now())
    whole, later = StringIO(), StringIO()

    call_command("profile", "erased", stdout=whole)
    call_command("profile", "erased", "--since", "2100-01-01", stdout=later)

    assert len(whole.getvalue().splitlines()) == 1
    assert later.getvalue() == ""
