from __future__ import annotations

import select
import threading
import time

import pytest
from django.db import connection, transaction

from ecrm.kernel import doorbell, loops


@pytest.mark.django_db(transaction=True)
def test_a_ring_wakes_a_listener_within_a_fraction_of_its_timeout():
    heard: list[float] = []
    is_listening = threading.Event()

    def listen() -> None:
        listener = doorbell.Listener("tests")
        listener.wait(0.01)
        is_listening.set()
        started = time.monotonic()
        if listener.wait(20):
            heard.append(time.monotonic() - started)
        connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    is_listening.wait(10)
    doorbell.ring("tests")
    thread.join()

    assert heard
    assert heard[0] < 5


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_rings_nobody():
    with connection.cursor() as cursor:
        cursor.execute('LISTEN "ecrm_tests-rollback"; LISTEN "ecrm_tests-after"')

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        doorbell.ring("tests-rollback")
        raise ZeroDivisionError
    with transaction.atomic():
        doorbell.ring("tests-after")

    raw = connection.connection
    select.select([raw], [], [], 20)
    raw.poll()
    assert [ring.channel for ring in raw.notifies] == ["ecrm_tests-after"]
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_listener_survives_the_loss_of_its_connection():
    listener = doorbell.Listener("tests")
    listener.wait(0.01)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    killer = threading.Thread(target=kill)
    killer.start()
    killer.join()

    assert listener.wait(0.2) is False
    assert listener.wait(0.01) is False
    connection.ensure_connection()


def test_a_loop_steps_again_at_once_while_it_finds_work_and_survives_a_failure(monkeypatch):
    monkeypatch.setattr(loops, "ERROR_PAUSE_SECONDS", 0.01)
    stop = threading.Event()
    steps: list[int] = []

    @loops.loop("tests-loop", every=60)
    def step() -> bool:
        steps.append(len(steps))
        if len(steps) == 1:
            raise ValueError("once")
        if len(steps) == 4:
            stop.set()
        return True

    (thread,) = loops.threads(["tests-loop"], stop)
    thread.start()
    thread.join(10)

    assert steps == [0, 1, 2, 3]


def test_a_loop_gets_as_many_threads_as_it_asks_for():
    @loops.loop("tests-three", threads=3)
    def step() -> bool:
        return False

    assert len(loops.threads(["tests-three"], threading.Event())) == 3


def test_run_until_idle_ends_when_no_step_finds_work_and_complains_when_it_never_ends():
    left = [3]

    @loops.loop("tests-idle")
    def finite() -> bool:
        left[0] -= 1
        return left[0] > 0

    @loops.loop("tests-endless")
    def endless() -> bool:
        return True

    loops.run_until_idle("tests-idle")
    assert left == [0]
    with pytest.raises(RuntimeError, match="tests-endless"):
        loops.run_until_idle("tests-endless", rounds=5)


def test_an_unknown_loop_is_named():
    with pytest.raises(KeyError, match="nowhere"):
        loops.threads(["nowhere"], threading.Event())
