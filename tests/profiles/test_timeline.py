from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecrm.kernel.models import EventRecord
from profiles.events import ProfileChanged, ProfileCreated
from profiles.queries import timelines
from profiles.services import tracking
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.profiles.factories import ProfileFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop():
    return ShopFactory()


@pytest.fixture
def ana(shop):
    return ProfileFactory(shop=shop, customer_id="7")


@pytest.fixture
def agent(shop):
    return AgentFactory(role="support", shop=shop)


def did(shop, *what, who="7"):
    """What the customer did, as pairs of minutes after noon and an event; None is a page view."""
    calls = []
    for minutes, event in what:
        call = {"userId": who, "timestamp": (NOON + timedelta(minutes=minutes)).isoformat()}
        said = {"type": "track", "event": event} if event else {"type": "page", "name": "P"}
        calls.append({**call, **said, "properties": {"name": "Pull", "sku": "P", "query": "lin"}})
    tracking.take(calls, shop_id=shop.pk, is_proven=True, at=NOON + timedelta(days=60))


def corrected(ana, shop, minutes):
    return EventRecord.objects.create(
        name=ProfileChanged.name,
        payload={"agent_id": None},
        profile_id=ana.pk,
        shop_id=shop.pk,
        occurred_at=NOON + timedelta(minutes=minutes),
    )


def titles(page):
    return [entry.title for entry in page.entries]


def test_what_was_viewed_during_one_visit_is_one_line(ana, shop, agent):
    did(shop, *((minute, None) for minute in range(7)), (40, None))

    page = timelines.timeline_for(agent, profile_id=ana.pk)

    assert titles(page) == ["Viewed the page P", "Viewed 7 pages"]
    assert len(page.entries[1].lines) == 7


def test_a_visit_names_its_products_and_searches(ana, shop, agent):
    did(shop, (0, None), (1, "Product Viewed"), (2, "Products Searched"), (3, "Product Viewed"))

    entry = timelines.timeline_for(agent, profile_id=ana.pk).entries[0]

    assert (entry.title, entry.detail) == ("Viewed 1 page and 1 product", "Pull · “lin”")


def test_what_matters_stays_a_line_of_its_own_and_parts_the_visit(ana, shop, agent):
    did(shop, (0, None), (1, None), (2, "Product Added"), (3, None), (4, "Wishlist Shared"))

    assert titles(timelines.timeline_for(agent, profile_id=ana.pk)) == [
        "Wishlist shared",
        "Viewed the page P",
        "Put Pull into the cart",
        "Viewed 2 pages",
    ]


def test_facts_and_deeds_stand_in_the_order_of_time(ana, shop, agent):
    did(shop, (0, None), (2, None))
    corrected(ana, shop, 1)

    assert titles(timelines.timeline_for(agent, profile_id=ana.pk)) == [
        "Viewed the page P",
        "The details were corrected",
        "Viewed the page P",
    ]


def test_a_kind_shows_only_itself(ana, shop, agent):
    did(shop, (0, None))
    corrected(ana, shop, 1)

    def shown(kind):
        return titles(timelines.timeline_for(agent, profile_id=ana.pk, kind=kind))

    assert shown("activity") == ["Viewed the page P"]
    assert shown("profile") == ["The details were corrected"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_follow_each_other_without_a_gap_or_a_double(ana, shop, limit):
    """Forty moments with a fact, a deed or both at once."""
    did(shop, *((minute, "Thing Done") for minute in range(0, 40, 2)))
    for minute in range(0, 40, 3):
        corrected(ana, shop, minute)
    seen, position = [], None

    while True:
        page = timelines.timeline_page(ana.pk, before=position, limit=limit)
        seen += [(entry.occurred_at, entry.key) for entry in page.entries]
        if page.next is None:
            break
        position = page.next

    assert len(seen) == len(set(seen)) == 34
    assert [at for at, _key in seen] == sorted((at for at, _key in seen), reverse=True)


def test_a_very_long_visit_is_read_in_pieces(ana, shop, agent):
    did(shop, *((minute / 10, None) for minute in range(120)))
    shown, position = 0, None

    for _page in range(30):
        page = timelines.timeline_for(agent, profile_id=ana.pk, before=position, limit=5)
        shown += sum(max(1, len(entry.lines)) for entry in page.entries)
        position = page.next
        if position is None:
            break

    assert position is None
    assert shown == 120


def test_deeds_in_another_shop_stay_out_of_sight(ana, shop, agent):
    elsewhere = ShopFactory()
    ProfileFactory(shop=elsewhere, customer_id="7")
    did(elsewhere, (0, None))
    did(shop, (5, "Thing Done"))

    assert titles(timelines.timeline_for(agent, profile_id=ana.pk)) == ["Thing done"]


def test_the_first_page_of_five_thousand_facts_costs_few_queries(ana, shop, agent, count_queries):
    EventRecord.objects.bulk_create(
        EventRecord(
            name=ProfileChanged.name,
            payload={"agent_id": None},
            profile_id=ana.pk,
            shop_id=shop.pk,
            occurred_at=NOON - timedelta(minutes=number),
        )
        for number in range(5000)
    )
    did(shop, *((minute, None) for minute in range(100)))

    # 1-3 grants of the agent, once for each permission (a request remembers them)  4 facts  5 deeds
    assert count_queries(lambda: timelines.timeline_for(agent, profile_id=ana.pk, limit=30)) <= 5


def test_programs_read_every_deed_by_itself(client, ana, shop):
    did(shop, *((minute, None) for minute in range(5)))
    corrected(ana, shop, 9)
    _key, plain = api_key(shop, "profiles:read")
    seen, cursor = [], ""

    while cursor is not None:
        response = client.get(
            f"/api/v1/profiles/{ana.pk}/timeline",
            {"limit": 2, **({"cursor": cursor} if cursor else {})},
            headers={"Authorization": f"Bearer {plain}"},
        )
        assert response.status_code == 200
        seen += [entry["event"] for entry in response.json()["results"]]
        cursor = response.json()["next"]

    assert seen == [ProfileChanged.name, *["page-viewed"] * 5]
    assert ProfileCreated.name not in seen
