from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from company import rules

PARIS = rules.Schedule(
    time_zone="Europe/Paris",
    weekly={0: [(time(9), time(12)), (time(14), time(18))], 4: [(time(20), time(0))]},
    exceptions={date(2026, 12, 21): [], date(2026, 12, 27): [(time(10), time(11))]},
)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 6, 1, 7, 0, tzinfo=UTC), True),  # Monday 9:00 in Paris, in summer
        (datetime(2026, 6, 1, 6, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 1, 10, 0, tzinfo=UTC), False),  # noon: closed from this second on
        (datetime(2026, 1, 5, 8, 0, tzinfo=UTC), True),  # Monday 9:00 in Paris, in winter
        (datetime(2026, 6, 5, 21, 59, tzinfo=UTC), True),  # Friday, a minute before midnight
        (datetime(2026, 6, 5, 22, 0, tzinfo=UTC), False),
        (datetime(2026, 12, 21, 9, 0, tzinfo=UTC), False),  # an exceptional Monday
        (datetime(2026, 12, 27, 9, 30, tzinfo=UTC), True),  # an exceptional Sunday
    ],
)
def test_a_shop_is_open_by_its_local_clock(moment, expected):
    assert rules.is_open(PARIS, moment) is expected


def test_the_next_opening_skips_an_exceptional_day():
    saturday = datetime(2026, 12, 19, 12, 0, tzinfo=UTC)

    assert rules.next_opening(PARIS, saturday) == datetime(2026, 12, 25, 19, 0, tzinfo=UTC)


def test_the_next_opening_of_an_open_shop_is_now():
    monday = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)

    assert rules.next_opening(PARIS, monday) == monday


def test_a_shop_without_hours_never_opens():
    schedule = rules.Schedule(time_zone="Europe/Paris", weekly={}, exceptions={})

    assert rules.next_opening(schedule, datetime(2026, 6, 1, tzinfo=UTC)) is None


DECLARED = {"orders.view_order": None, "orders.change_order": None, "company.manage_roles": ()}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("owner", set(DECLARED)),
        ("manager", {"orders.view_order", "orders.change_order"}),
        ("viewer", {"orders.view_order"}),
        ("night-shift", set()),
    ],
)
def test_a_role_holds_what_the_modules_declare_for_it(role, expected):
    assert rules.default_permissions(role, DECLARED) == expected


def test_what_is_withheld_from_a_role_wins():
    effective = rules.effective_permissions(frozenset({"a", "b"}), added=["c"], withheld=["a"])

    assert effective == {"b", "c"}


def test_an_audit_hash_depends_on_each_fact_and_on_the_entry_before():
    first = rules.audit_hash(rules.GENESIS, {"action": "a", "target": "b"})

    assert first == rules.audit_hash(rules.GENESIS, {"target": "b", "action": "a"})
    assert first != rules.audit_hash(rules.GENESIS, {"action": "a", "target": "c"})
    assert first != rules.audit_hash(first, {"action": "a", "target": "b"})
