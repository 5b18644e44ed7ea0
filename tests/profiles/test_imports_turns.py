"""Long tables are written by two hands, and nothing tells afterwards that there was not one."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from profiles.models import (
    Consent,
    DuplicatePair,
    ListMember,
    Profile,
    ProfileTag,
)
from profiles.queries import imports_planning
from profiles.rules import EMAIL, Key
from profiles.services import imports, imports_reading, imports_turns
from profiles.services import segments as segment_services
from profiles.services.imports_turns import Overtaken, Turn
from tests.company.factories import ShopFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.import_files import checked, work_off

HEAD = ["E-mail", "Telephone", "First name", "Last name", "City", "Tags", "Newsletter"]
ANA, BEA = Key(EMAIL, "ana@mail.fr"), Key(EMAIL, "bea@mail.fr")


# --- Whose turn it is -----------------------------------------------------------------------------


def test_a_block_that_names_nobody_of_the_block_before_begins_at_once():
    before = Turn(keys=frozenset({ANA}))

    Turn(keys=frozenset({BEA}), after=before).begin()

    assert not before.is_over.is_set()


def test_a_block_that_means_a_customer_of_the_block_before_looks_again_after_it():
    before = Turn(keys=frozenset({ANA}))
    turn = Turn(keys=frozenset({BEA}), after=before)
    before.decide([7, 8])

    with pytest.raises(Overtaken):
        turn.decide([8, 9])

    before.end()
    turn.yield_way()
    turn.decide([8, 9])


def test_other_customers_than_those_of_the_block_before_are_nobodys_business():
    before = Turn()
    before.decide([7])

    turn = Turn(after=before)
    turn.decide([8])

    assert turn.has_decided.is_set()


def test_a_block_that_waits_too_long_for_the_one_before_lets_go(monkeypatch):
    monkeypatch.setattr(imports_turns, "PATIENCE_SECONDS", 0.0)
    before = Turn()
    turn = Turn(after=before)
    with pytest.raises(Overtaken):
        turn.come_up()

    before.end()

    turn.come_up()


# --- What two hands write -------------------------------------------------------------------------


@pytest.fixture
def shop():
    return ShopFactory(market="FR")


@pytest.fixture
def two_hands(monkeypatch):
    """Tables of more than a block count as long."""
    monkeypatch.setattr(imports_planning, "BATCH", 5)
    monkeypatch.setattr(imports_reading, "LEAST_ROWS", 6)


def people(domain, prefix):
    """Sixty rows; many tell of somebody of the block before, some by his telephone only."""
    for number in range(60):
        person = number - 4 if number % 3 == 2 else number
        email = "" if number % 6 == 5 else f"p{person}@{domain}"
        tags, answer = f"guest, {number % 4}", "no" if number % 5 else "yes"
        phone = f"{prefix}{person % 57:08}"
        yield [email, phone, f"First {number}", f"Last {person}", f"Town {number}", tags, answer]


def of(shop, domain):
    """What is known of the people of this domain, without numbers and moments."""
    found = {}
    for profile in Profile.objects.filter(shops__shop=shop):
        keys = sorted(profile.identifiers.values_list("kind", "value", "is_key"))
        found[profile.pk] = (
            profile.first_name,
            profile.last_name,
            profile.city,
            [(kind, value.replace(domain, "")[-8:], is_key) for kind, value, is_key in keys],
            sorted(ProfileTag.objects.filter(profile=profile).values_list("tag__key", flat=True)),
            sorted(Consent.objects.filter(profile=profile).values_list("channel", "answer")),
            ListMember.objects.filter(profile=profile).exists(),
        )
    pairs = [
        sorted([found[pair.low_id], found[pair.high_id]])
        for pair in DuplicatePair.objects.filter(low_id__in=found)
    ]
    return sorted(found.values()), sorted(pairs)


@pytest.mark.django_db(transaction=True)
def test_two_hands_write_what_one_would_have_written(two_hands, monkeypatch):
    def imported_people(prefix):
        shop, domain = ShopFactory(market="FR"), f"mail{prefix}.fr"
        for person in range(0, 60, 6):
            ProfileFactory(shop=shop, email=f"p{person}@{domain}", first_name="Ana", last_name="")
        guests = segment_services.create_segment(f"Guests {prefix}", shop_id=shop.pk)
        rows = [HEAD, *people(domain, prefix)]
        row = checked(shop, rows, segment=guests, consent_source="Fair")
        imports.start_import(row.pk, by=None)
        work_off()
        row.refresh_from_db()
        counts = row.state, row.created_count, row.changed_count, row.left_count
        return counts, *of(shop, domain)

    by_two = imported_people("06")
    monkeypatch.setattr(imports_reading, "LEAST_ROWS", 1000)
    by_one = imported_people("07")

    assert by_two[0][:1] == ("done",)
    assert by_two[2], "some of them share a telephone"
    assert by_two == by_one


@pytest.mark.django_db(transaction=True)
def test_the_hands_leave_no_connection_behind(two_hands):
    before = _other_sessions()
    with imports_turns.hands(60) as give:
        for _ in range(3):
            give(Profile.objects.count)

    deadline = time.monotonic() + 20  # the server ends a session when it gets round to it
    while _other_sessions() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _other_sessions() == before


def _other_sessions():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
            " AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]
