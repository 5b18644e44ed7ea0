from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from company.models import AuditEntry
from ecrm.kernel.models import EventRecord
from orders.models import Order
from profiles import extensions, queries, services
from profiles.models import Figures, Identifier, Merge, MergeEntry, Profile, ProfileShop
from profiles.queries import consents
from profiles.services import journal
from tests.company.factories import AgentFactory
from tests.profiles.threads import in_threads
from tests.profiles.world import World, breaches, dump

ANA, ANNA = "ana@example.org", "anna@example.org"


@pytest.fixture
def world(db):
    return World()


@pytest.fixture
def two(world):
    """Two records of one person, each with an order, a request and a telephone."""
    kept = world.customer(email=ANA, first_name="Ana", phone="0639981234", accepts_marketing=True)
    gone = world.customer(email=ANNA, first_name="Anna", last_name="Durand", shop=1)
    world.customer(email=ANNA, accepts_marketing=False)
    world.order(email=ANA)
    world.order(email=ANNA)
    world.order(email=ANNA, shop=1)
    world.ticket(gone)
    return kept, gone


def merge(gone, kept, **options):
    return services.merge(gone, into=kept, by=None, **options)


def sums(profile_id):
    rows = Figures.objects.filter(profile_id=profile_id).order_by("shop_id", "currency")
    return list(rows.values_list("shop_id", "orders_count", "revenue"))


def test_the_survivor_owns_everything_and_the_other_is_a_signpost(two, world):
    kept, gone = two

    row = merge(gone, kept, at=world.now())

    assert Profile.objects.get(pk=gone).merged_into_id == kept
    assert queries.survivor(gone) == kept
    assert set(Order.objects.values_list("profile_id", flat=True)) == {kept}
    assert not Identifier.objects.filter(profile_id=gone).exists()
    assert not EventRecord.objects.filter(profile_id=gone).exists()
    assert queries.find_by_email(ANNA) == kept
    assert queries.merged_from([kept]) == {kept: [gone]}
    assert row.moved["orders.order"] == 2
    assert row.moved["contacts.ticket"] == 1


def test_what_both_have_is_added_up_and_the_stricter_consent_wins(two, world):
    kept, gone = two
    before = {shop: (n, revenue) for shop, n, revenue in sums(kept) + sums(gone)}

    merge(gone, kept)

    here, there = world.shops
    assert [(shop, n) for shop, n, _ in sums(kept)] == [(here.pk, 2), (there.pk, 1)]
    assert sums(kept)[0][2] == 2 * before[here.pk][1]
    assert consents.wishes(kept, shop_ids=[here.pk]) == {here.pk: False}
    assert breaches() == []


def test_a_name_is_taken_whole_and_only_where_there_is_none(world):
    nameless, named = world.customer(email=ANA), world.customer(email=ANNA, first_name="Anna")
    other = world.customer(email="a@example.org", first_name="Ana", last_name="Durand")

    merge(named, nameless)
    merge(other, nameless)

    profile = Profile.objects.get(pk=nameless)
    assert (profile.full_name, profile.search_name) == ("Anna", "anna")


def test_an_undo_leaves_every_byte_as_it_was(two):
    kept, gone = two
    before = dump()
    row = merge(gone, kept)
    assert dump() != before

    services.undo_merge(row.pk, by=None)

    after = dump()
    for table, rows in before.items():
        assert {pk: after[table].get(pk) for pk in rows} == rows, table
    assert MergeEntry.objects.count() == 0
    new = set(after["kernel_eventrecord"]) - set(before["kernel_eventrecord"])
    assert len(new) == 2
    assert queries.survivor(gone) == gone


def test_what_happened_since_stays_where_it_happened(two, world):
    kept, gone = two
    row = merge(gone, kept)

    later = world.order(email=ANNA)
    ticket = world.ticket(kept)
    services.undo_merge(row.pk, by=None)

    later.refresh_from_db()
    ticket.refresh_from_db()
    assert (later.profile_id, ticket.profile_id) == (kept, kept)
    assert [n for _shop, n, _ in sums(kept)] == [2]
    assert sorted(n for _shop, n, _ in sums(gone)) == [1, 1]
    assert queries.find_by_email(ANNA) == gone


def test_sums_are_right_after_an_undo_even_when_orders_were_cancelled_meanwhile(two, world):
    kept, gone = two
    theirs = Order.objects.filter(profile_id=gone, shop=world.shops[0]).get()
    row = merge(gone, kept)

    world.order(email=ANNA, external_id=theirs.external_id, status="cancelled")
    world.order(email=ANA, shop=1)
    services.undo_merge(row.pk, by=None)

    assert breaches() == []
    theirs.refresh_from_db()
    assert (theirs.profile_id, theirs.status) == (gone, "cancelled")


