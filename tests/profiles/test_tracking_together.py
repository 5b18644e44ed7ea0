"""Many senders at the same moment."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection

from profiles.models import Activity, Identifier, Profile
from profiles.services import months, tracking
from tests.company.factories import ShopFactory
from tests.profiles.threads import in_threads

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def batch(order):
    """Page views of the same ten visitors, in an order of one's own."""
    people = list(range(10)) if order % 2 else list(reversed(range(10)))
    return [
        {"type": "page", "anonymousId": f"a-{who}", "messageId": f"m-{who}"} for who in people
    ] + [
        {"type": "page", "anonymousId": f"a-{who}", "messageId": f"{order}-{who}"} for who in people
    ]


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_meet_each_visitor_once_and_count_each_message_once():
    shop = ShopFactory()
    months.forget_months()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS profiles_activity_y2026m03")

    found = in_threads(
        8, lambda n: tracking.take(batch(n), shop_id=shop.pk, is_proven=False, at=NOW)
    )

    assert sum(taken.taken for taken in found) == 8 * 10 + 10
    assert Activity.objects.count() == 8 * 10 + 10
    assert Profile.objects.count() == Identifier.objects.count() == 10
    assert set(Counter(Activity.objects.values_list("profile_id", flat=True)).values()) == {9}
