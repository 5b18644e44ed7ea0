"""Pure decisions: states, threading words, snoozes."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contacts import rules
from contacts.models import Ticket

PARIS = ZoneInfo("Europe/Paris")


def test_every_state_has_its_moves():
    assert set(rules.MOVES) == set(Ticket.State.values)
    assert set().union(*rules.MOVES.values()) <= set(Ticket.State.values)
    assert set(rules.UNFINISHED) | set(rules.FINISHED) == set(Ticket.State.values)


def test_a_closed_ticket_never_moves_again():
    assert not any(rules.may_move("closed", state) for state in Ticket.State.values)


def test_every_state_but_closed_leads_to_solved_or_is_solved():
    assert all(
        rules.may_move(state, "solved") or state == "solved"
        for state in Ticket.State.values
        if state != "closed"
    )


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("new", "new"),
        ("open", "open"),
        ("waiting", "open"),
        ("snoozed", "open"),
        ("solved", "open"),
    ],
)
def test_a_word_of_the_customer_makes_the_ticket_ours(state, after):
    assert rules.state_after_customer(state) == after


@pytest.mark.parametrize(
    ("about", "ticket", "order"),
    [
        ("ticket:12", 12, None),
        ("order:7", None, 7),
        ("ticket:", None, None),
        ("ticket:12x", None, None),
        ("ticket:²", None, None),
        ("", None, None),
        ("tickets:12", None, None),
    ],
)
def test_what_a_message_is_about(about, ticket, order):
    assert rules.ticket_named_in(about) == ticket
    assert rules.order_named_in(about) == order


@pytest.mark.parametrize(
    ("subject", "bare"),
    [
        ("Re: RE: Aw: Commande", "Commande"),
        ("TR : Fwd: Commande", "Commande"),
        ("Re[2]: Commande", "Commande"),
        ("Commande\r\n folded", "Commande folded"),
        ("Reparatur", "Reparatur"),
        ("Re:", ""),
    ],
)
def test_reply_prefixes_are_taken_off(subject, bare):
    assert rules.bare_subject(subject) == bare


@given(st.text(max_size=80))
def test_an_answer_has_one_prefix_however_often_it_is_answered(subject):
    once = rules.reply_subject(subject)

    assert rules.reply_subject(once) == once
    assert "\n" not in once
    assert "\r" not in once


@example(["root", "answered", *"abcdefghijkl"], "answered")
@given(st.lists(st.text("ab<>", max_size=3), max_size=60), st.text("c<>", min_size=1, max_size=3))
def test_references_stay_short_unique_and_keep_first_and_last(references, newest):
    chain = rules.reference_chain(references, newest, limit=10)

    assert len(chain) <= 10
    assert len(set(chain)) == len(chain)
    assert newest in chain
    assert not references or not references[0] or chain[0] == references[0]


def test_the_quoted_part_is_what_stands_below_the_visible_text():
    assert rules.quoted_part("Merci !\n\n> Bonjour", "Merci !") == "> Bonjour"
    assert rules.quoted_part("> above\nMerci !", "Merci !") == ""
    assert rules.quoted_part("all of it", "all of it") == ""
    assert rules.quoted_part("whatever", "") == ""


@given(st.text(max_size=400))
def test_a_snippet_is_one_short_line(text):
    line = rules.snippet(text)

    assert len(line) <= 140
    assert line == " ".join(line.split())


def test_tags_are_tidied_and_kept_once():
    assert rules.clean_tags([" Retour ", "retour", "", "Colis  perdu"]) == ["retour", "colis perdu"]


@pytest.mark.parametrize(
    ("display", "names"),
    [
        ("Claire Dubois", ("Claire", "Dubois")),
        ("Dubois, Claire", ("Claire", "Dubois")),
        ('"Claire"', ("Claire", "")),
        ("claire@example.org", ("", "")),
        ("", ("", "")),
        ("Anna von der Heide", ("Anna", "von der Heide")),
    ],
)
def test_names_come_from_the_display_name(display, names):
    assert rules.names_from(display) == names


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("fr-CH", "fr"),
        ("de_DE", "de"),
        ("it", "fr"),
        ("", "fr"),
        ("en-GB", "en-GB"),
        ("en", "en-GB"),
    ],
)
def test_the_language_is_the_closest_the_shop_speaks(locale, language):
    assert rules.language_for(locale, ["fr", "de", "en-GB"], default="fr") == language


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("later", datetime(2026, 11, 6, 20, 30, tzinfo=PARIS)),
        ("tomorrow", datetime(2026, 11, 7, 9, 0, tzinfo=PARIS)),
        ("monday", datetime(2026, 11, 9, 9, 0, tzinfo=PARIS)),
        ("week", datetime(2026, 11, 13, 9, 0, tzinfo=PARIS)),
    ],
)
def test_ready_snoozes_mean_a_moment_of_the_shops_clock(choice, expected):
    friday = datetime(2026, 11, 6, 17, 30, tzinfo=PARIS)

    assert rules.snooze_until(choice, friday) == expected


@pytest.mark.parametrize("choice", rules.SNOOZES)
def test_a_snooze_lies_in_the_future_on_every_hour_of_two_weeks(choice):
    for hour in range(24 * 14):
        at = datetime(2026, 10, 20 + hour // 24 % 11, hour % 24, 59, tzinfo=PARIS)
        assert rules.snooze_until(choice, at) > at


def test_an_address_to_which_no_mail_can_go_is_no_address():
    assert rules.usable_address(" claire@example.org ") == "claire@example.org"
    assert rules.usable_address("nobody") == ""
    assert rules.usable_address("a" * 300 + "@example.org") == ""
