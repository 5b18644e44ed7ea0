"""Segments, words that order, and quiet hours of SMS."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.rules import keywords, quiet_hours
from messaging.rules.segments import is_plain, segments, thrifty

PLAIN = st.text(
    alphabet="@£$¥èéùìòÇ\nØøΔ_ΦΩÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà^{}\\[~]|€",
    max_size=700,
)
ANY = st.text(max_size=400)


def weight(text: str, alphabet: str) -> int:
    if alphabet == "UCS-2":
        return len(text.encode("utf-16-be", "surrogatepass")) // 2
    return sum(2 if letter in "^{}\\[~]|€\f" else 1 for letter in text)


@given(st.one_of(PLAIN, ANY))
def test_the_segments_are_the_text_none_is_too_long_and_none_too_many(text):
    cut = segments(text)

    alone, of_many = (160, 153) if cut.alphabet == "GSM-7" else (70, 67)
    weights = [weight(part, cut.alphabet) for part in cut.parts]
    assert "".join(cut.parts) == text
    assert cut.units == sum(weights) == weight(text, cut.alphabet)
    assert max(weights) <= (alone if cut.count == 1 else of_many)
    assert cut.count == 1 or cut.units > alone
    # A character of two units may leave one unit of a segment empty, never more.
    assert cut.count <= max(1, ceil(cut.units / (of_many - 1)))
    assert cut.room >= 0


@given(PLAIN)
def test_what_the_seven_bit_alphabet_knows_is_counted_in_septets(text):
    assert is_plain(text)
    assert segments(text).alphabet == "GSM-7"


@given(st.text(alphabet="😀a", min_size=60, max_size=200))
def test_a_surrogate_pair_is_never_split(text):
    for part in segments(text).parts:
        part.encode("utf-16-be")  # half a pair could not be encoded


@pytest.mark.parametrize(
    ("text", "alphabet", "count"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("€" * 153, "GSM-7", 3),  # 76 in each: an escape never stands alone
        ("ê" * 70, "UCS-2", 1),
        ("ê" * 71, "UCS-2", 2),
        ("ê" * 134, "UCS-2", 2),
        ("ê" * 135, "UCS-2", 3),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("😀" * 67, "UCS-2", 3),  # 33 in each
    ],
)
def test_messages_are_counted_as_they_are_paid(text, alphabet, count):
    cut = segments(text)

    assert (cut.alphabet, cut.count) == (alphabet, count)


@given(ANY)
def test_substitution_never_costs_a_segment(text):
    assert segments(thrifty(text)).count <= segments(text).count


def test_typography_that_doubles_the_price_is_made_plain():
    text = "L’offre « spéciale » – jusqu’à dimanche… " + "a" * 60

    assert thrifty(text) == "L'offre \"spéciale\" - jusqu'à dimanche... " + "a" * 60


def test_typography_that_costs_nothing_stays():
    assert thrifty("L’offre – jusqu’à samedi…") == "L’offre – jusqu’à samedi…"


def test_typography_stays_where_a_letter_needs_the_large_alphabet_anyway():
    text = "Fête – " + "a" * 80

    assert thrifty(text) == text


def test_an_accent_in_two_pieces_becomes_one():
    assert thrifty("e\u0301te\u0301") == "été"


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "ARRET",
        "ARRÊT",
        "arre\u0302t",
        "Arrêt !",
        "S T O P",
        "STOPP",
        "STOP 36111",
        "stop sms svp",
        "Stop, merci",
        "“STOP”",
        "stop\u200b",
        "STOP START",
        "désinscription",
        "ＳＴＯＰ",
    ],
)
def test_a_customer_who_wants_no_more_is_understood(text):
    assert keywords.order_of(text) == "stop"


@pytest.mark.parametrize("text", ["START", "start", "Unstop", "Reprise svp", "s t a r t"])
def test_a_customer_who_wants_them_again_is_understood(text):
    assert keywords.order_of(text) == "start"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bonjour",
        "Stop, je me suis trompée de taille",
        "Où est l'arrêt de bus ?",
        "36111",
        "merci",
    ],
)
def test_an_ordinary_message_orders_nothing(text):
    assert keywords.order_of(text) == ""


@given(ANY)
def test_no_text_breaks_the_reading_of_orders(text):
    assert keywords.order_of(text) in {"", "stop", "start"}


def paris(at: str, market: str = "FR") -> str:
    opens = quiet_hours.opening(
        datetime.fromisoformat(at).replace(tzinfo=UTC), zone="Europe/Paris", market=market
    )
    return opens.strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("at", "opens", "why"),
    [
        ("2026-11-24T10:00", "2026-11-24T10:00", "a Tuesday at 11 in Paris"),
        ("2026-11-24T21:00", "2026-11-25T07:00", "22:00 in Paris"),
        ("2026-11-24T20:59", "2026-11-24T20:59", "21:59 in Paris"),
        ("2026-11-24T06:59", "2026-11-24T07:00", "7:59 in Paris"),
        ("2026-11-24T07:00", "2026-11-24T07:00", "8:00 in Paris"),
        ("2026-11-21T21:30", "2026-11-23T07:00", "a Saturday night: on Monday"),
        ("2026-11-22T12:00", "2026-11-23T07:00", "a Sunday"),
        ("2026-11-11T12:00", "2026-11-12T07:00", "Armistice Day"),
        ("2027-03-27T21:30", "2027-03-30T06:00", "Easter: Sunday, Monday, and the clocks change"),
        ("2027-05-06T10:00", "2027-05-07T06:00", "Ascension Day"),
    ],
)
def test_marketing_waits_for_the_morning_of_a_working_day(at, opens, why):
    assert paris(at) == opens, why


def test_the_holidays_are_those_of_the_market():
    assert paris("2026-10-03T10:00", "DE") == "2026-10-05T06:00"  # Saturday, the day of unity
    assert paris("2026-10-03T10:00", "FR") == "2026-10-03T10:00"
    assert paris("2026-12-25T12:00", "JP") == "2026-12-26T07:00"


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1818, (3, 22)),
        (1954, (4, 18)),
        (2000, (4, 23)),
        (2026, (4, 5)),
        (2027, (3, 28)),
        (2038, (4, 25)),
    ],
)
def test_easter_is_where_the_almanac_has_it(year, day):
    assert quiet_hours.easter(year) == date(year, *day)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["FR", "DE", "PT", "US"]),
    st.sampled_from(["Europe/Paris", "Europe/Lisbon", "America/New_York", "Asia/Tokyo"]),
)
def test_the_opening_is_open_and_never_in_the_past(at, market, zone):
    opens = quiet_hours.opening(at, zone=zone, market=market)

    assert opens >= at
    assert quiet_hours.opening(opens, zone=zone, market=market) == opens
