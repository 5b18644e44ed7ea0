"""Erasing while orders arrive, and dying in the middle of it and of forgetting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from orders.models import Order
from profiles.extensions.privacy import ageing
from profiles.models import Identifier, ParkedCall, PrivacyRequest, Profile, RetentionRun
from profiles.services import erasing, retention
from tests.orders.factories import put
from tests.profiles.threads import in_threads
from tests.profiles.world import World, breaches

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
EMAIL = "ana@example.org"
ERASE = """
import sys, django; django.setup()
from profiles.services import erasing
erasing.erase(int(sys.argv[1]), by=None, source="test")
"""


FORGET = """
import django; django.setup()
from profiles.services import retention
while retention.run_next():
    pass
"""


def order(world, external_id, **changes):
    return put(
        world.shops[0],
        external_id,
        customer={"email": EMAIL, "first_name": "Ana"},
        placed_at=now().isoformat(),
        **changes,
    )


def test_orders_that_arrive_during_an_erasure_belong_to_the_old_or_to_a_new_customer():
    world = World()
    first = order(world, "first")
    ana = Order.objects.get(pk=first.order_id).profile_id

    def work(index):
        if index == 0:
            return erasing.erase(ana, by=None, source="test").pk
        return order(world, f"during-{index}").order_id

    in_threads(6, work)

    left = Order.objects.filter(profile_id=ana)
    assert all(row.is_erased for row in left)
    assert not any("customer" in row.document for row in left)
    later = Order.objects.exclude(profile_id=ana)
    assert len(set(later.values_list("profile_id", flat=True))) <= 1
    assert all(not row.is_erased for row in later)
    assert not Identifier.objects.filter(profile_id=ana).exists()
    assert breaches() == []


def test_two_who_erase_the_same_customer_do_it_once():
    world = World()
    ana = Order.objects.get(pk=order(world, "first").order_id).profile_id

    def work(_index):
        try:
            return erasing.erase(ana, by=None, source="test").state
        except erasing.AlreadyErased:
            return "before"

    states = in_threads(3, work)

    assert set(states) <= {"done", "before"}
    assert PrivacyRequest.objects.count() == 1


def test_an_order_under_way_is_waited_for():
    world = World()
    ana = Order.objects.get(pk=order(world, "first").order_id).profile_id

    def work(index):
        if index == 1:
            return erasing.erase(ana, by=None, source="test").state
        with transaction.atomic():
            row = Order.objects.select_for_update().get(external_id="first")
            row.status = "shipped"
            row.save(update_fields=["status"])
        return "changed"

    assert set(in_threads(2, work)) == {"changed", "done"}
    assert Order.objects.get().is_erased


@pytest.mark.faults
@pytest.mark.parametrize("failpoint", ["profiles.after-erasure-request", "profiles.mid-erase"])
def test_after_a_kill_a_worker_erases_all_of_it(failpoint):
    world = World()
    ana = Order.objects.get(pk=order(world, "first").order_id).profile_id

    die(ERASE, str(ana), failpoint=failpoint)

    request = PrivacyRequest.objects.get()
    assert (request.state, request.is_decided) == ("waiting", True)
    assert Profile.objects.get(pk=ana).erased_at is None
    assert Identifier.objects.filter(profile_id=ana).exists()

    assert erasing.carry_out_next()
    assert Profile.objects.get(pk=ana).erased_at is not None
    assert not Identifier.objects.filter(profile_id=ana).exists()
    assert not erasing.carry_out_next()
    assert breaches() == []


@pytest.mark.faults
def test_forgetting_goes_on_after_each_kill_and_counts_every_row_once():
    world = World()
    batch = ageing.get("profiles.parkedcall").batch
    old, young = now() - timedelta(days=60), now()
    ParkedCall.objects.bulk_create(
        ParkedCall(shop=world.shops[0], reason="shape", body={}, is_proven=True, received_at=at)
        for at in [old] * (2 * batch + 3) + [young] * 2
    )
    rule = retention.set_rule("profiles.parkedcall", shop_id=None, days=30, by=None)
    retention.foresee_next()
    retention.switch(rule.pk, is_active=True, seen_count=2 * batch + 3, by=None)
    retention.begin_runs()

    for batches in (1, 2):
        die(FORGET, failpoint="profiles.after-retention-batch")
        run = RetentionRun.objects.get()
        assert (run.done, run.finished_at) == (batches * batch, None)
        assert ParkedCall.objects.filter(received_at=old).count() == 3 + (2 - batches) * batch

    while retention.run_next():
        pass
    run.refresh_from_db()
    assert (run.done, run.expected) == (2 * batch + 3, 2 * batch + 3)
    assert run.finished_at is not None
    assert set(ParkedCall.objects.values_list("received_at", flat=True)) == {young}


def test_a_worker_that_vanished_is_followed_by_another():
    world = World()
    ana = Order.objects.get(pk=order(world, "first").order_id).profile_id
    row = erasing.ask_erasure(ana, by=None, source="test", is_decided=True)
    erasing._claim(now())

    assert not erasing.carry_out_next()
    assert erasing.carry_out_next(at=now() + erasing.LEASE * 2)

    row.refresh_from_db()
    assert (row.state, row.attempts) == ("done", 2)


def die(code: str, *arguments: str, failpoint: str) -> None:
    base, _, _ = os.environ["ECRM_DATABASE_URL"].rpartition("/")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ecrm.settings",
            "ECRM_DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
            "ECRM_FAILPOINT": failpoint,
        },
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
