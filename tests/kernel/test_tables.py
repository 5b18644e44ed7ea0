"""Tables that people bring: what is read from them, and what is refused."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest

from ecrm.kernel import tables, workbooks
from ecrm.kernel.money import Money

ROWS = [["Name", "Ort"], ["Zoé", "Zürich"], ["Ana", "Genève"]]


def of(body: bytes) -> tuple[tables.Table, list[list[str]]]:
    file = io.BytesIO(body)
    table = tables.look(file)
    return table, list(tables.rows(file, table.layout, width=len(table.header)))


def written(rows, delimiter=",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def book(rows) -> bytes:
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet()
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_every_usual_make_of_csv_is_read(delimiter, encoding):
    table, rows = of(written(ROWS, delimiter).encode(encoding))

    assert (list(table.header), rows) == (ROWS[0], ROWS[1:])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_line_that_names_the_separator_is_believed_and_left_out(encoding):
    body = 'sep=;\r\nName;Notiz\r\nZoé;"a, b, c"\r\nAna;"d, e, f"\r\n'

    table, rows = of(body.encode(encoding))

    assert list(table.header) == ["Name", "Notiz"]
    assert rows == [["Zoé", "a, b, c"], ["Ana", "d, e, f"]]


def test_quoted_cells_keep_separators_and_lines():
    _table, rows = of(b'name,note\nAna,"one, two\nthree"\n')

    assert rows == [["Ana", "one, two\nthree"]]


def test_a_later_byte_beyond_ascii_decides_the_encoding():
    lines = "".join(f"name{n};town\r\n" for n in range(200_000)) + "Zoé;Genève\r\n"

    _table, rows = of(b"a;b\r\n" + lines.encode("cp1252"))

    assert rows[-1] == ["Zoé", "Genève"]


def test_rows_are_made_as_wide_as_the_titles_and_empty_ones_left_out():
    _table, rows = of(b"a,b\n1\n\n,\n1,2,3\n")

    assert rows == [["1", "", ""], ["1", "2", "3"]]


def test_titles_are_made_up_and_told_apart():
    table, _rows = of(b"name,,name,name\n1,2,3,4\n")

    assert list(table.header) == ["name", "Column 2", "name (2)", "name (3)"]


def test_a_table_without_titles_is_one():
    table, rows = of(b"ana@mail.fr\nbea@mail.fr\n")

    assert (list(table.header), len(rows)) == (["Column 1"], 2)


def test_a_workbook_is_read_as_texts():
    day = date(1990, 2, 3)
    moment = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 - workbooks know no zones
    body = book(
        [["a", "b", "c", "d", "e"], [1.0, True, day, moment, None], [1.5, "=1+1", "", 7, ""]]
    )

    _table, rows = of(body)

    assert rows[0] == ["1", "true", "1990-02-03", "2026-01-02 03:04", ""]
    assert rows[1][:1] == ["1.5"]


def test_a_formula_is_read_as_the_value_it_had():
    _table, rows = of(book([["a", "b"], ["x", '=HYPERLINK("http://evil.example")']]))

    assert rows == [["x", ""]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"\n\n , \n", "empty"),
        (b"name,mail\n", "no rows"),
        (b"PK\x03\x04 and nothing more", "damaged"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "password"),
        (bytes(range(256)) * 40, "neither"),
        (",".join(f"c{n}" for n in range(1000)).encode() + b"\n1\n", "columns"),
        (b'name,mail\nAna,"' + b"x" * 200_000, "quotation"),
    ],
)
def test_what_is_no_table_is_refused_in_words(body, words):
    with pytest.raises(tables.UnusableTable) as refusal:
        of(body)

    assert words in refusal.value.message


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def declaring(body: bytes, size: int) -> bytes:
    """The archive, whose directory says that each entry is so large."""
    changed = bytearray(body)
    at = body.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + 24 : at + 28] = size.to_bytes(4, "little")
        at = body.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


@pytest.mark.parametrize(
    "body",
    [
        zipped(**{"xl/worksheets/sheet1.xml": bytes(30 * 1024**2)}),
        declaring(zipped(**{"xl/workbook.xml": b"<x/>"}), 2 * 1024**3),
    ],
    ids=["bomb", "2 GB declared"],
)
def test_archives_are_measured_before_they_are_unpacked(body):
    with pytest.raises(tables.UnusableTable, match="too large"):
        of(body)


def test_a_workbook_with_entities_is_refused():
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    body = io.BytesIO(book([["a"], ["1"]]))
    file = io.BytesIO()
    with zipfile.ZipFile(body) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            is_sheet = entry.filename.endswith("sheet1.xml")
            new.writestr(entry.filename, bomb if is_sheet else old.read(entry.filename))

    with pytest.raises(tables.UnusableTable, match="damaged"):
        of(file.getvalue())


def test_rows_beyond_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 3)

    with pytest.raises(tables.UnusableTable, match="rows"):
        of(b"a,b\n" + b"1,2\n" * 4)


# --- Workbooks to take along ------------------------------------------------------------------------


def test_what_is_written_can_be_read_and_holds_no_formula():
    rows = [
        ["=1+1", "@SUM(A1)", "+33", "plain"],
        [
            "<b>&amp;\x00\x0b",
            7,
            Money(Decimal("12.90"), "EUR"),
            datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        ],
    ]
    parts = [workbooks.rows_xml([row], zone=UTC).encode() for row in rows]

    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(workbooks.zipped(parts)))).worksheets[0]

    first, second = list(sheet.iter_rows())
    assert [(cell.value, cell.data_type) for cell in first] == [
        ("=1+1", "s"),
        ("@SUM(A1)", "s"),
        ("+33", "s"),
        ("plain", "s"),
    ]
    assert [cell.value for cell in second[:3]] == ["<b>&amp;", 7, 12.9]
    assert second[3].value.replace(microsecond=0) == datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001
