"""Tables to take along: CSV which a spreadsheet opens by a double click, and never runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from io import StringIO
from itertools import islice
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse
from django.utils.timezone import get_current_timezone
from django.utils.translation import get_language

from ecrm.kernel.money import Money, minor_units

Kind = TypeVar("Kind", bound=Model)
Row = TypeVar("Row")
Cell = str | int | Money | datetime | None

# A spreadsheet would run what begins with one of these; the wide forms count as the plain ones.
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# Without it Excel takes the file for one in the old code page of the computer.
BYTE_ORDER_MARK = "\ufeff"
# Where a comma stands in numbers, spreadsheets expect the semicolon between cells.
COMMA_LANGUAGES = ("fr", "de")


def csv_response(
    name: str, *, head: Sequence[object], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """The table as a download called `<name>.csv`, sent while the rows are read.

    Language and time zone are those of this moment: when the rows are read, the request has let go
    of them. Rows must therefore be values and no texts still to be translated.
    """
    titles = [str(title) for title in head]
    lines = _lines(titles, rows, has_comma=writes_comma(), zone=get_current_timezone())
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


def writes_comma() -> bool:
    """Whether numbers have a comma in the language of this moment."""
    return (get_language() or "").startswith(COMMA_LANGUAGES)


def csv_text(rows: Iterable[Sequence[Cell]], *, has_comma: bool, zone: tzinfo) -> str:
    """Rows as a part of a table; a file begins with BYTE_ORDER_MARK and its titles."""
    text = StringIO()
    # Every cell is quoted: text with the other separator in it must not become two cells.
    writer = csv.writer(text, delimiter=";" if has_comma else ",", quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([_text(cell, has_comma=has_comma, zone=zone) for cell in row])
    return text.getvalue()


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    is_risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return f"'{text}" if is_risky else text


def batches(rows: QuerySet[Kind, Row], size: int = 500) -> Iterator[list[Row]]:
    """The rows of a long table in lists of this length, never more than one of them in memory."""
    remaining = rows.iterator(chunk_size=size)
    while batch := list(islice(remaining, size)):
        yield batch


def _lines(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], *, has_comma: bool, zone: tzinfo
) -> Iterator[str]:
    yield BYTE_ORDER_MARK + csv_text([head], has_comma=has_comma, zone=zone)
    for row in rows:
        yield csv_text([row], has_comma=has_comma, zone=zone)


def _text(cell: Cell, *, has_comma: bool, zone: tzinfo) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, Money):
        text = f"{cell.amount:.{minor_units(cell.currency)}f}"
        return text.replace(".", ",") if has_comma else text
    return harmless(cell) if isinstance(cell, str) else str(cell)
