"""Twenty murders during twenty thousand mails, asserted from the log of the server that took them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from django.conf import settings
from django.db import connection

from ecrm.kernel import verify
from messaging.models import OutgoingMessage
from messaging.services import mailings
from messaging.services.mailings import MassRecipient
from tests.messaging import murder
from tests.messaging.factories import EagerShopFactory
from tests.messaging.smtp_sink import free_port

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

MAILS = 20_000
MURDERS = 20
SEED = 20_261_122


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A quick server with a log of what it took."""
    port, log = free_port(), tmp_path / "sink.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink", str(port), str(log)], cwd=murder.ROOT
    )
    yield f"smtp://127.0.0.1:{port}", log
    process.kill()
    process.wait()


def test_twenty_murders_lose_and_double_nothing(sink: tuple[str, Path], tmp_path: Path) -> None:
    url, log = sink
    _queue(MAILS)
    chance, journals, killed = random.Random(SEED), tmp_path / "journals", Counter[str]()
    environment = _environment()
    senders = [murder.start(url, journals, environment) for _ in range(2)]

    deadline = time.monotonic() + 600
    for number in range(MURDERS):
        _wait_until(log, (number + 1) * MAILS // (MURDERS + 2), deadline)
        killed[murder.kill_one(senders, chance)] += 1
        if number == MURDERS // 3:
            redis.Redis.from_url(settings.ECRM_REDIS_URL).flushdb()
        if number == MURDERS // 2:
            _cut_the_database_off()
        senders = [
            sender if sender.poll() is None else murder.start(url, journals, environment)
            for sender in senders
        ]
    for sender in senders:
        sender.wait(timeout=300)
    subprocess.run(
        [sys.executable, "-m", "tests.messaging.murder", url, str(journals)],
        cwd=murder.ROOT,
        env=environment,
        timeout=300,
        check=True,
    )

    taken = Counter(line.split(" ", 1)[1] for line in log.read_text().splitlines())
    states = dict(OutgoingMessage.objects.values_list("message_id", "state"))
    doubled = [identity for identity, times in taken.items() if times > 1]
    lost = [
        identity for identity, state in states.items() if state == "sent" and not taken[identity]
    ]
    assert sum(killed.values()) == MURDERS
    assert not doubled
    assert not lost
    assert set(states.values()) <= {"sent", "ambiguous"}
    unclear = [identity for identity, state in states.items() if state == "ambiguous"]
    assert len(unclear) <= 4 * MURDERS, "no more than a courier's connections each time"
    for invariant in verify.all_invariants():
        if invariant.key.startswith("messaging."):
            assert not list(invariant.check()), invariant.key


def _queue(count: int) -> None:
    wording = mailings.keep_wording(
        shop_id=EagerShopFactory().pk,
        language="fr",
        subject="Bonjour {{ name }}",
        text="{{ name }}",
    )
    mailings.queue_many(
        wording,
        recipients=(
            MassRecipient(
                to=f"{number}@example.org",
                profile_id=None,
                data={"name": f"Client {number}"},
                dedupe_key=f"murder:{number}",
            )
            for number in range(count)
        ),
    )


def _environment() -> dict[str, str]:
    base, _, _ = os.environ["ECRM_DATABASE_URL"].rpartition("/")
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ecrm.settings",
        "ECRM_DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
    }


def _wait_until(log: Path, lines: int, deadline: float) -> None:
    while not log.exists() or log.read_bytes().count(b"\n") < lines:
        assert time.monotonic() < deadline, "the mail does not flow"
        time.sleep(0.05)


def _cut_the_database_off() -> None:
    """As a restart looks from outside: every connection ends, and none is let in for a while."""
    name = connection.settings_dict["NAME"]
    connection.close()
    base, _, _ = os.environ["ECRM_DATABASE_URL"].rpartition("/")
    outside = psycopg2.connect(f"{base}/postgres")
    outside.autocommit = True
    with outside.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        time.sleep(2)
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    outside.close()
