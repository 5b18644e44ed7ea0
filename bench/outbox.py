"""Events through the outbox, beside claiming and ticking plain rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bench.figures import Figure, figure, tell
from bench.ground import connect

BATCH = 100


def measure(*, count: int, rounds: int = 3) -> Iterator[Figure]:
    """Deliveries per second to a handler that does nothing, and the raw limit."""
    from django.db import transaction

    from ecrm.kernel import events, outbox
    from ecrm.kernel.models import Delivery

    @dataclass(frozen=True, kw_only=True, slots=True)
    class Ticked(events.Event):
        name: ClassVar[str] = "bench.clock-ticked"
        number: int

    @events.subscribe(Ticked)
    def listen(event: Ticked) -> None:
        """Nothing: what is left is the outbox itself."""

    rates = []
    for _round in range(rounds):
        Delivery.objects.all().delete()
        for first in range(0, count, BATCH):
            with transaction.atomic():
                for number in range(first, first + BATCH):
                    outbox.publish(Ticked(number=number))
        begun = time.perf_counter()
        while outbox.deliver_local():
            pass
        rates.append(count / (time.perf_counter() - begun))
    raw = tell(figure("outbox.raw_claims", [_raw(count) for _round in range(rounds)], "events/s"))
    yield raw
    yield tell(figure("outbox.events", rates, "events/s", beside=raw))


def _raw(count: int) -> float:
    """Rows claimed with SKIP LOCKED and ticked, a hundred per transaction."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS raw_queue")
        cursor.execute(
            "CREATE TABLE raw_queue (id bigserial PRIMARY KEY, state text, settled_at timestamptz)"
        )
        cursor.execute(
            "INSERT INTO raw_queue (state) SELECT 'pending' FROM generate_series(1, %s)", [count]
        )
        cursor.execute("CREATE INDEX ON raw_queue (id) WHERE state = 'pending'")
    connection = connect()
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT id FROM raw_queue WHERE state = 'pending' ORDER BY id LIMIT %s"
                " FOR UPDATE SKIP LOCKED",
                [BATCH],
            )
            ids = [row[0] for row in cursor.fetchall()]
            if not ids:
                break
            cursor.execute(
                "UPDATE raw_queue SET state = 'done', settled_at = now() WHERE id = ANY(%s)", [ids]
            )
            connection.commit()
    seconds = time.perf_counter() - begun
    connection.close()
    return count / seconds
