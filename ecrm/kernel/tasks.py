"""The relay's loops, the clock, and what the clock does for the kernel itself."""

from __future__ import annotations

from datetime import timedelta

from django.utils.timezone import now

from ecrm.kernel import files, idempotency, jobs, loops, outbox

TICK_SECONDS = 15.0


@loops.loop("relay", topic="outbox", every=2.0)
def relay_local() -> bool:
    """Deliver to handlers that only write to our database."""
    return outbox.deliver_local() > 0


@loops.loop("relay", topic="outbox", every=2.0)
def relay_io() -> bool:
    """Deliver to handlers that talk to a network."""
    return outbox.deliver_io() > 0


@loops.loop("clock", every=TICK_SECONDS, threads=3)
def tick() -> bool:
    """Run the periodic jobs whose slot nobody has taken. A long job leaves the others two threads."""
    return bool(jobs.run_due())


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
