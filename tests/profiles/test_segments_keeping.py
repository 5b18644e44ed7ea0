"""Members by what happens, by time, by rules, by hand and by merging; and what the nightly check finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from ecrm.kernel import outbox
from ecrm.kernel.models import EventRecord
from profiles import services
from profiles.events import ProfileChanged, SegmentComputed, SegmentEntered, SegmentLeft
from profiles.models import (
    Membership,
    MembershipChange,
    Profile,
    Segment,
    SegmentAudit,
    SegmentCursor,
    SegmentFlip,
    SegmentVersion,
)
from profiles.queries import segments as reading
from profiles.services import segments as editing
from profiles.services import segments_computing as computing
from profiles.services import segments_following as following
from profiles.services import segments_keeping as keeping
from profiles.services import segments_lists as lists
from profiles.types import Identity
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import put
from tests.profiles.factories import ProfileFactory
from tests.profiles.segment_world import FROM_FRANCE, all_of, compute, keep_up, kept, make, rule

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
RECENT = rule("orders.placed", "at_least", 1, days=30)


@pytest.fixture
def shop():
    return ShopFactory()


def order(shop, at, *, email="ana@example.org"):
    return put(
        shop,
        f"o{at:%Y%m%d%H%M}{email}",
        at=at,
        customer={"email": email, "first_name": "Ana", "last_name": "Durand"},
        placed_at=at.isoformat(),
        updated_at=at.isoformat(),
    )


def facts(event_type) -> list[dict]:
    rows = EventRecord.objects.filter(name=event_type.name).order_by("pk")
    return list(rows.values_list("payload", flat=True))


def test_a_new_segment_is_computed_in_batches_that_survive_a_restart(shop):
    for _number in range(5):
        ProfileFactory(shop=shop)
    segment = editing.create_segment("French", rules=FROM_FRANCE, at=NOW)

    assert segment.state == Segment.State.COMPUTING
    assert computing.compute_next(at=NOW, limit=2)
    segment.refresh_from_db()
    assert (segment.done_count, segment.total_count, segment.percent_done) == (2, 5, 40)
    assert len(kept(segment)) == 2

    while computing.compute_next(at=NOW, limit=2):
        pass
    segment.refresh_from_db()
    assert segment.state == Segment.State.CURRENT
    assert segment.members_count == len(kept(segment)) == 5
    assert facts(SegmentComputed) == [
        {"segment_id": segment.pk, "shop_id": None, "version": 1, "members_count": 5}
    ]
    assert not facts(SegmentEntered)


def test_an_order_brings_its_customer_in_and_says_so(shop):
    segment = make(RECENT, at=NOW)

    order(shop, NOW)
    ana = Profile.objects.get()
    assert kept(segment) == set()
    keep_up(at=NOW)

    assert kept(segment) == {ana.pk}
    assert facts(SegmentEntered) == [
        {"segment_id": segment.pk, "profile_id": ana.pk, "shop_id": None, "cause": "event"}
    ]
    segment.refresh_from_db()
    assert segment.members_count == 1
    keep_up(at=NOW)
    assert len(facts(SegmentEntered)) == 1


def test_time_alone_takes_a_customer_out_within_a_minute(shop):
    segment = make(RECENT, at=NOW)
    order(shop, NOW - 29 * DAY)
    keep_up(at=NOW)
    ana = Profile.objects.get()
    assert SegmentFlip.objects.get().flips_at == NOW + DAY

    keep_up(at=NOW + DAY - SECOND)
    assert kept(segment) == {ana.pk}
    keep_up(at=NOW + DAY)

    assert kept(segment) == set()
    change = MembershipChange.objects.get(is_entry=False)
    assert (change.cause, change.at) == ("time", NOW + DAY)
    assert facts(SegmentLeft)[0]["cause"] == "time"
    assert not SegmentFlip.objects.exists()


def test_an_event_looks_at_the_touched_segments_only_and_once_for_all(shop, monkeypatch):
    touched = [make(RECENT, at=NOW) for _number in range(3)]
    make(rule("contacts.open_request", "has"), at=NOW)
    order(shop, NOW)
    looks = []
    verdicts = keeping.looking.verdicts

    def watched(segments, profile_ids, **more):
        looks.append(({item.id for item in segments}, set(profile_ids)))
        return verdicts(segments, profile_ids, **more)

    monkeypatch.setattr(keeping.looking, "verdicts", watched)
    following.follow(at=NOW)

    ana = Profile.objects.get()
    assert looks == [({segment.pk for segment in touched}, {ana.pk})]


def test_a_look_costs_the_same_for_one_segment_and_for_many(shop, count_queries):
    ana = ProfileFactory(shop=shop)
    segments = [make(FROM_FRANCE, at=NOW)]

    def look(ids):
        keeping.refresh(ids, profile_ids=[ana.pk], cause="event", at=NOW)

    one = count_queries(lambda: look([segments[0].pk]))
    segments += [make(FROM_FRANCE, at=NOW) for _number in range(5)]
    six = count_queries(lambda: look([segment.pk for segment in segments]))

    assert six == one <= 6


def test_a_change_without_an_event_touches_by_name_or_altogether(shop):
    ana = ProfileFactory(shop=shop)
    segment = make(rule("profile.country", "is", "BE"), at=NOW)

    Profile.objects.filter(pk=ana.pk).update(country="BE")
    keep_up(at=NOW)
    assert kept(segment) == set()
    services.touch_segments([ana.pk])
    keep_up(at=NOW)

    assert kept(segment) == {ana.pk}


def test_what_a_program_tells_of_somebody_known_moves_him(shop):
    told = Identity(email="ana@example.org", country="FR", is_proven=True)
    services.identify(told, shop_id=shop.pk, source="api", at=NOW)
    segment = make(rule("profile.city", "is", "Namur"), at=NOW)

    told = Identity(email="ana@example.org", city="Namur", is_proven=True)
    services.identify(told, shop_id=shop.pk, source="api", at=NOW)
    keep_up(at=NOW)

    assert len(kept(segment)) == 1


def test_facts_whose_numbers_come_late_are_not_missed(shop):
    ana, bob = ProfileFactory(shop=shop), ProfileFactory(shop=shop)
    segment = make(rule("profile.country", "is", "BE"), at=NOW)
    Profile.objects.update(country="BE")
    first = EventRecord.objects.order_by("-pk").first().pk if EventRecord.objects.exists() else 0
    late, early = first + 10_001, first + 10_002

    def fact(pk, profile):
        EventRecord.objects.create(
            pk=pk, name=ProfileChanged.name, payload={}, profile_id=profile.pk, occurred_at=NOW
        )

    fact(early, ana)
    keep_up(at=NOW)
    assert kept(segment) == {ana.pk}
    assert SegmentCursor.objects.get(name="events").position == early

    keep_up(at=NOW)
    fact(late, bob)
    keep_up(at=NOW)

    assert kept(segment) == {ana.pk, bob.pk}


def test_new_rules_are_computed_anew_and_keep_a_version(shop):
    ana = ProfileFactory(shop=shop)
    agent = AgentFactory(owner=True)
    segment = make(FROM_FRANCE, at=NOW)

    editing.change_segment(
        segment.pk, name="Belgians", rules=rule("profile.country", "is", "BE"), version=1, by=agent
    )
    compute(at=NOW + DAY)

    segment.refresh_from_db()
    assert kept(segment) == set()
    assert (segment.name, segment.version, segment.members_count) == ("Belgians", 2, 0)
    assert list(SegmentVersion.objects.order_by("number").values_list("number", flat=True)) == [
        1,
        2,
    ]
    assert MembershipChange.objects.filter(profile=ana, cause="rules", is_entry=False).exists()
    assert not facts(SegmentLeft)
    with pytest.raises(editing.SegmentChangedMeanwhile):
        editing.change_segment(segment.pk, name="x", rules=FROM_FRANCE, version=1, by=agent)


def test_new_rules_reach_the_segments_that_speak_of_them(shop):
    ana = ProfileFactory(shop=shop)
    inner = make(FROM_FRANCE, at=NOW)
    middle = make(rule("segment.member", "in", segment=inner.pk), at=NOW)
    outer = make(rule("segment.member", "not_in", segment=middle.pk), at=NOW)
    assert (kept(middle), kept(outer)) == ({ana.pk}, set())

    editing.change_segment(inner.pk, name="Inner", rules=RECENT, version=1, by=None, at=NOW)
    compute(at=NOW)
    assert (kept(middle), kept(outer)) == (set(), {ana.pk})

    order(shop, NOW, email=f"{ana.last_name.lower()}@example.org")
    keep_up(at=NOW)
    assert (kept(middle), kept(outer)) == ({ana.pk}, set())


def test_a_list_is_kept_by_hand_and_moves_whoever_speaks_of_it(shop):
    agent = AgentFactory(owner=True)
    ana, stranger = ProfileFactory(shop=shop), ProfileFactory()
    listed = make(None, at=NOW, shop_id=shop.pk, by=agent)
    outer = make(rule("segment.member", "in", segment=listed.pk), at=NOW, shop_id=shop.pk)

    added = services.add_to_list(listed.pk, profile_ids=[ana.pk, stranger.pk], by=agent, at=NOW)
    again = services.add_to_list(listed.pk, profile_ids=[ana.pk], by=agent, at=NOW)
    keep_up(at=NOW)

    assert (added, again) == (1, 0)
    assert kept(listed) == kept(outer) == {ana.pk}
    listed.refresh_from_db()
    assert listed.members_count == 1
    assert [fact["cause"] for fact in facts(SegmentEntered)] == ["hand", "event"]
    assert lists.remove_from_list(listed.pk, profile_ids=[ana.pk], by=agent, at=NOW) == 1
    keep_up(at=NOW)
    assert kept(listed) == kept(outer) == set()


def test_nobody_is_put_by_hand_into_a_segment_with_rules(shop):
    segment = make(FROM_FRANCE, at=NOW)

    with pytest.raises(lists.NotAList):
        lists.add_to_list(segment.pk, profile_ids=[ProfileFactory().pk], by=None)
    with pytest.raises(editing.NoSuchSegment):
        lists.add_to_list(987654, profile_ids=[], by=None)


def test_names_are_taken_once_and_must_be_usable(shop):
    make(FROM_FRANCE, at=NOW, name="French")

    for name in ("FRENCH", "", "x" * 121):
        with pytest.raises(editing.UnusableSegment) as refusal:
            editing.create_segment(name, rules=FROM_FRANCE)
        assert set(refusal.value.fields) == {"name"}
    editing.create_segment("French", rules=FROM_FRANCE, shop_id=shop.pk)


def test_a_copy_has_the_rules_or_the_members_and_a_free_name(shop):
    ana = ProfileFactory(shop=shop)
    segment, listed = make(FROM_FRANCE, at=NOW, name="French"), make(None, at=NOW, name="Friends")
    lists.add_to_list(listed.pk, profile_ids=[ana.pk], by=None)

    first, second, copied = (
        editing.duplicate_segment(pk, by=None) for pk in (segment.pk, segment.pk, listed.pk)
    )

    assert (first.name, second.name) == ("Copy of French", "Copy of French 2")
    assert first.rules == FROM_FRANCE
    assert kept(copied) == {ana.pk}


def test_a_segment_in_use_is_not_put_away(shop):
    ProfileFactory(shop=shop, last_seen_at=NOW)
    inner = make(rule("profile.last_seen", "last_days", days=3), at=NOW, name="Inner")
    outer = make(rule("segment.member", "in", segment=inner.pk), at=NOW, name="Outer")

    with pytest.raises(editing.SegmentInUse, match="Outer"):
        editing.archive_segment(inner.pk, by=None)
    editing.archive_segment(outer.pk, by=None)
    editing.archive_segment(inner.pk, by=None)

    assert not Membership.objects.exists()
    assert not SegmentFlip.objects.exists()
    editing.create_segment("Inner", rules=FROM_FRANCE)


def test_a_merge_and_its_undo_take_the_members_along(shop):
    kept_one = ProfileFactory(shop=shop, country="BE")
    gone = ProfileFactory(shop=shop, country="BE")
    belgians = make(rule("profile.country", "is", "BE"), at=NOW)
    friends = make(None, at=NOW)
    lists.add_to_list(friends.pk, profile_ids=[gone.pk], by=None, at=NOW)
    assert kept(belgians) == {kept_one.pk, gone.pk}

    merge = services.merge(gone.pk, into=kept_one.pk, by=None, at=NOW)
    keep_up(at=NOW)
    assert kept(belgians) == {kept_one.pk}
    assert kept(friends) == {kept_one.pk}

    services.undo_merge(merge.pk, by=None, at=NOW)
    keep_up(at=NOW)
    assert kept(belgians) == {kept_one.pk, gone.pk}
    assert kept(friends) == {gone.pk}


def test_the_nightly_check_repairs_records_and_shows_a_difference(shop):
    ana, bob = ProfileFactory(shop=shop), ProfileFactory(shop=shop, country="BE")
    segment = make(FROM_FRANCE, at=NOW)
    assert computing.audit_segments(at=NOW) == 0
    Membership.objects.filter(profile=ana).delete()
    Membership.objects.create(segment=segment, profile=bob, since=NOW)

    assert computing.audit_segments(at=NOW + DAY) == 1

    segment.refresh_from_db()
    assert kept(segment) == {ana.pk}
    assert segment.drift == 2
    audit = SegmentAudit.objects.latest("at")
    assert (audit.missing, audit.surplus) == (1, 1)
    assert set(
        MembershipChange.objects.filter(cause="audit").values_list("profile_id", flat=True)
    ) == {
        ana.pk,
        bob.pk,
    }
    assert computing.audit_segments(at=NOW + 2 * DAY) == 0
    segment.refresh_from_db()
    assert segment.drift == 0


def test_what_only_waits_to_be_followed_is_no_difference(shop):
    segment = make(all_of(RECENT), at=NOW)
    order(shop, NOW)
    order(shop, NOW - 29 * DAY, email="bob@example.org")

    assert computing.audit_segments(at=NOW) == 0
    assert len(kept(segment)) == 2
    assert computing.audit_segments(at=NOW + DAY) == 0
    assert len(kept(segment)) == 1


def test_history_counts_entries_and_exits_by_day(shop):
    segment = make(RECENT, at=NOW)
    order(shop, NOW - 29 * DAY)
    keep_up(at=NOW)
    keep_up(at=NOW + DAY)
    segment.refresh_from_db()

    days = reading.days_of(segment, until=(NOW + DAY).date(), days=3)

    assert [(day.entered, day.left, day.members) for day in days] == [
        (0, 0, 0),
        (1, 0, 1),
        (0, 1, 0),
    ]


def test_a_failing_transaction_leaves_no_half_look(shop):
    segment = make(RECENT, at=NOW)
    order(shop, NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM profiles_segmentcursor")
        assert cursor.fetchone() == (2,)
    position = SegmentCursor.objects.get(name="events").position

    def fail(*_args, **_more):
        raise RuntimeError("power cut")

    original = outbox.publish
    keeping.outbox.publish = fail
    try:
        with pytest.raises(RuntimeError):
            following.follow(at=NOW)
    finally:
        keeping.outbox.publish = original

    assert SegmentCursor.objects.get(name="events").position == position
    assert kept(segment) == set()
    keep_up(at=NOW)
    assert len(kept(segment)) == 1