def test_a_shop_that_met_the_survivor_since_still_knows_him(two, world):
    kept, gone = two
    row = merge(gone, kept)

    world.order(email=ANA, shop=1)
    services.undo_merge(row.pk, by=None)

    assert queries.is_known_to(kept, [world.shops[1].pk])


def test_a_moved_row_that_changed_since_returns_as_it_is(two, world):
    kept, gone = two
    theirs = Order.objects.filter(profile_id=gone, shop=world.shops[1]).get()
    row = merge(gone, kept)

    world.order(email=ANNA, shop=1, external_id=theirs.external_id, status="shipped")
    services.undo_merge(row.pk, by=None)

    theirs.refresh_from_db()
    assert (theirs.profile_id, theirs.status) == (gone, "shipped")


def test_what_somebody_gave_to_a_third_person_is_not_taken_from_him(two, world):
    kept, gone = two
    third = world.customer(email="third@example.org")
    row = merge(gone, kept)
    Identifier.objects.filter(value=ANNA).update(profile_id=third)

    services.undo_merge(row.pk, by=None)

    assert queries.find_by_email(ANNA) == third


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0)])
def test_a_chain_can_be_undone_in_any_order(two, world, order):
    kept, gone = two
    last = world.customer(email="last@example.org", first_name="Last")
    side = world.customer(email="side@example.org", phone="0639985678")
    world.order(email="side@example.org", shop=1)
    before = dump()
    rows = [merge(gone, kept), merge(side, kept), merge(kept, last)]
    assert queries.cluster(gone) == sorted([kept, gone, last, side])

    for index in order:
        services.undo_merge(rows[index].pk, by=None)

    after = dump()
    for table, wanted in before.items():
        assert {pk: after[table].get(pk) for pk in wanted} == wanted, table


def test_an_inner_merge_can_be_undone_while_the_outer_one_stays(two, world):
    kept, gone = two
    last = world.customer(email="last@example.org")
    inner, _outer = merge(gone, kept), merge(kept, last)

    services.undo_merge(inner.pk, by=None)

    assert queries.survivor(gone) == gone
    assert queries.survivor(kept) == last
    assert queries.find_by_email(ANNA) == gone
    assert queries.find_by_email(ANA) == last


def test_two_are_merged_once_and_undone_once(two):
    kept, gone = two
    row = merge(gone, kept)

    with pytest.raises(services.AlreadyMerged):
        merge(gone, kept)
    with pytest.raises(services.SameProfile):
        merge(kept, gone)
    services.undo_merge(row.pk, by=None)
    with pytest.raises(services.AlreadyUndone):
        services.undo_merge(row.pk, by=None)


def test_who_was_merged_goes_nowhere_else(two, world):
    kept, gone = two
    third = world.customer(email="third@example.org")
    merge(gone, kept)

    with pytest.raises(services.AlreadyMerged):
        merge(gone, third)


def test_merging_into_a_signpost_means_its_survivor(two, world):
    kept, gone = two
    third = world.customer(email="third@example.org")
    merge(gone, kept)

    assert merge(third, gone).survivor_id == kept


def test_an_agent_merges_only_whom_his_shops_know(two, world):
    kept, gone = two
    here = AgentFactory(role="manager", shop=world.shops[0])
    third = world.customer(email="third@example.org", shop=1)

    with pytest.raises(services.NotYoursToMerge):
        services.merge(third, into=kept, by=here)
    row = services.merge(gone, into=kept, by=here)

    assert AuditEntry.objects.filter(action="profiles.profiles-merged").get().actor_id == here.pk
    elsewhere = AgentFactory(role="manager", shop=world.shops[1])
    viewer = AgentFactory(role="viewer", shop=world.shops[0])
    services.undo_merge(row.pk, by=elsewhere)
    with pytest.raises(services.NotYoursToMerge):
        services.merge(gone, into=kept, by=viewer)


def test_every_column_that_points_at_a_profile_is_declared():
    declared = {(holding.table, holding.column) for holding in extensions.holdings.all()}
    found = set()
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            points = field.remote_field is not None and field.remote_field.model is Profile
            if points or field.column == "profile_id":
                found.add((model._meta.db_table, field.column))

    assert found == declared


def test_every_sum_can_be_counted_anew():
    sums = {holding.key for holding in extensions.holdings.all() if holding.is_sum}

    assert {source.holding for source in extensions.recounts.all()} == sums


