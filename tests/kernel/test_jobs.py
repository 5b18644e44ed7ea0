from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from ecrm.kernel import jobs
from ecrm.kernel.models import JobRun

NOON = datetime(2026, 3, 29, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def counting_job(monkeypatch):
    monkeypatch.setattr(jobs, "_jobs", {})
    runs: list[int] = []
    jobs.periodic("tests.count", every=timedelta(minutes=1))(lambda: runs.append(1))
    return runs


@pytest.mark.django_db
def test_a_job_runs_once_per_slot(counting_job):
    jobs.run_due(at=NOON)
    jobs.run_due(at=NOON + timedelta(seconds=20))
    jobs.run_due(at=NOON + timedelta(seconds=40))

    assert len(counting_job) == 2


@pytest.mark.django_db(transaction=True)
def test_many_clocks_run_a_slot_once(counting_job):
    barrier = threading.Barrier(6)

    def tick() -> None:
        barrier.wait()
        jobs.run_due(at=NOON)
        connection.close()

    threads = [threading.Thread(target=tick) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(counting_job) == 1


@pytest.mark.django_db
def test_a_job_never_overlaps_its_own_earlier_run(counting_job):
    JobRun.objects.create(
        job="tests.count", scheduled_for=NOON - timedelta(minutes=1), started_at=NOON
    )

    jobs.run_due(at=NOON)

    assert counting_job == []


@pytest.mark.django_db
def test_a_run_that_was_killed_holds_up_later_slots_only_for_a_while(counting_job):
    JobRun.objects.create(
        job="tests.count", scheduled_for=NOON - timedelta(minutes=1), started_at=NOON
    )

    jobs.run_due(at=NOON + timedelta(minutes=16))

    assert len(counting_job) == 1


@pytest.mark.django_db
def test_a_clock_asks_once_about_all_slots_that_are_taken(counting_job, django_assert_num_queries):
    jobs.periodic("tests.other", every=timedelta(minutes=5))(lambda: None)
    jobs.run_due(at=NOON)

    with django_assert_num_queries(1):
        jobs.run_due(at=NOON + timedelta(seconds=15))


@pytest.mark.django_db
def test_a_failing_job_leaves_its_error_and_the_next_slot_runs(monkeypatch):
    monkeypatch.setattr(jobs, "_jobs", {})

    @jobs.periodic("tests.fails", every=timedelta(minutes=1))
    def fails() -> None:
        raise ValueError("no luck")

    assert jobs.run_due(at=NOON) == ["tests.fails"]
    assert jobs.run_due(at=NOON + timedelta(minutes=1)) == ["tests.fails"]
    assert set(JobRun.objects.values_list("error", flat=True)) == {"ValueError: no luck"}


@pytest.mark.django_db
def test_old_slots_are_forgotten(counting_job):
    jobs.run_due(at=NOON)

    assert jobs.purge(at=NOON + timedelta(days=13)) == 0
    assert jobs.purge(at=NOON + timedelta(days=15)) == 1
