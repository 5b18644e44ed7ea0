"""Entry points of the clock, the Celery doorbell and the relay."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.utils.timezone import now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ecrm.kernel import doorbell, files, idempotency, jobs, loops, outbox

RELAY_TASK_SECONDS = 30


@loops.loop("relay", topic="outbox", every=2.0)
def relay_local() -> bool:
    """Deliver to handlers that only write to our database."""
    return outbox.deliver_local() > 0


@loops.loop("relay", topic="outbox", every=2.0)
def relay_io() -> bool:
    """Deliver to handlers that talk to a network."""
    return outbox.deliver_io() > 0


@shared_task(name="kernel.relay", expires=RELAY_TASK_SECONDS, ignore_result=True)
def relay() -> None:
    """One pass over the outbox, started by a ring or by the clock."""
    while outbox.deliver_local() + outbox.deliver_io():
        pass


@shared_task(name="kernel.tick", expires=RELAY_TASK_SECONDS, ignore_result=True)
def tick() -> None:
    """Run the periodic jobs whose slot nobody has taken, and sweep the outbox."""
    jobs.run_due()
    relay()


@jobs.periodic("kernel.purge", every=timedelta(hours=1))
def purge() -> None:
    """Delete settled deliveries, old job slots, expired idempotency keys and files."""
    moment = now()
    while outbox.purge(at=moment):
        pass
    jobs.purge(at=moment)
    idempotency.purge(at=moment)
    while files.purge(at=moment):
        pass


def connect() -> None:
    """Let rings of the outbox reach the Celery workers, and let the clock tick."""
    from ecrm.celery import app  # noqa: PLC0415 - the application exists only after Django's set-up

    doorbell.also("outbox", _ring_celery)
    app.conf.beat_schedule = {"tick": {"task": "kernel.tick", "schedule": 15.0}}


def _ring_celery() -> None:
    with suppress(OperationalError, RedisError, OSError):
        relay.apply_async(retry=False)
