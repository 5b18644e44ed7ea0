"""How long pages and their parts take on the server, through every middleware, beside an empty page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.figures import Figure, figure, tell
from bench.ground import Ground

if TYPE_CHECKING:
    from django.test import Client

ROWS = 80


def measure(ground: Ground, *, runs: int) -> Iterator[Figure]:
    """Milliseconds per page as a signed-in agent sees it, and per fragment as htmx asks for it.

    Lists are full, as far as they page; a figure is the median of its runs.
    """
    from django.contrib.auth import get_user_model
    from django.test import Client

    profile_id = _fill(ground)
    client = Client(headers={"host": "localhost"})
    agent = get_user_model().objects.get(email=ground.agent_email)
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")
    bare = tell(figure("pages.bare", _time(client, "/livez", runs), "ms"))
    yield bare
    customer = f"/customers/{profile_id}/"
    for name, url, target in (
        ("pages.orders", "/orders/", "list"),
        ("pages.customers", "/customers/", "list"),
        ("pages.inbox", "/inbox/?view=all", "ticket-list"),
        ("pages.profile", customer, "customer"),
    ):
        yield tell(figure(name, _time(client, url, runs), "ms", beside=bare))
        asked = _time(client, url, runs, target=target)
        yield tell(figure(f"{name}.fragment", asked, "ms", beside=bare))


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


def _time(client: Client, url: str, runs: int, *, target: str = "") -> list[float]:
    headers = {"HX-Request": "true", "HX-Target": target} if target else {}
    for _warm in range(3):
        answer = client.get(url, headers=headers)
        is_page = b"<html" in answer.content
        if answer.status_code != 200 or (target and is_page):
            raise RuntimeError(f"{url} answered {answer.status_code}, a page: {is_page}")
    times = []
    for _run in range(runs):
        begun = time.perf_counter()
        client.get(url, headers=headers)
        times.append((time.perf_counter() - begun) * 1000)
    return times