def test_every_unique_rule_about_a_profiles_rows_is_known_to_the_merge(db):
    """A new constraint that two rows of one person could break must be declared with the holding."""
    declared = {(h.table, h.unique.columns) for h in journal.moving() if h.unique}
    found = set()
    for holding in journal.moving():
        model = next(m for m in apps.get_models() if m._meta.db_table == holding.table)
        for constraint in model._meta.constraints:
            fields = [model._meta.get_field(name) for name in getattr(constraint, "fields", ())]
            columns = tuple(field.column for field in fields)
            if holding.column in columns:
                found.add((holding.table, tuple(c for c in columns if c != holding.column)))

    assert found == declared


def test_a_customer_with_five_thousand_events_costs_a_merge_no_further_statement(two, world):
    kept, gone = two
    with CaptureQueriesContext(connection) as few:
        services.undo_merge(merge(gone, kept).pk, by=None)
    EventRecord.objects.bulk_create(
        EventRecord(
            name="tests.page-viewed",
            payload={"profile_id": gone},
            profile_id=gone,
            shop_id=world.shops[0].pk,
            occurred_at=world.now() + timedelta(seconds=number),
        )
        for number in range(5000)
    )

    with CaptureQueriesContext(connection) as many:
        row = merge(gone, kept)
        services.undo_merge(row.pk, by=None)

    assert row.moved["kernel.event"] > 5000
    assert EventRecord.objects.filter(profile_id=gone).count() > 5000
    assert len(many) <= len(few)


@pytest.mark.django_db(transaction=True)
def test_an_order_that_meets_a_merge_goes_to_the_survivor():
    world = World()
    kept, gone = world.customer(email=ANA), world.customer(email=ANNA)

    def work(index):
        if index == 0:
            return services.merge(gone, into=kept, by=None).pk
        with transaction.atomic():
            return world.order(email=ANNA, external_id=f"x{index}").pk

    in_threads(6, work)
    services.gather_stragglers()

    assert set(Order.objects.values_list("profile_id", flat=True)) == {kept}
    assert breaches() == []


@pytest.mark.django_db(transaction=True)
def test_two_agents_merge_the_same_two_at_once_and_one_of_them_does():
    world = World()
    one, other = world.customer(email=ANA), world.customer(email=ANNA)

    def work(index):
        pair = (one, other) if index % 2 else (other, one)
        try:
            return services.merge(pair[0], into=pair[1], by=None)
        except (services.SameProfile, services.AlreadyMerged):
            return None

    assert sum(row is not None for row in in_threads(8, work)) == 1
    assert Merge.objects.active().count() == 1


def test_stragglers_follow_and_return(two, world):
    kept, gone = two
    row = merge(gone, kept)
    ticket = world.ticket(kept)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contacts_ticket SET profile_id = %s WHERE id = %s", [gone, ticket.pk]
        )
    ProfileShop.objects.create(profile_id=gone, shop=world.shops[0], since=world.now())

    assert services.gather_stragglers(at=row.merged_at) == 2
    ticket.refresh_from_db()
    assert ticket.profile_id == kept
    services.undo_merge(row.pk, by=None)
    ticket.refresh_from_db()
    assert ticket.profile_id == gone
    assert ProfileShop.objects.filter(profile_id=gone, shop=world.shops[0]).count() == 1


def test_verify_finds_what_a_merged_profile_still_owns(two, world):
    kept, gone = two
    merge(gone, kept, at=world.now())
    assert breaches() == []

    Order.objects.filter(profile_id=kept).update(profile_id=gone)

    assert any("orders_order" in breach for breach in breaches())


def test_an_order_that_moved_in_time_unseen_is_counted_where_it_belongs(two, world):
    kept, gone = two
    ours = Order.objects.filter(profile_id=kept).get()
    theirs = Order.objects.filter(profile_id=gone, shop=world.shops[0]).get()
    world.order(email=ANA, external_id=ours.external_id, status="shipped")
    row = merge(gone, kept)

    world.order(email=ANNA, external_id=theirs.external_id, status="shipped")
    services.undo_merge(row.pk, by=None)

    assert breaches() == []


def test_the_journal_keeps_what_it_changed(two):
    kept, gone = two
    row = merge(gone, kept)

    entries = MergeEntry.objects.filter(merge=row, holding="profiles.figures")
    changed = entries.get(kind="changed")
    assert changed.before["orders_count"] == 1
    assert changed.after["orders_count"] == 2
    removed = entries.get(kind="removed").before
    assert (removed["profile_id"], Decimal(str(removed["revenue"]))) == (gone, sums(kept)[0][2] / 2)
    assert json.dumps(row.moved)
