"""Random merges and undos among random activity, on the real database."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from company import queries as company
from profiles import queries, services
from profiles.models import Merge
from profiles.rules.merging import DETAILS, OWNER, STAGE, choice_of
from profiles.services.attributes import define_attribute, set_attributes
from tests.profiles.world import TRACES, Traces, World, breaches, dump

# Here activity changes what a merge has combined: such rows need not be as they were, only right.
COMBINED = {
    "profiles_identifier",
    "profiles_figures",
    "profiles_requestfigures",
    "profiles_consentstate",
    "profiles_profile",
    "profiles_profileshop",
    "profiles_postaladdress",
    "messaging_mailpace",
}
PEOPLE = st.integers(0, 7)
SHOPS = st.integers(0, 1)


class Merging(RuleBasedStateMachine):
    """Each row has an owner: who made it. When every merge is undone, he has it, byte for byte."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        company.forget_shops()
        self.world = World()
        self.traces = Traces(self.world)
        self.expected: dict[tuple[str, int], dict[str, Any]] = {}
        self.seen: dict[tuple[str, int], dict[str, Any]] = {}
        self.derived: set[tuple[str, int]] = set()
        self.tainted: set[int] = set()
        self.people: list[int] = []
        self.orders: list[tuple[int, int, str]] = []
        attributes = [
            define_attribute(label, key=label, kind="string", by=None) for label in ("size", "tone")
        ]
        self.choices = [*DETAILS, STAGE, OWNER, *(choice_of(row.pk) for row in attributes)]
        self.note()

    def teardown(self) -> None:
        try:
            self.undo_everything()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            company.forget_shops()

    # --- What happens -----------------------------------------------------------------------------

    @initialize()
    def somebody(self) -> None:
        for number in range(4):
            self.meet(number % 2)

    @rule(shop=SHOPS)
    def meet(self, shop: int) -> None:
        number = len(self.people)
        told = {} if number % 3 else {"first_name": f"Ana{number}", "phone": "0639981234"}
        if number % 2:
            told |= {"birthday": date(1990, 1, 1 + number % 28), "city": f"Town{number}"}
        wish = (None, True, False)[number % 3]
        self.people.append(
            self.world.customer(
                email=f"p{number}@example.org", shop=shop, accepts_marketing=wish, **told
            )
        )
        self.note()

    @rule(who=PEOPLE, shop=SHOPS)
    def order(self, who: int, shop: int) -> None:
        number = who % len(self.people)
        order = self.world.order(email=f"p{number}@example.org", shop=shop)
        self.orders.append((number, shop, order.external_id))
        self.note()

    @precondition(lambda self: self.orders)
    @rule(which=st.integers(0, 30), status=st.sampled_from(["cancelled", "shipped", "paid"]))
    def change_order(self, which: int, status: str) -> None:
        number, shop, external_id = self.orders[which % len(self.orders)]
        self.world.order(
            email=f"p{number}@example.org", shop=shop, external_id=external_id, status=status
        )
        self.note()

    @rule(who=PEOPLE, shop=SHOPS)
    def ask(self, who: int, shop: int) -> None:
        self.world.ticket(queries.survivor(self.people[who % len(self.people)]), shop=shop)
        self.note()

    @rule(who=PEOPLE, number=st.integers(0, 3))
    def call(self, who: int, number: int) -> None:
        email = f"p{who % len(self.people)}@example.org"
        self.world.customer(email=email, phone=f"063998120{number}", customer_id=f"c{number}")
        self.note()

    @rule(who=PEOPLE, key=st.sampled_from(["size", "tone"]), value=st.sampled_from(["S", "M", "L"]))
    def know(self, who: int, key: str, value: str) -> None:
        profile_id = queries.survivor(self.people[who % len(self.people)])
        set_attributes(profile_id, values={key: value}, source="test", by=None, at=self.world.now())
        self.note()

    @rule(who=PEOPLE, what=st.sampled_from(TRACES), shop=SHOPS, number=st.integers(0, 2))
    def leave(self, who: int, what: str, shop: int, number: int) -> None:
        profile_id = queries.survivor(self.people[who % len(self.people)])
        self.traces.leave(what, profile_id, shop=shop, number=number)
        self.note()

    @rule(one=PEOPLE, other=PEOPLE, taking=st.sets(st.integers(0, len(DETAILS) + 3)))
    def merge(self, one: int, other: int, taking: set[int]) -> None:
        gone = queries.survivor(self.people[one % len(self.people)])
        kept = queries.survivor(self.people[other % len(self.people)])
        if gone != kept:
            names = [name for number, name in enumerate(self.choices) if number in taking]
            services.merge(gone, into=kept, by=None, taking=names)
            self.note_new()

    @rule(which=st.integers(0, 30))
    def undo(self, which: int) -> None:
        if active := list(Merge.objects.active().order_by("pk")):
            services.undo_merge(active[which % len(active)].pk, by=None)
            self.note_new()

    # --- What must be so --------------------------------------------------------------------------

    def note(self) -> None:
        """After activity: new rows belong to who has them, changed ones to who had them."""
        found = dict(self.rows())
        for key, row in found.items():
            if self.seen.get(key) == row or key in self.derived:
                continue
            owner = self.expected.get(key, row).get("profile_id")
            self.taint(key, row)
            self.expected[key] = row | ({"profile_id": owner} if owner else {})
        self.seen = found

    def note_new(self) -> None:
        """After a merge or an undo: only what that itself wrote down is new.

        A sum or a shop may have been written in the middle of it for somebody who is merged again at
        its end: whose it is, the invariants say.
        """
        self.seen = dict(self.rows())
        new = {key: row for key, row in self.seen.items() if key not in self.expected}
        self.derived |= {key for key in new if key[0] in COMBINED}
        self.expected |= {key: row for key, row in new.items() if key[0] not in COMBINED}

    def taint(self, key: tuple[str, int], row: dict[str, Any]) -> None:
        """Activity on somebody who is several at the moment: what was combined of them may differ."""
        profile_id = row["id"] if key[0] == "profiles_profile" else row["profile_id"]
        members = queries.cluster(profile_id) if profile_id else []
        if len(members) > 1:
            self.tainted.update(members)

    def undo_everything(self) -> None:
        while active := list(Merge.objects.active().order_by("pk")):
            services.undo_merge(active[len(active) // 2].pk, by=None)
            self.note_new()
        found = dict(self.rows())
        for key, wanted in self.expected.items():
            row = found.get(key)
            owner = wanted["id"] if key[0] == "profiles_profile" else wanted["profile_id"]
            if key[0] in COMBINED and owner in self.tainted:
                assert row is not None, key
                assert row.get("profile_id") == wanted.get("profile_id"), key
                continue
            assert row == wanted, key
        assert breaches() == []

    @staticmethod
    def rows() -> list[tuple[tuple[str, int], dict[str, Any]]]:
        return [
            ((table, pk), json.loads(text))
            for table, rows in dump().items()
            for pk, text in rows.items()
        ]


def run(*, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Merging,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
def test_undoing_every_merge_leaves_what_each_had():
    run(examples=8, steps=30)


@pytest.mark.faults
@pytest.mark.django_db
def test_thousands_of_steps_leave_what_each_had(request):
    """2,000 steps; 10,000 with `make test ARGS="tests/profiles --hypothesis-profile=thorough"`."""
    is_thorough = request.config.getoption("--hypothesis-profile") == "thorough"
    run(examples=200 if is_thorough else 40, steps=50)
