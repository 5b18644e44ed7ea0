from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from ecrm.kernel import events, outbox
from ecrm.kernel.models import Delivery, EventRecord, IdempotencyKey
from tests.kernel import facts
from tests.kernel.facts import StoneThrown


@pytest.fixture(autouse=True)
def _fresh_facts():
    facts.reset()


def throw(stone_id: int = 1) -> EventRecord:
    with transaction.atomic():
        outbox.publish(StoneThrown(stone_id=stone_id, profile_id=7))
    return EventRecord.objects.latest("id")


def delivery_to(name: str) -> Delivery:
    return Delivery.objects.get(subscriber=f"tests.{name}")


@pytest.mark.django_db(transaction=True)
def test_publishing_outside_a_transaction_is_refused():
    with pytest.raises(RuntimeError):
        outbox.publish(StoneThrown(stone_id=1))


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_fact_leaves_nothing():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.publish(StoneThrown(stone_id=1))
        raise ZeroDivisionError

    assert not EventRecord.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_a_fact_becomes_one_record_and_one_delivery_per_subscriber():
    record = throw()

    assert (record.name, record.profile_id) == ("tests.stone-thrown", 7)
    assert {d.subscriber: d.is_io for d in record.deliveries.all()} == {
        "tests.ripple": False,
        "tests.splash": True,
    }


@pytest.mark.django_db
def test_each_subscriber_is_called_once_however_often_the_relay_runs():
    throw()

    for _ in range(3):
        outbox.deliver_local()
        outbox.deliver_io()

    assert sorted(facts.calls) == [("ripple", 1), ("splash", 1)]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db
def test_a_failing_handler_leaves_no_half_work_and_is_tried_later():
    throw()
    facts.failing.add("ripple")

    outbox.deliver_local()

    delivery = delivery_to("ripple")
    assert not IdempotencyKey.objects.exists()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert delivery.available_at > now()
    assert "frozen" in delivery.last_error


@pytest.mark.django_db
def test_one_failing_handler_does_not_hold_up_the_others_of_its_batch():
    facts.failing.add("splash")
    throw(1)

    outbox.deliver_io()
    outbox.deliver_local()

    assert facts.calls == [("ripple", 1)]


@pytest.mark.django_db
def test_a_delivery_that_never_succeeds_is_parked_and_can_be_run_again():
    throw()
    facts.failing.add("splash")
    for _ in range(outbox.MAX_ATTEMPTS):
        Delivery.objects.filter(state="pending").update(available_at=now())
        outbox.deliver_io()

    assert [d.subscriber for d in outbox.parked()] == ["tests.splash"]

    facts.failing.clear()
    assert outbox.retry([delivery_to("splash").pk]) == 1
    outbox.deliver_io()
    assert ("splash", 1) in facts.calls


@pytest.mark.django_db
def test_a_discarded_delivery_is_never_run():
    throw()
    Delivery.objects.update(state="parked")

    assert outbox.discard([delivery_to("splash").pk]) == 1
    outbox.deliver_io()

    assert facts.calls == []


@pytest.mark.django_db
def test_a_handler_that_no_longer_exists_is_an_error_an_operator_can_read():
    throw()
    Delivery.objects.filter(is_io=True).update(subscriber="tests.gone")

    outbox.deliver_io()

    assert "tests.gone" in Delivery.objects.get(subscriber="tests.gone").last_error


@pytest.mark.django_db
def test_a_relay_that_lost_its_lease_does_not_settle(monkeypatch):
    throw()

    def steal(event: StoneThrown) -> None:
        Delivery.objects.filter(is_io=True).update(lease_token=uuid.uuid4())

    thief = events.Subscriber(key="tests.splash", event_type=StoneThrown, handler=steal, is_io=True)
    monkeypatch.setitem(events._subscribers, "tests.splash", thief)
    outbox.deliver_io()

    assert delivery_to("splash").state == "pending"


@pytest.mark.django_db
def test_a_lease_that_ran_out_is_taken_up_again():
    throw()
    Delivery.objects.filter(is_io=True).update(
        lease_token=uuid.uuid4(), available_at=now() - timedelta(seconds=1)
    )

    outbox.deliver_io()

    assert delivery_to("splash").state == "done"


@pytest.mark.django_db(transaction=True)
def test_four_relays_at_once_deliver_every_fact_exactly_once():
    for stone_id in range(60):
        throw(stone_id)
    barrier = threading.Barrier(4)

    def relay() -> None:
        barrier.wait()
        while outbox.deliver_local(limit=7) + outbox.deliver_io(limit=7):
            pass
        connection.close()

    threads = [threading.Thread(target=relay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(facts.calls) == sorted(
        (name, stone_id) for name in ("ripple", "splash") for stone_id in range(60)
    )


@pytest.mark.django_db
def test_facts_of_the_past_stand_on_the_timeline_and_nothing_follows_from_them():
    with outbox.as_history():
        throw()
    throw(2)

    assert outbox.records_of_profile(7).count() == 2
    assert Delivery.objects.count() == 2


@pytest.mark.django_db
def test_gathered_facts_are_written_in_their_order_by_one_statement(django_assert_num_queries):
    with outbox.gathering():
        for stone_id in (3, 1, 2):
            outbox.publish(StoneThrown(stone_id=stone_id, profile_id=7))  # prepares the statement

    with django_assert_num_queries(1), outbox.gathering(), outbox.gathering():
        with outbox.as_history():
            outbox.publish(StoneThrown(stone_id=4, profile_id=8))
        outbox.publish(StoneThrown(stone_id=5, profile_id=8))

    records = EventRecord.objects.order_by("id")
    assert [record.payload["stone_id"] for record in records] == [3, 1, 2, 4, 5]
    assert set(Delivery.objects.filter(event__profile_id=8).values_list("event_id")) == {
        (records[4].pk,)
    }
    assert Delivery.objects.count() == 2 * 4


@pytest.mark.django_db(transaction=True)
def test_facts_gathered_by_a_service_that_failed_are_forgotten():
    with pytest.raises(ZeroDivisionError), transaction.atomic(), outbox.gathering():
        outbox.publish(StoneThrown(stone_id=1))
        raise ZeroDivisionError

    throw(2)
    assert [record.payload["stone_id"] for record in EventRecord.objects.all()] == [2]


@pytest.mark.django_db
def test_settled_deliveries_are_forgotten_after_a_week_but_facts_stay():
    throw()
    outbox.deliver_local()
    outbox.deliver_io()

    assert outbox.purge(at=now() + timedelta(days=6)) == 0
    assert outbox.purge(at=now() + timedelta(days=8)) == 2
    assert EventRecord.objects.count() == 1


def test_an_event_rebuilt_from_an_older_payload_ignores_fields_it_no_longer_has():
    event = events.rebuild(StoneThrown, {"stone_id": 3, "weight": 12})

    assert event == StoneThrown(stone_id=3)


def test_two_subscribers_of_one_name_are_refused():
    with pytest.raises(RuntimeError):
        events.subscribe(StoneThrown)(facts.ripple)
