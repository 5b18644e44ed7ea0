from __future__ import annotations

import pickle

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import rules
from profiles.rules import Candidate, Details, Key
from profiles.rules.identity import _dialled_at_home

ANA, BEN = 1, 2


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("Ana.Durand@Example.ORG", "ana.durand@example.org"),
        ("  ana@example.org ", "ana@example.org"),
        ("ａｎａ@example.org", "ana@example.org"),
        ("STRASSE@straße.de", "strasse@strasse.de"),
        ("ana+news@example.org", "ana+news@example.org"),
        ("\u200bana@exam\u00adple.org\ufeff", "ana@example.org"),
        ("1111@example.org", "1111@example.org"),
    ],
)
def test_an_address_has_one_form(raw, value):
    assert rules.normalise_email(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@@example.org",
        "ana example@x.org",
        "<ana@example.org>",
        "ana@example..org",
        "ana@.example.org",
        "null@example.org",
        "a" * 250 + "@example.org",
        "ana@exa\nmple.org",
    ],
)
def test_what_is_no_address_identifies_nobody(raw):
    assert rules.normalise_email(raw) is None


@pytest.mark.parametrize(
    ("raw", "region", "value"),
    [
        ("06 39 98 12 34", "FR", "+33639981234"),
        ("+33 6 39 98 12 34", "CH", "+33639981234"),
        ("0033639981234", "FR", "+33639981234"),
        ("079 123 45 67", "CH", "+41791234567"),
        ("030 123456", "DE", "+4930123456"),
    ],
)
def test_a_number_has_one_form(raw, region, value):
    assert rules.normalise_phone(raw, region=region) == value


@given(
    st.sampled_from(["FR", "CH", "DE", "AT", "BE", "NL", "GB", "IT", "AU", "JP", "KE", "RU", "GG"]),
    st.from_regex(r"(0|00|\+)?[0-9]{2,13}([ .-]{1,2}[0-9]{1,4})?", fullmatch=True),
)
def test_what_is_dialled_at_home_is_read_as_the_library_reads_it(region, raw):
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        number = None
    wanted = (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if number is not None and phonenumbers.is_possible_number(number)
        else None
    )

    assert rules.normalise_phone(raw, region=region) in {wanted, None}
    assert _dialled_at_home(raw, region) in {wanted, None}


def test_a_number_dialled_at_home_needs_no_library():
    assert _dialled_at_home("06 39-98.12 34", "FR") == "+33639981234"
    assert _dialled_at_home("0033639981234", "FR") is None
    assert _dialled_at_home("06 39 98 12 34", None) is None


def test_keys_travel_between_processes():
    key = Key("email", "ana@example.org", None)

    assert pickle.loads(pickle.dumps(key)) == key


@pytest.mark.parametrize(
    "raw", [None, "", "0000000000", "11111111", "0123456789", "12", "abc", "1" * 60, "n/a"]
)
def test_what_is_no_number_identifies_nobody(raw):
    assert rules.normalise_phone(raw, region="FR") is None


@pytest.mark.parametrize(
    "raw",
    [
        *("0", "000", "null", "NULL", " none ", "undefined", "guest", "-1", "x" * 300),
        *("00000000-0000-0000-0000-000000000000", "[object Object]", "", None),
    ],
)
def test_placeholders_identify_nobody(raw):
    assert rules.normalise_opaque(raw) is None


@pytest.mark.parametrize(
    "raw", ["1", "11", "42", "1111", "22222", "88123", "gid://shopify/Customer/1", "A-7"]
)
def test_real_ids_pass(raw):
    assert rules.normalise_opaque(raw) == raw


@given(st.text(max_size=300))
def test_normal_forms_are_stable(text):
    for normalise in (rules.normalise_email, rules.normalise_opaque):
        value = normalise(text)
        assert value is None or normalise(value) == value
    phone = rules.normalise_phone(text, region="FR")
    assert phone is None or rules.normalise_phone(phone, region="DE") == phone


@pytest.mark.parametrize(
    ("raw", "value"),
    [("fr_CH.UTF-8", "fr-CH"), ("de", "de"), ("EN-gb", "en-GB"), ("", ""), ("??", ""), ("C", "")],
)
def test_locales_have_one_form(raw, value):
    assert rules.normalise_locale(raw) == value


def test_the_strongest_identifier_decides():
    by_id, by_email = Key("customer_id", "7", 1), Key("email", "a@b.c")
    found = {by_id: Candidate(ANA, True), by_email: Candidate(BEN, True)}

    assert rules.choose([by_email, by_id], found) == ANA
    assert rules.contested([by_email, by_id], found, profile_id=ANA) == [by_email]


def test_a_shared_telephone_does_not_make_two_people_one():
    email, phone = Key("email", "ben@b.c"), Key("phone", "+33639981234")
    found = {phone: Candidate(ANA, True)}

    assert rules.choose([email, phone], found) is None


def test_a_telephone_leads_to_a_caller_who_names_nobody_else():
    phone = Key("phone", "+33639981234")

    assert rules.choose([phone], {phone: Candidate(ANA, True)}) == ANA


def test_an_address_joins_the_caller_known_only_by_his_telephone():
    email, phone = Key("email", "ana@b.c"), Key("phone", "+33639981234")

    assert rules.choose([email, phone], {phone: Candidate(ANA, False)}) == ANA


def test_gaps_are_filled_and_only_the_own_account_corrects():
    known = Details(first_name="Ana", last_name="", country="FR")
    told = Details(first_name="Anna", last_name="Durand", country="")

    filled = rules.merged_details(known, told, is_authoritative=False)
    corrected = rules.merged_details(known, told, is_authoritative=True)

    assert (filled.first_name, filled.last_name, filled.country) == ("Ana", "Durand", "FR")
    assert (corrected.first_name, corrected.last_name, corrected.country) == (
        "Anna",
        "Durand",
        "FR",
    )
