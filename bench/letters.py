"""A receipt from its commit to the server's yes: with nothing else to do, and while a bulk run is on.

The real workers (`manage.py work sender`, `manage.py work mass`) hand over to a sink that notes when it took
which mail.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.figures import Figure, figure, tell
from bench.ground import Ground, child, free_port

PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
_ROUND = 99  # none of those in bench.mails


def measure(ground: Ground, *, letters: int, bulk: int) -> Iterator[Figure]:
    """The 95th percentile of both, in milliseconds; the busy one beside the idle one of the same run."""
    from bench import mails

    port = free_port()
    with TemporaryDirectory() as place:
        log = Path(place) / "taken.log"
        os.environ["ECRM_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
        os.environ["ECRM_STATE_DIR"] = place
        with (
            child("-m", "bench.sink", str(port), str(log), port=port),
            child("manage.py", "work", "sender"),
        ):
            _waits(ground, log, 3, while_bulk=False)  # the worker is up
            idle = figure(
                "letters.idle_p95", [_p95(_waits(ground, log, letters, while_bulk=False))], "ms"
            )
            yield tell(idle)
            ids = mails.customers(ground, bulk)
            mails.queue_many(ground, bulk, _ROUND, ids)
            with child("manage.py", "work", "mass"):
                _until_bulk_flows()
                busy = _waits(ground, log, letters, while_bulk=True)
            yield tell(figure("letters.busy_p95", [_p95(busy)], "ms", beside=idle))
    _forget_bulk()


def _waits(ground: Ground, log: Path, count: int, *, while_bulk: bool) -> list[float]:
    """Milliseconds of each letter; when the bulk run ends before them, of those before its end."""
    committed: dict[str, float] = {}
    for _ in range(count):
        if while_bulk and not _is_bulk_on():
            break
        message_id = _write(ground)
        committed[message_id] = time.time() * 1000
        time.sleep(PAUSE_SECONDS)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        taken = _taken(log)
        if committed.keys() <= taken.keys():
            return [taken[key] - moment for key, moment in committed.items()]
        time.sleep(PAUSE_SECONDS)
    raise RuntimeError("A letter was not taken.")


def _write(ground: Ground) -> str:
    from django.db import transaction

    from messaging import queries
    from messaging import services as messaging

    with transaction.atomic():
        pk = messaging.queue_mail(
            shop_id=ground.shop_id,
            to="customer@letters.example",
            profile_id=None,
            purpose="transactional",
            language="fr",
            subject="Votre commande",
            text="Merci pour votre commande.\n" * 40,
            dedupe_key=f"letter:{uuid4()}",
        )
        return queries.outgoing(pk).message_id_header


def _taken(log: Path) -> dict[str, float]:
    lines = log.read_text().splitlines() if log.exists() else []
    pairs = (line.split(" ", 1) for line in lines if " " in line)
    return {message_id.strip(): float(at) for at, message_id in pairs}


def _is_bulk_on() -> bool:
    from messaging.models import OutgoingMessage

    return OutgoingMessage.objects.filter(lane=2, state="pending").exists()


def _until_bulk_flows() -> None:
    from messaging.models import OutgoingMessage

    deadline = time.monotonic() + PATIENCE_SECONDS
    while not OutgoingMessage.objects.filter(lane=2, state="sent").exists():
        if time.monotonic() > deadline:
            raise RuntimeError("The bulk run did not begin.")
        time.sleep(PAUSE_SECONDS)


def _forget_bulk() -> None:
    from messaging.models import OutgoingMessage

    OutgoingMessage.objects.filter(lane=2, state__in=["pending", "claimed"]).update(
        state="cancelled", settled_at="2026-01-01T00:00:00Z", lease_token=None, lease_until=None
    )


def _p95(waits: list[float]) -> float:
    if not waits:
        raise RuntimeError("The bulk run was over before the first letter.")
    return sorted(waits)[ceil(len(waits) * 0.95) - 1]
