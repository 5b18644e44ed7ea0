import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connections
from django.test import Client

from backoffice import extensions, queries
from backoffice.realtime import consumers
from company.models import Agent
from company.services import agents, grants
from ecrm.kernel import live
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
]


@pytest.fixture(autouse=True)
def _topic():
    """`room:<shop>` may be followed by whoever sees orders of that shop."""
    from company import queries as company

    guard = extensions.LiveTopic(
        prefix="room",
        may_follow=lambda agent, topic: company.may(
            agent, "orders.view_order", shop_id=int(topic.partition(":")[2])
        ),
    )
    extensions.live_topics.register(guard)
    yield
    del extensions.live_topics._entries["room"]


@pytest_asyncio.fixture(autouse=True)
async def _no_connection_left(monkeypatch):
    """The thread of the consumers lets go of the test database."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    yield
    await database_sync_to_async(connections.close_all)()


def session_of(agent: Agent) -> str:
    client = Client()
    client.force_login(agent)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@asynccontextmanager
async def socket(
    session: str = "", *, origin: str = "http://shop.example", host: str = "shop.example"
):
    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    if session:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
    communicator = WebsocketCommunicator(
        consumers.LiveConsumer.as_asgi(), "/ws/live/", headers=headers
    )
    try:
        yield communicator
    finally:
        await communicator.disconnect()


async def frame(communicator) -> dict:
    return json.loads(await communicator.receive_from(timeout=3))


async def open_and_follow(communicator, *topics: str) -> None:
    await communicator.connect()
    assert await frame(communicator) == {"type": "hello"}
    await communicator.send_to(json.dumps({"type": "follow", "topics": list(topics)}))
    await asyncio.sleep(0.2)


async def closed_with(communicator) -> int:
    async with asyncio.timeout(3):
        while True:
            message = await communicator.receive_output(timeout=3)
            if message["type"] == "websocket.close":
                return message["code"]


async def hint(topic: str) -> None:
    await sync_to_async(live.hint, thread_sensitive=False)(topic)


@pytest.fixture
def shop():
    return ShopFactory()


@pytest.fixture
def agent(shop):
    return AgentFactory(role="support", shop=shop)


async def test_a_followed_topic_is_hinted(agent, shop):
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page, f"room:{shop.pk}")

        await hint(f"room:{shop.pk}")

        assert await frame(page) == {"type": "hint", "topic": f"room:{shop.pk}"}


async def test_topics_of_other_shops_and_unknown_topics_are_refused(agent):
    session = await database_sync_to_async(session_of)(agent)
    foreign = await database_sync_to_async(ShopFactory)()
    async with socket(session) as page:
        await page.connect()
        await frame(page)
        topics = [f"room:{foreign.pk}", "secrets", f"agent:{agent.pk + 1}"]
        await page.send_to(json.dumps({"type": "follow", "topics": topics}))

        refused = await frame(page)

        assert refused == {"type": "refused", "topics": sorted(topics)}
        await hint(f"room:{foreign.pk}")
        assert await page.receive_nothing(timeout=0.4)


async def test_unfollowed_topics_fall_silent(agent, shop):
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page, f"room:{shop.pk}")
        await page.send_to(json.dumps({"type": "follow", "topics": []}))
        await asyncio.sleep(0.2)

        await hint(f"room:{shop.pk}")

        assert await page.receive_nothing(timeout=0.4)


async def test_a_stranger_learns_nothing():
    async with socket() as page:
        await page.connect()

        assert await closed_with(page) == consumers.SIGNED_OUT


async def test_a_page_of_another_site_cannot_connect(agent):
    session = await database_sync_to_async(session_of)(agent)
    for origin in ("https://evil.example", "http://shop.example:81", ""):
        async with socket(session, origin=origin) as page:
            is_open, code = await page.connect()

            assert not is_open
            assert code == consumers.STRANGER


async def test_who_is_disabled_is_thrown_out_at_once(agent, shop):
    session = await database_sync_to_async(session_of)(agent)
    owner = await database_sync_to_async(AgentFactory)(owner=True)
    async with socket(session) as page:
        await open_and_follow(page, f"room:{shop.pk}")

        await database_sync_to_async(agents.disable_agent)(agent.pk, by=owner)
        await hint(f"agent:{agent.pk}")

        assert await closed_with(page) == consumers.SIGNED_OUT


async def test_whose_session_ends_is_noticed_by_the_clock(agent, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page)

        await database_sync_to_async(_forget_session)(session)

        assert await closed_with(page) == consumers.SIGNED_OUT


def _forget_session(key: str) -> None:
    from django.contrib.sessions.models import Session

    Session.objects.filter(pk=key).delete()


async def test_who_loses_a_permission_hears_no_more_of_it(agent, shop):
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page, f"room:{shop.pk}")
        await database_sync_to_async(AgentFactory)(owner=True)  # the company keeps an owner

        await database_sync_to_async(_take_roles_away)(agent.pk)
        await hint(f"agent:{agent.pk}")
        assert await frame(page) == {"type": "refused", "topics": [f"room:{shop.pk}"]}
        await hint(f"room:{shop.pk}")

        assert await page.receive_nothing(timeout=0.4)


def _take_roles_away(agent_id: int) -> None:
    for grant in Agent.objects.get(pk=agent_id).grants.all():
        grants.revoke_grant(grant.pk, by=None)


async def test_nonsense_is_ignored_and_floods_end_the_socket(agent):
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await page.connect()
        await frame(page)
        for nonsense in (
            "{",
            "[]",
            '{"type": "follow"}',
            '{"type": "follow", "topics": [{}]}',
            '"x"',
        ):
            await page.send_to(nonsense)
        assert await page.receive_nothing(timeout=0.3)

        await page.send_to("x" * (consumers.LARGEST_FRAME + 1))

        assert await closed_with(page) == consumers.TOO_MUCH


async def test_an_open_page_says_that_its_agent_is_there(agent):
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page)

        found = await database_sync_to_async(queries.presence)([agent.pk])

        assert found[agent.pk].state == "online"


async def test_beats_go_through_the_channel_layer(agent, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.1)
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page)

        assert await frame(page) == {"type": "beat"}
        assert await frame(page) == {"type": "beat"}


async def test_a_beat_lost_on_the_way_makes_the_page_look_again(agent):
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page)
        await _beat_for(agent, number=2)

        assert await frame(page) == {"type": "missed"}
        assert await frame(page) == {"type": "beat"}


async def _beat_for(agent, *, number: int) -> None:
    """A beat by way of the agent's own group, as if number 1 had been lost."""
    from channels.layers import get_channel_layer

    group = live.group_of(f"agent:{agent.pk}")
    await get_channel_layer().group_send(group, {"type": "live.beat", "number": number})


@pytest.mark.faults
async def test_a_silent_socket_stays_open(agent, shop):
    """redis-py 8 would close it after five seconds; the pinned version and socket_timeout do not."""
    session = await database_sync_to_async(session_of)(agent)
    async with socket(session) as page:
        await open_and_follow(page, f"room:{shop.pk}")
        await asyncio.sleep(6.5)

        await hint(f"room:{shop.pk}")

        assert await frame(page) == {"type": "hint", "topic": f"room:{shop.pk}"}
