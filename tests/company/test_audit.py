"""The audit log: written with the action, never changed, and a change would be seen."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import DatabaseError, connection, transaction

from company import queries, services
from company.models import AuditEntry, AuditHead
from company.services import audit
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = pytest.mark.django_db


def record(target: str = "thing:1", **options) -> AuditEntry:
    return services.record_audit(action="tests.thing-done", target=target, by=None, **options)


def test_an_entry_says_who_did_what_where_and_from_which_address():
    agent = AgentFactory()
    shop = ShopFactory()

    with audit.origin(lambda: "203.0.113.7"):
        entry = services.record_audit(
            action="tests.thing-done",
            target="thing:1",
            by=agent,
            shop_id=shop.pk,
            changes={"name": ["a", "b"]},
        )

    assert (entry.actor_id, entry.actor, entry.ip) == (agent.pk, agent.email, "203.0.113.7")
    assert (entry.shop_id, entry.changes) == (shop.pk, {"name": ["a", "b"]})


def test_entries_count_without_a_gap_and_verify():
    for number in range(3):
        record(f"thing:{number}")

    positions = list(AuditEntry.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(1, len(positions) + 1))
    assert queries.audit_chain_breaches() == []


def test_a_rolled_back_action_leaves_no_entry_and_no_gap():
    record("thing:1")
    with pytest.raises(RuntimeError), transaction.atomic():
        record("thing:2")
        raise RuntimeError
    record("thing:3")

    assert not AuditEntry.objects.filter(target="thing:2").exists()
    assert queries.audit_chain_breaches() == []


@pytest.mark.django_db(transaction=True)
def test_an_entry_needs_the_transaction_of_its_action():
    with pytest.raises(RuntimeError):
        record()


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_an_entry(change):
    entry = record()
    rows = AuditEntry.objects.filter(pk=entry.pk)

    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(actor="nobody") if change == "update" else rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditHead.objects.update(position=0)


def as_superuser(statement: str) -> None:
    """What somebody with all rights on the tables could do."""
    tables = (AuditEntry._meta.db_table, AuditHead._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE company_auditentry SET target = 'thing:9' WHERE position = 2", "2 was changed"),
        (
            "UPDATE company_auditentry SET changes = '{\"a\": 1}' WHERE position = 2",
            "2 was changed",
        ),
        (
            "UPDATE company_auditentry SET at = at + interval '1 s' WHERE position = 2",
            "2 was changed",
        ),
        ("DELETE FROM company_auditentry WHERE position = 2", "2 to 2 are missing"),
        ("DELETE FROM company_auditentry WHERE position = 3", "ends at 2, not at 3"),
        ("DELETE FROM company_auditentry", "ends at 0, not at 3"),
    ],
)
def test_whatever_is_changed_behind_our_back_is_seen(statement, sentence):
    for number in range(3):
        record(f"thing:{number}")

    as_superuser(statement)

    assert any(sentence in line for line in queries.audit_chain_breaches())


def test_an_entry_rewritten_with_a_fresh_hash_breaks_the_next_link():
    for number in range(3):
        record(f"thing:{number}")
    forged = AuditEntry.objects.get(position=2)
    forged.target = "thing:9"

    as_superuser(
        "UPDATE company_auditentry SET target = 'thing:9',"
        f" hash = '{forged.computed_hash()}' WHERE position = 2"
    )

    assert "audit entry 3 does not follow the one before it" in queries.audit_chain_breaches()


@pytest.mark.django_db(transaction=True)
def test_actions_at_the_same_time_stand_one_after_the_other():
    def act() -> None:
        for number in range(5):
            with transaction.atomic():
                record(f"thing:{number}")
        connection.close()

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert AuditEntry.objects.count() == 20
    assert queries.audit_chain_breaches() == []


def test_an_auditor_of_one_shop_reads_only_its_entries():
    here, there = ShopFactory(), ShopFactory()
    auditor = AgentFactory(role="manager", shop=here)
    for shop_id in (here.pk, there.pk, None):
        record(shop_id=shop_id)

    mine = queries.audit_entries(auditor).filter(action="tests.thing-done")

    assert [entry.shop_id for entry in mine] == [here.pk]
    everything = queries.audit_entries(AgentFactory(owner=True))
    assert everything.filter(action="tests.thing-done").count() == 3


def test_changes_survive_the_trip_through_the_database_unchanged():
    changes = {"zahl": 1.5, "größe": ["é", None, True], "viele": {"b": 1, "a": 2}}

    record(changes=changes)

    assert json.dumps(AuditEntry.objects.first().changes, sort_keys=True) == json.dumps(
        changes, sort_keys=True
    )
    assert queries.audit_chain_breaches() == []
