"""Owner, state, snooze, priority, tags, and many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from contacts import services
from contacts.events import TicketAssigned, TicketChanged, TicketStateChanged
from contacts.models import BulkChange, Ticket
from contacts.services import bulk, ledger, triage
from ecrm.kernel.models import EventRecord
from tests.company.factories import AgentFactory
from tests.contacts.factories import OPENED_AT, make_ticket


def published(event_type):
    return [r.payload for r in EventRecord.objects.filter(name=event_type.name).order_by("pk")]


def test_assigning_is_told_in_the_thread_and_outside(shop, agent, colleague):
    ticket = make_ticket(shop)

    services.assign(ticket.pk, to=colleague.pk, by=agent)

    ticket.refresh_from_db()
    assert ticket.assignee == colleague
    assert ticket.messages.last().change == {"what": "assigned", "to": colleague.pk}
    assert published(TicketAssigned)[0]["assignee_id"] == colleague.pk


def test_assigning_to_the_owner_changes_nothing(shop, agent):
    ticket = make_ticket(shop, assignee=agent)

    services.assign(ticket.pk, to=agent.pk, by=agent)

    assert ticket.messages.count() == 1
    assert published(TicketAssigned) == []


def test_a_ticket_goes_only_to_somebody_who_may_answer_it(shop, agent, viewer, stranger):
    ticket = make_ticket(shop)

    for nobody in (viewer, stranger):
        with pytest.raises(triage.AgentCannotAnswer):
            services.assign(ticket.pk, to=nobody.pk, by=agent)


def test_a_ticket_can_be_given_back_to_everybody(shop, agent):
    ticket = make_ticket(shop, assignee=agent)

    services.assign(ticket.pk, to=None, by=agent)

    ticket.refresh_from_db()
    assert ticket.assignee is None


def test_taking_a_free_ticket_makes_it_mine_and_taking_it_again_is_fine(shop, agent):
    ticket = make_ticket(shop)

    services.take(ticket.pk, by=agent)
    services.take(ticket.pk, by=agent)

    ticket.refresh_from_db()
    assert ticket.assignee == agent
    assert len(published(TicketAssigned)) == 1


def test_a_taken_ticket_can_not_be_taken(shop, agent, colleague):
    ticket = make_ticket(shop, assignee=colleague)

    with pytest.raises(triage.TicketTaken):
        services.take(ticket.pk, by=agent)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("new", "open"),
        ("new", "solved"),
        ("waiting", "closed"),
        ("solved", "open"),
        ("solved", "closed"),
    ],
)
def test_states_move_along_the_allowed_ways(shop, agent, before, after):
    ticket = make_ticket(shop, state=before)

    services.change_state(ticket.pk, to=after, by=agent)

    ticket.refresh_from_db()
    assert ticket.state == after
    assert (
        published(TicketStateChanged)[-1] | {"state_before": before, "state_after": after}
        == (published(TicketStateChanged)[-1])
    )


@pytest.mark.parametrize(
    ("before", "after"), [("closed", "open"), ("closed", "solved"), ("open", "new")]
)
def test_other_ways_are_refused(shop, agent, before, after):
    ticket = make_ticket(shop, state=before)

    with pytest.raises(ledger.MoveNotAllowed):
        services.change_state(ticket.pk, to=after, by=agent)


def test_the_same_state_changes_nothing(shop, agent):
    ticket = make_ticket(shop)

    services.change_state(ticket.pk, to="new", by=agent)

    assert ticket.messages.count() == 1


def test_snoozing_needs_a_moment(shop, agent):
    ticket = make_ticket(shop)

    with pytest.raises(triage.SnoozeInThePast):
        services.change_state(ticket.pk, to="snoozed", by=agent)
    with pytest.raises(triage.SnoozeInThePast):
        services.snooze(ticket.pk, until=OPENED_AT, by=agent, at=OPENED_AT)


def test_a_snoozed_ticket_wakes_at_its_time_and_not_before(shop, agent):
    ticket = make_ticket(shop)
    until = OPENED_AT + timedelta(hours=3)
    services.snooze(ticket.pk, until=until, by=agent, at=OPENED_AT)

    early = triage.wake_due(at=until - timedelta(seconds=1))
    due = triage.wake_due(at=until)

    ticket.refresh_from_db()
    assert (early, due) == (0, 1)
    assert ticket.state == "open"
    assert ticket.snoozed_until is None


def test_a_solved_snoozed_ticket_does_not_wake(shop, agent):
    ticket = make_ticket(shop)
    services.snooze(ticket.pk, until=now() + timedelta(hours=1), by=agent)
    services.change_state(ticket.pk, to="solved", by=agent)

    assert triage.wake_due(at=now() + timedelta(hours=2)) == 0


def test_a_snoozed_ticket_can_be_snoozed_longer(shop, agent):
    ticket = make_ticket(shop)
    services.snooze(ticket.pk, until=now() + timedelta(hours=1), by=agent)
    later = now() + timedelta(days=1)

    services.snooze(ticket.pk, until=later, by=agent)

    ticket.refresh_from_db()
    assert ticket.snoozed_until == later


def test_priorities_and_tags_are_edited(shop, agent):
    ticket = make_ticket(shop, tags=["retour"])

    triage.change_priority(ticket.pk, to=4, by=agent)
    triage.change_tags(ticket.pk, add=["Colis", "perdu"], remove=["retour"], by=agent)

    ticket.refresh_from_db()
    assert ticket.priority == 4
    assert ticket.tags == ["colis", "perdu"]
    assert len(published(TicketChanged)) == 2


def test_editing_nothing_publishes_nothing(shop, agent):
    ticket = make_ticket(shop, tags=["retour"])

    triage.change_priority(ticket.pk, to=2, by=agent)
    triage.change_tags(ticket.pk, add=["retour"], by=agent)

    assert published(TicketChanged) == []


def test_an_unknown_priority_is_refused(shop, agent):
    with pytest.raises(triage.UnknownPriority):
        triage.change_priority(make_ticket(shop).pk, to=9, by=agent)


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "asleep"},
        {"state": "snoozed"},
        {"state": "solved"},
        {"state": "closed", "solved_at": OPENED_AT},
        {"snoozed_until": OPENED_AT},
        {"priority": 5},
        {"state": "solved", "solved_at": OPENED_AT, "waiting_since": OPENED_AT},
    ],
)
def test_the_database_refuses_what_makes_no_sense(shop, columns):
    ticket = make_ticket(shop)

    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(**columns)


def test_many_are_solved_at_once_and_taken_back(shop, agent):
    tickets = [make_ticket(shop), make_ticket(shop), make_ticket(shop, state="closed")]

    result = bulk.apply([t.pk for t in tickets], action="solve", by=agent)
    solved = Ticket.objects.filter(state="solved").count()
    restored = bulk.undo(result.change_id, by=agent)

    assert (result.changed, result.left_alone, solved, restored) == (2, 1, 2, 2)
    assert sorted(Ticket.objects.values_list("state", flat=True)) == ["closed", "new", "new"]
    assert Ticket.objects.get(pk=tickets[0].pk).waiting_since == OPENED_AT


@pytest.mark.parametrize(
    ("action", "options", "column", "value"),
    [
        ("assign", {"to": None}, "assignee_id", None),
        ("snooze", {"until": now() + timedelta(days=1)}, "state", "snoozed"),
        ("priority", {"priority": 3}, "priority", 3),
        ("tag", {"tag": "Soldes"}, "tags", ["soldes"]),
        ("open", {}, "state", "open"),
    ],
)
def test_every_bulk_action_can_be_undone_exactly(shop, agent, action, options, column, value):
    ticket = make_ticket(shop, assignee=agent)
    before = {field: getattr(ticket, field) for field in bulk.REMEMBERED}

    result = bulk.apply([ticket.pk], action=action, by=agent, **options)
    ticket.refresh_from_db()
    changed = getattr(ticket, column)
    bulk.undo(result.change_id, by=agent)

    ticket.refresh_from_db()
    assert changed == value
    assert {field: getattr(ticket, field) for field in bulk.REMEMBERED} == before


def test_undo_leaves_alone_what_somebody_touched_since(shop, agent, colleague):
    touched, untouched = make_ticket(shop), make_ticket(shop)
    result = bulk.apply([touched.pk, untouched.pk], action="take", by=agent)
    services.assign(touched.pk, to=colleague.pk, by=colleague)

    assert bulk.undo(result.change_id, by=agent) == 1

    touched.refresh_from_db()
    untouched.refresh_from_db()
    assert (touched.assignee, untouched.assignee) == (colleague, None)


def test_undo_has_its_time_its_owner_and_happens_once(shop, agent, colleague):
    tickets = [make_ticket(shop) for _ in range(2)]
    late = bulk.apply([tickets[0].pk], action="take", by=agent)
    once = bulk.apply([tickets[1].pk], action="take", by=agent)

    with pytest.raises(bulk.UndoTooLate):
        bulk.undo(once.change_id, by=colleague)
    with pytest.raises(bulk.UndoTooLate):
        bulk.undo(late.change_id, by=agent, at=now() + BulkChange.UNDO_WINDOW * 2)
    bulk.undo(once.change_id, by=agent)
    with pytest.raises(bulk.UndoTooLate):
        bulk.undo(once.change_id, by=agent)


def test_a_bulk_action_that_changes_nothing_leaves_nothing_to_undo(shop, agent):
    ticket = make_ticket(shop, assignee=agent)

    result = bulk.apply([ticket.pk], action="take", by=agent)

    assert result == bulk.BulkResult(change_id=None, changed=0, left_alone=1)


def test_unknown_actions_and_too_many_tickets_are_refused(shop, agent):
    with pytest.raises(bulk.UnknownAction):
        bulk.apply([make_ticket(shop).pk], action="explode", by=agent)
    with pytest.raises(bulk.TooManyTickets):
        bulk.apply(range(bulk.LIMIT + 1), action="solve", by=agent)


def test_a_bulk_action_takes_no_owner_who_may_not_answer(shop, agent, viewer):
    with pytest.raises(triage.AgentCannotAnswer):
        bulk.apply([make_ticket(shop).pk], action="assign", to=viewer.pk, by=agent)


def test_a_former_owner_without_rights_does_not_stop_an_undo(shop, agent):
    former = AgentFactory()
    ticket = make_ticket(shop, assignee=former)
    result = bulk.apply([ticket.pk], action="take", by=agent)

    bulk.undo(result.change_id, by=agent)

    ticket.refresh_from_db()
    assert ticket.assignee == former
