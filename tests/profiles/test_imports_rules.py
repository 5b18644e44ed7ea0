"""What single cells mean, and what a table of them tells of how its days are written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from profiles.rules import attributes, imports_cells, imports_guessing, numerals
from profiles.rules.imports import Person, Plan, understand
from profiles.rules.imports_cells import DAY_FIRST, MONTH_FIRST, YEAR_FIRST


@pytest.mark.parametrize(
    ("cell", "order", "day"),
    [
        ("31/12/1984", DAY_FIRST, date(1984, 12, 31)),
        ("12/31/1984", MONTH_FIRST, date(1984, 12, 31)),
        ("31.12.1984 00:00", DAY_FIRST, date(1984, 12, 31)),
        ("1984-12-31", DAY_FIRST, date(1984, 12, 31)),
        ("31.12.1984", YEAR_FIRST, date(1984, 12, 31)),
        ("29 2 1984", DAY_FIRST, date(1984, 2, 29)),
        ("19841231", DAY_FIRST, date(1984, 12, 31)),
        ("31047", DAY_FIRST, date(1984, 12, 31)),
    ],
)
def test_a_day_is_read_however_it_is_written(cell, order, day):
    assert imports_cells.date_of(cell, order) == day


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("29.02.1985", "no_date"),
        ("31.12.84", "no_full_year"),
        ("19841331", "no_date"),
        ("1984", "no_date"),
        ("75001", "no_date"),
        ("yesterday", "no_date"),
    ],
)
def test_what_is_no_day_is_faulty(cell, code):
    with pytest.raises(imports_cells.Fault) as fault:
        imports_cells.date_of(cell, DAY_FIRST)

    assert fault.value.code == code


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ([["05/04/1990"], ["25/04/1990"]], DAY_FIRST),
        ([["05/04/1990"], ["04/25/1990"]], MONTH_FIRST),
        ([["1990-04-25"]], YEAR_FIRST),
        ([["2026-01-31", "25/04/1990"]], DAY_FIRST),
        ([["2026-01-31", "05/04/1990"]], DAY_FIRST),
        ([["06 45 12 34 56", "05/04/1990"]], DAY_FIRST),
        ([["06-12-2345678", "45.33.1990"]], DAY_FIRST),
        ([["04/25/1990"], ["04/26/1990"], ["31/12/1990"]], MONTH_FIRST),
        ([["Ana"]], DAY_FIRST),
    ],
)
def test_a_table_tells_in_which_order_its_days_are_written(rows, order):
    assert imports_guessing.date_order(rows) == order


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12.90", "12.9"),
        ("12,90", "12.9"),
        ("1,234.50", "1234.5"),
        ("1.234,50", "1234.5"),
        ("1'234.50", "1234.5"),
        ("1\u2019234.50", "1234.5"),
        ("1\u202f234,50 €", "1234.5"),
        ("CHF 12.90", "12.9"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("-5", "-5"),
        ("1e3", "1000"),
    ],
)
def test_a_number_is_read_as_people_write_it(text, number):
    assert Decimal(numerals.plain(text)) == Decimal(number)


@pytest.mark.parametrize("text", ["", "a lot", "12 apples", "100F", "1 2 e 3"])
def test_what_is_no_number_stays_none(text):
    with pytest.raises(ArithmeticError):
        Decimal(numerals.plain(text))


def person(**cells):
    """What one row says, of which the columns are named."""
    definition = attributes.Definition("points", attributes.NUMBER)
    plan = Plan(columns=list(cells), shop_id=1, country="FR", custom={"points": definition})
    return understand(1, list(cells.values()), plan)


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "null", "-"])
def test_a_failed_formula_says_nothing(cell):
    found = person(email="ana@mail.fr", first_name=cell)

    assert isinstance(found, Person)
    assert found.details.first_name == ""


@pytest.mark.parametrize(
    ("country", "number", "phone"),
    [
        ("", "06 39 98 12 34", "+33639981234"),
        ("Suisse", "079 123 45 67", "+41791234567"),
        ("DE", "030/123456", "+4930123456"),
        ("Schweiz", "0041 79 123 45 67", "+41791234567"),
        ("", "33639981234.0", "+33639981234"),
        ("", "639981234", "+33639981234"),
    ],
)
def test_a_national_number_is_of_the_country_in_its_row(country, number, phone):
    found = person(phone=number, country=country)

    assert isinstance(found, Person)
    assert [key.value for key in found.keys] == [phone]


def test_points_of_a_german_table_are_no_decimals():
    found = person(**{"email": "ana@mail.fr", "attribute:points": "1.234,50"})

    assert isinstance(found, Person)
    assert found.values == {"points": Decimal("1234.5")}
