"""Notifications, saved views and parked deliveries for the tests."""

from __future__ import annotations

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from backoffice.models import Notification, SavedView
from ecrm.kernel.models import Delivery, EventRecord

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class NotificationFactory(DjangoModelFactory):
    class Meta:
        model = Notification

    kind = "contacts.assigned"
    title_key = "Search"
    url = "/settings/"
    dedupe_key = factory.Sequence(lambda n: f"fact-{n}")
    created_at = NOON


class SavedViewFactory(DjangoModelFactory):
    class Meta:
        model = SavedView

    list_path = "/orders/"
    name = factory.Sequence(lambda n: f"View {n}")
    query = "state=paid"
    created_at = NOON


class EventRecordFactory(DjangoModelFactory):
    class Meta:
        model = EventRecord

    name = "backoffice.agent-notified"
    payload = {"agent_id": 1, "notification_id": 2}
    occurred_at = NOON


class ParkedDeliveryFactory(DjangoModelFactory):
    class Meta:
        model = Delivery

    event = factory.SubFactory(EventRecordFactory)
    subscriber = "backoffice.hint_notification"
    is_io = True
    state = Delivery.State.PARKED
    attempts = 10
    available_at = NOON
    last_error = "ConnectionError: refused"
