"""Killing the worker in the middle of an import: it goes on where it stopped, and nobody is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.utils.timezone import now

from ecrm.kernel import longwork
from profiles.models import Identifier, Import, Profile
from profiles.services import imports, imports_working
from tests.company.factories import ShopFactory
from tests.profiles.import_files import checked, stopped

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = 12_000
WORK = """
import django; django.setup()
from threading import Event
from profiles.services import imports_working
imports_working.work(Event())
"""


def start_worker() -> subprocess.Popen[bytes]:
    base, _, _ = os.environ["ECRM_DATABASE_URL"].rpartition("/")
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ecrm.settings",
        "ECRM_DATABASE_URL": f"{base}/{name}",
    }
    return subprocess.Popen([sys.executable, "-c", WORK], cwd=ROOT, env=environment)


def wait_until(is_so: Callable[[], bool], worker: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while not is_so():
        assert worker.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_import_survives_kill_9_of_its_worker() -> None:
    shop = ShopFactory(market="FR")
    people = ([f"p{n}@mail.fr", f"06{n:08}", "Ana", f"Durand{n}"] for n in range(ROWS))
    row = checked(shop, [["E-mail", "Telephone", "First name", "Last name"], *people])
    imports.start_import(row.pk, by=None)

    worker = start_worker()
    wait_until(lambda: Import.objects.get(pk=row.pk).position > 0, worker)
    worker.send_signal(signal.SIGKILL)
    worker.wait()

    row.refresh_from_db()
    reached = row.position
    assert 0 < reached < ROWS
    assert Profile.objects.count() == row.created_count == reached
    assert not imports_working.work(stopped()), "the dead worker's lease still holds"

    later = now() + longwork.LEASE
    while imports_working.work(stopped(after=100), at=later):
        pass
    row.refresh_from_db()
    assert (row.state, row.created_count, row.changed_count) == ("done", ROWS, 0)
    assert Profile.objects.count() == ROWS
    assert Identifier.objects.count() == 2 * ROWS
