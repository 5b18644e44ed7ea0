"""Periodic jobs that run once per slot however many clocks tick."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.utils.timezone import now

from ecrm.kernel.models import JobRun

log = logging.getLogger(__name__)

KEEP_RUNS = timedelta(days=14)
LONGEST_RUN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Job:
    """A function to call once per slot; slots are multiples of `every` since 1970 in UTC."""

    name: str
    every: timedelta
    run: Callable[[], None]

    def slot(self, at: datetime) -> datetime:
        """The slot that a moment falls into."""
        seconds = int(self.every.total_seconds())
        return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=UTC)


_jobs: dict[str, Job] = {}


def periodic(name: str, *, every: timedelta) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Make the decorated function a periodic job. A missed slot is skipped: jobs catch up by themselves."""

    def register(run: Callable[[], None]) -> Callable[[], None]:
        if name in _jobs:
            raise RuntimeError(f"Two jobs are called {name}.")
        _jobs[name] = Job(name=name, every=every, run=run)
        return run

    return register


def all_jobs() -> list[Job]:
    """Every periodic job, by name."""
    return [_jobs[name] for name in sorted(_jobs)]


def run_due(*, at: datetime | None = None) -> list[str]:
    """Run the jobs whose current slot nobody has taken yet. Returns their names.

    The slot row decides between competing clocks; a job never overlaps its own earlier run.
    """
    moment = at or now()
    return [job.name for job in _waiting(moment) if _run_slot(job, moment)]


def _waiting(at: datetime) -> list[Job]:
    slots = {job: job.slot(at) for job in all_jobs()}
    runs = JobRun.objects.filter(job__in=_jobs, scheduled_for__in=set(slots.values()))
    taken = set(runs.values_list("job", "scheduled_for"))
    return [job for job, slot in slots.items() if (job.name, slot) not in taken]


def _run_slot(job: Job, at: datetime) -> bool:
    run = _take_slot(job, at)
    if run is None:
        return False
    try:
        job.run()
    except Exception as error:
        log.exception("job_failed", extra={"job": job.name})
        run.error = f"{type(error).__name__}: {error}"[:2000]
    run.finished_at = now()
    run.save(update_fields=["finished_at", "error"])
    return True


@transaction.atomic
def _take_slot(job: Job, at: datetime) -> JobRun | None:
    """The slot as ours, or None when another clock has it or the job's last run still goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"job:{job.name}"])
        if not cursor.fetchone()[0]:
            return None
    is_running = JobRun.objects.filter(
        job=job.name, finished_at=None, started_at__gt=at - LONGEST_RUN
    ).exists()
    if is_running:
        return None
    run, is_new = JobRun.objects.get_or_create(
        job=job.name, scheduled_for=job.slot(at), defaults={"started_at": at}
    )
    return run if is_new else None


def purge(*, at: datetime) -> int:
    """Forget slots older than KEEP_RUNS. Returns how many."""
    return JobRun.objects.filter(scheduled_for__lt=at - KEEP_RUNS).delete()[0]
