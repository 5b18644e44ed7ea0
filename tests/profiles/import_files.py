"""Files for the tests of imports, made where they are needed, and the way from a file to customers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from threading import Event
from typing import Any

import openpyxl

from profiles.models import Import
from profiles.services import imports, imports_working

OPTIONS = {"known": "complete", "date_order": "dmy", "country": "FR"}


def csv_bytes(
    rows: Sequence[Sequence[Any]], *, delimiter: str = ",", encoding: str = "utf-8"
) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_bytes(rows: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def receive(shop: Any, body: bytes, *, name: str = "people.csv", by: Any = None) -> Import:
    return imports.receive_import(
        name, file=io.BytesIO(body), size=len(body), shop_id=shop.pk, by=by
    )


def checked(shop: Any, rows: Sequence[Sequence[Any]], **options: Any) -> Import:
    """The table, with its columns as they were guessed, after the check."""
    segment = options.pop("segment", None)
    row = receive(shop, csv_bytes(rows))
    columns = options.pop("columns", row.options["guessed"])
    imports.prepare_import(
        row.pk,
        columns=columns,
        options=OPTIONS | options,
        segment_id=segment.pk if segment else None,
        by=None,
    )
    work_off()
    return Import.objects.get(pk=row.pk)


def imported(shop: Any, rows: Sequence[Sequence[Any]], **options: Any) -> Import:
    """The table after the import."""
    row = checked(shop, rows, **options)
    imports.start_import(row.pk, by=None)
    work_off()
    return Import.objects.get(pk=row.pk)


def work_off() -> None:
    while imports_working.work(Event()):
        pass


def stopped(*, after: int = 0) -> Event:
    """An event that says stop after so many looks at it."""

    class Soon(Event):
        looks = 0

        def is_set(self) -> bool:
            self.looks += 1
            return self.looks > after

    return Soon()
