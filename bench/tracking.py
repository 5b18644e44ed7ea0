"""Batches of tracking calls over HTTP beside a COPY of the same rows; a long timeline."""

from __future__ import annotations

import http.client
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from bench.figures import Figure, figure, tell
from bench.ground import Ground, child, connect, free_port

CLIENTS = 4
PER_BATCH = 200
CALLS_PER_VISITOR = 10
FACTS = 5000
ROUNDS = 3


def measure(ground: Ground, *, events: int, runs: int) -> Iterator[Figure]:
    """Calls per second, the raw limit, and milliseconds for the timeline of a busy customer."""
    port = free_port()
    server = ("-m", "uvicorn", "ecrm.asgi:application", "--host", "127.0.0.1", "--port", str(port))
    quiet = ("--log-level", "error", "--no-access-log", "--no-proxy-headers")
    rates = []
    with child(*server, *quiet, port=port):
        _send_all(port, ground.write_key, range(2))
        batches = max(1, events // PER_BATCH)
        for round_ in range(1, ROUNDS + 1):
            first = round_ * 100_000
            begun = time.perf_counter()
            _send_all(port, ground.write_key, range(first, first + batches))
            rates.append(batches * PER_BATCH / (time.perf_counter() - begun))
    raw = tell(figure("tracking.raw_copy", [_raw() for _round in range(ROUNDS)], "events/s"))
    yield raw
    yield tell(figure("tracking.http", rates, "events/s", beside=raw))
    yield tell(figure("timeline.first_page", _timeline(ground, runs), "ms"))


def batch(number: int) -> bytes:
    """What a library sends: page and product views of twenty visitors, a few of them named."""
    sent_at = datetime.now(UTC)
    calls = [_call(number, place, sent_at) for place in range(PER_BATCH)]
    return json.dumps({"batch": calls, "sentAt": sent_at.isoformat()}).encode()


def _call(number: int, place: int, sent_at: datetime) -> dict[str, Any]:
    visitor = f"visitor-{number}-{place // CALLS_PER_VISITOR}"
    common = {
        "anonymousId": visitor,
        "messageId": f"{number}-{place}",
        "timestamp": (sent_at - timedelta(seconds=PER_BATCH - place)).isoformat(),
        "context": {"locale": "fr-FR", "page": {"url": "https://bench.example/p", "title": "P"}},
    }
    if place % 100 == 99:
        return {**common, "type": "identify", "traits": {"email": f"{visitor}@bench.example"}}
    if place % 3:
        return {**common, "type": "page", "properties": {"path": f"/p/{place}", "title": "Pull"}}
    properties = {"sku": f"P-{place}", "name": "Pull", "price": 59.9, "currency": "EUR"}
    return {**common, "type": "track", "event": "Product Viewed", "properties": properties}


def _send_all(port: int, key: str, numbers: range) -> None:
    def client(offset: int) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in numbers[offset::CLIENTS]:
            server.request("POST", "/v1/batch", body=batch(number), headers=headers)
            answer = server.getresponse()
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"{answer.status}: {answer.read().decode()}")
            answer.read()
        server.close()

    with ThreadPoolExecutor(max_workers=CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def _raw() -> float:
    """All activities there are, copied into an equal table in batches of the same size."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('profiles_activity_raw')")
        if cursor.fetchone() == (None,):
            cursor.execute(
                "CREATE TABLE profiles_activity_raw (LIKE profiles_activity INCLUDING ALL)"
            )
        cursor.execute("TRUNCATE profiles_activity_raw")
        rows = io.StringIO()
        cursor.copy_expert("COPY (SELECT * FROM profiles_activity) TO STDOUT", rows)
        connection.commit()
        lines = rows.getvalue().splitlines(keepends=True)
        begun = time.perf_counter()
        for start in range(0, len(lines), PER_BATCH):
            part = io.StringIO("".join(lines[start : start + PER_BATCH]))
            cursor.copy_expert("COPY profiles_activity_raw FROM STDIN", part)
            connection.commit()
        return len(lines) / (time.perf_counter() - begun)


def _timeline(ground: Ground, runs: int) -> list[float]:
    from django.db import transaction

    from company.models import Agent
    from ecrm.kernel import history
    from profiles import services
    from profiles.events import ProfileChanged
    from profiles.queries import timelines
    from profiles.services import tracking
    from profiles.types import Identity

    at = datetime.now(UTC)
    busy = services.resolve(
        Identity(customer_id="busy", is_proven=True), shop_id=ground.shop_id, source="api"
    ).profile_id
    with transaction.atomic():
        history.record(
            (ProfileChanged(profile_id=busy, agent_id=None), at - timedelta(hours=number))
            for number in range(FACTS // 2)
        )
    for start in range(0, FACTS // 2, 500):
        views = [
            {
                "type": "page",
                "userId": "busy",
                "messageId": f"busy-{number}",
                "timestamp": (at - timedelta(minutes=40 * number)).isoformat(),
            }
            for number in range(start, start + 500)
        ]
        tracking.take(views, shop_id=ground.shop_id, is_proven=True)
    agent = Agent.objects.get(email=ground.agent_email)
    found = []
    for _run in range(runs):
        begun = time.perf_counter()
        page = timelines.timeline_for(agent, profile_id=busy, limit=30)
        found.append((time.perf_counter() - begun) * 1000)
        if len(page.entries) != 30:
            raise RuntimeError("The timeline is too short.")
    return found
