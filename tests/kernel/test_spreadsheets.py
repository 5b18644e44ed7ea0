from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from ecrm.kernel import spreadsheets
from ecrm.kernel.money import Money

ROW = ["Zoé", 3, Money(Decimal("1234.5000"), "EUR"), datetime(2026, 3, 1, 11, 5, tzinfo=UTC), None]


def text_of(*rows, head=("Name",)) -> str:
    response = spreadsheets.csv_response("people", head=head, rows=rows)
    return b"".join(response.streaming_content).decode()


def cells_of(*rows, delimiter=","):
    text = text_of(*rows).removeprefix(spreadsheets.BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))[1:]


def test_a_table_is_a_download_which_nobody_keeps():
    response = spreadsheets.csv_response("people", head=["Name"], rows=[])

    assert response["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "private, no-store"
    assert response.streaming


def test_a_spreadsheet_opens_the_accents():
    assert text_of(["Zoé"]).startswith("\ufeff" + '"Name"\r\n"Zoé"')


def test_values_are_written_as_spreadsheets_read_them():
    with translation.override("en"), timezone.override("Europe/Paris"):
        assert cells_of(ROW) == [["Zoé", "3", "1234.50", "2026-03-01 12:05", ""]]


@pytest.mark.parametrize("language", ["fr", "de", "fr-ch"])
def test_where_numbers_have_a_comma_cells_are_parted_by_semicolons(language):
    with translation.override(language):
        assert cells_of(ROW, delimiter=";")[0][:3] == ["Zoé", "3", "1234,50"]


def test_an_amount_has_as_many_digits_as_its_currency():
    assert cells_of([Money(Decimal("500.0000"), "JPY")]) == [["500"]]
    assert cells_of([Money(Decimal("-5.5"), "EUR")]) == [["-5.50"]]


@pytest.mark.parametrize(
    "text", ["=1+1", "+33639981234", "-1", "@SUM(A1)", "\t=1", "\r\n=1", " =1", "＝1", "＠x"]
)
def test_no_cell_is_run_as_a_formula(text):
    assert cells_of([text]) == [[f"'{text}"]]


def test_a_cell_with_the_other_separator_stays_one_cell():
    assert '"a;=1"' in text_of(["a;=1"])


def test_the_language_of_the_request_holds_although_rows_are_read_later():
    with translation.override("fr"):
        response = spreadsheets.csv_response("people", head=["Name"], rows=[ROW])
    with translation.override("en"):
        assert "1234,50" in b"".join(response.streaming_content).decode()


@pytest.mark.django_db
def test_long_tables_are_read_in_batches():
    from tests.company.factories import ShopFactory

    shops = ShopFactory.create_batch(5)
    rows = type(shops[0]).objects.order_by("pk")

    assert [len(batch) for batch in spreadsheets.batches(rows, 2)] == [2, 2, 1]
