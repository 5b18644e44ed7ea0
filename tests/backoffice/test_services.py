from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backoffice import queries, services
from backoffice.models import Notification, SavedView
from company.models import AuditEntry
from ecrm.kernel.models import Delivery, EventRecord
from tests.backoffice.factories import (
    NOON,
    NotificationFactory,
    ParkedDeliveryFactory,
    SavedViewFactory,
)
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = pytest.mark.django_db


def tell(agent, **changes):
    facts = {
        "kind": "contacts.assigned",
        "title_key": "Search",
        "url": "/inbox/7/",
        "dedupe_key": "ticket:7",
    }
    return services.notify(agent.pk, **(facts | changes))


def test_an_agent_is_told_once_per_fact():
    agent = AgentFactory()

    assert tell(agent) is True
    assert tell(agent) is False

    assert Notification.objects.count() == 1
    assert EventRecord.objects.filter(name="backoffice.agent-notified").count() == 1


def test_two_agents_are_told_of_the_same_fact():
    tell(AgentFactory())
    tell(AgentFactory())

    assert Notification.objects.count() == 2


def test_a_notification_is_written_in_the_language_of_its_reader():
    agent = AgentFactory()
    tell(agent, title_key="Results for “%(text)s”", values={"text": "Roux"})

    assert queries.notifications_of(agent.pk).get().title == "Results for “Roux”"


def test_a_notification_never_leads_out_of_the_house():
    with pytest.raises(IntegrityError), transaction.atomic():
        NotificationFactory(agent=AgentFactory(), url="https://elsewhere.example/")


def test_reading_touches_only_the_agents_own_notifications():
    mine, theirs = AgentFactory(), AgentFactory()
    read, unread = NotificationFactory(agent=mine), NotificationFactory(agent=mine)
    foreign = NotificationFactory(agent=theirs)

    count = services.read_notifications(mine.pk, ids=[read.pk, foreign.pk], at=NOON)

    assert count == 1
    assert queries.unread_count(mine.pk) == 1
    assert queries.unread_count(theirs.pk) == 1
    assert Notification.objects.get(pk=unread.pk).is_unread


def test_everything_can_be_read_at_once():
    agent = AgentFactory()
    NotificationFactory.create_batch(3, agent=agent)

    assert services.read_notifications(agent.pk) == 3
    assert queries.unread_count(agent.pk) == 0


def test_old_notifications_are_forgotten_in_batches():
    agent = AgentFactory()
    NotificationFactory.create_batch(3, agent=agent, created_at=NOON - timedelta(days=91))
    NotificationFactory(agent=agent)

    assert services.delete_notifications(older_than=NOON - timedelta(days=90), limit=2) == 2
    assert services.delete_notifications(older_than=NOON - timedelta(days=90), limit=2) == 1
    assert Notification.objects.count() == 1


def test_saving_a_view_under_the_same_name_replaces_it():
    agent = AgentFactory()
    services.save_view(name="Late", list_path="/inbox/", query="late=1", by=agent)
    view = services.save_view(name=" Late ", list_path="/inbox/", query="late=1&mine=1", by=agent)

    assert view.url == "/inbox/?late=1&mine=1"
    assert list(SavedView.objects.all()) == [view]


def test_a_view_needs_a_name():
    with pytest.raises(services.SavedViewNameMissing) as refusal:
        services.save_view(name="  ", list_path="/inbox/", query="", by=AgentFactory())

    assert "name" in refusal.value.fields


def test_a_list_has_room_for_twenty_views_and_the_twentieth_can_still_change():
    agent = AgentFactory()
    views = SavedViewFactory.create_batch(services.SAVED_VIEWS_PER_LIST, agent=agent)

    with pytest.raises(services.TooManySavedViews):
        services.save_view(name="One more", list_path="/orders/", query="", by=agent)

    services.save_view(name=views[-1].name, list_path="/orders/", query="state=shipped", by=agent)
    assert SavedView.objects.get(pk=views[-1].pk).query == "state=shipped"


def test_nobody_deletes_a_colleagues_view():
    view = SavedViewFactory(agent=AgentFactory())

    services.delete_view(view.pk, by=AgentFactory())

    assert SavedView.objects.filter(pk=view.pk).exists()


def test_presence_knows_online_away_and_offline():
    here, away, gone = AgentFactory.create_batch(3)
    services.mark_seen(here.pk, at=NOON)
    services.mark_seen(away.pk, at=NOON)
    services.set_away(away.pk, is_away=True)

    found = queries.presence([here.pk, away.pk, gone.pk], at=NOON)

    assert [found[agent.pk].state for agent in (here, away, gone)] == ["online", "away", "offline"]


def test_coming_back_leaves_the_last_sign_of_life_alone():
    agent = AgentFactory()
    services.mark_seen(agent.pk, at=NOON)
    services.set_away(agent.pk, is_away=True)
    services.set_away(agent.pk, is_away=False)

    assert queries.presence([agent.pk], at=NOON)[agent.pk].state == "online"


def test_an_operator_gives_parked_deliveries_another_chance_and_it_is_on_record():
    operator, parked = AgentFactory(owner=True), ParkedDeliveryFactory()

    assert services.retry_deliveries([parked.pk], by=operator) == 1

    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == (Delivery.State.PENDING, 0)
    entry = AuditEntry.objects.get(action="outbox.deliveries-retried")
    assert (entry.actor_id, entry.changes) == (operator.pk, {"deliveries": [parked.pk]})


def test_an_operator_discards_parked_deliveries_and_it_is_on_record():
    operator, parked = AgentFactory(owner=True), ParkedDeliveryFactory()

    assert services.discard_deliveries([parked.pk], by=operator) == 1

    parked.refresh_from_db()
    assert parked.state == Delivery.State.DISCARDED
    assert AuditEntry.objects.filter(action="outbox.deliveries-discarded").count() == 1


def test_a_delivery_on_its_way_is_neither_retried_nor_discarded():
    operator = AgentFactory(owner=True)
    pending = ParkedDeliveryFactory(state=Delivery.State.PENDING)

    assert services.retry_deliveries([pending.pk], by=operator) == 0
    assert services.discard_deliveries([pending.pk], by=operator) == 0
    assert not AuditEntry.objects.filter(action__startswith="outbox.").exists()


def test_an_operator_of_one_shop_leaves_other_shops_alone():
    mine, other = ShopFactory(), ShopFactory()
    operator = AgentFactory(role="manager", shop=mine)
    own = ParkedDeliveryFactory(event__shop_id=mine.pk)
    foreign = ParkedDeliveryFactory(event__shop_id=other.pk)
    of_nobody = ParkedDeliveryFactory(event__shop_id=None)

    assert services.discard_deliveries([own.pk, foreign.pk, of_nobody.pk], by=operator) == 1

    assert set(Delivery.objects.parked()) == {foreign, of_nobody}
    assert list(queries.parked_deliveries(operator)) == []
