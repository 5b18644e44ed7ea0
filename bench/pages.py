"""How long pages take on the server, through every middleware, beside a page without content."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.figures import Figure, figure, tell
from bench.ground import Ground

ROWS = 80


def measure(ground: Ground, *, runs: int) -> Iterator[Figure]:
    """Milliseconds per page as a signed-in agent sees it; lists are full, as far as they page."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    profile_id = _fill(ground)
    client = Client(headers={"host": "localhost"})
    agent = get_user_model().objects.get(email=ground.agent_email)
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")
    bare = tell(figure("pages.bare", _time(client, "/livez", runs), "ms"))
    yield bare
    for name, url in {
        "pages.orders": "/orders/",
        "pages.customers": "/customers/",
        "pages.inbox": "/inbox/?view=all",
        "pages.profile": f"/customers/{profile_id}/",
    }.items():
        yield tell(figure(name, _time(client, url, runs), "ms", beside=bare))


def _fill(ground: Ground) -> int:
    """Enough tickets for a full list; returns a customer who has an order and a ticket."""
    from django.db import transaction

    from contacts import services as contacts
    from profiles import services as profiles
    from profiles.types import Identity

    with transaction.atomic():
        for number in range(ROWS):
            profile_id = profiles.resolve(
                Identity(email=f"customer{number}@bench.example"),
                shop_id=ground.shop_id,
                source="form",
            ).profile_id
            contacts.open_ticket(
                shop_id=ground.shop_id, profile_id=profile_id, subject="Retour",
                text="Bonjour, comment retourner un article ?", channel="form",
            )  # fmt: skip
    return profile_id


def _time(client: object, url: str, runs: int) -> list[float]:
    get = client.get  # type: ignore[attr-defined] # Django's test client
    for _warm in range(3):
        answer = get(url)
        if answer.status_code != 200:
            raise RuntimeError(f"{url} answered {answer.status_code}")
    times = []
    for _run in range(runs):
        begun = time.perf_counter()
        get(url)
        times.append((time.perf_counter() - begun) * 1000)
    return times
