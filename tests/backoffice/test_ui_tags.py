from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from ecrm.kernel.money import Money
from ecrm.kernel.templatetags import ecrm_ui


def rendered(source: str, **context: object) -> str:
    return Template("{% load ecrm_ui %}" + source).render(Context(context))


def test_an_icon_is_silent_unless_it_has_a_label():
    silent = rendered('{% icon "inbox" %}')
    speaking = rendered('{% icon "inbox" label=label %}', label="New <b>")

    assert 'aria-hidden="true"' in silent
    assert "#inbox" in silent
    assert 'aria-label="New &lt;b&gt;"' in speaking


def test_an_icon_which_the_sprite_lacks_does_not_pass_unnoticed():
    with pytest.warns(UserWarning, match="no-such-icon"):
        ecrm_ui.icon("no-such-icon")


@pytest.mark.parametrize(
    ("language", "text"), [("fr", "1 234,50 €"), ("en", "€1,234.50"), ("de", "1.234,50 €")]
)
def test_money_is_shown_in_the_readers_locale(language, text):
    with translation.override(language):
        shown = rendered("{{ amount|money }}", amount=Money(Decimal("1234.50"), "EUR"))

    assert shown.replace("\u202f", " ").replace("\xa0", " ") == text


def test_a_number_with_its_currency_is_money_too():
    with translation.override("en"):
        assert ecrm_ui.money(Decimal("9.9"), "CHF") == "CHF\xa09.90"


def test_nothing_is_shown_for_nothing():
    for show in (ecrm_ui.money, ecrm_ui.number, ecrm_ui.ago, ecrm_ui.exact, ecrm_ui.day):
        assert show(None) == ""


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=5), "now"),
        (timedelta(minutes=3, seconds=20), "3m ago"),
        (timedelta(hours=5), "5h ago"),
    ],
)
def test_times_are_relative_with_the_exact_one_on_hover(age, text):
    moment = timezone.now() - age

    with translation.override("en"):
        shown = str(ecrm_ui.ago(moment))

    assert f">{text}</time>" in shown
    assert ecrm_ui.exact(moment) in shown


def test_a_short_french_time_does_not_look_like_a_negative_number():
    with translation.override("fr"):
        assert "il y a 5\xa0h" in str(ecrm_ui.ago(timezone.now() - timedelta(hours=5)))


def test_older_times_are_days_and_older_years_are_named():
    with translation.override("fr"):
        assert ecrm_ui.day(datetime(2019, 3, 5, 12, tzinfo=UTC)) == "5 mars 2019"
        assert "2019" in str(ecrm_ui.ago(date(2019, 3, 5)))


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Camille Roux", "CR"), ("Anaïs", "A"), ("", "?"), (None, "?"), ("camille@lune.example", "CL"),
     ("Jean-Luc de la Tour", "JT")],
)  # fmt: skip
def test_initials_stand_for_a_person(name, letters):
    assert ecrm_ui.initials(name) == letters


def test_a_name_always_has_the_same_colour():
    hues = {ecrm_ui.hue(f"Name {n}") for n in range(200)}

    assert ecrm_ui.hue("Camille") == ecrm_ui.hue("Camille")
    assert hues == set(range(1, ecrm_ui.HUES + 1))
