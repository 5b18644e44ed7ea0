"""Tables that people bring: CSV of any usual make, and workbooks (XLSX), read a row at a time.

Nothing is believed: sizes are counted before anything is unpacked, rows, columns and cells have limits, and
formulas are read as the values they had.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from typing import IO, Any

from django.utils.translation import gettext as _

from ecrm.kernel.errors import DomainError

MOST_COLUMNS = 200
MOST_ROWS = 1_000_000
LONGEST_CELL = 10_000
SAMPLE_ROWS = 200
MOST_UNPACKED = 2 * 1024**3
MOST_SHARED = 256 * 1024**2
MOST_PACKED_TIMES = 200
_PROBE_BYTES = 1024 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_CONTROLS = bytes(range(9))  # what no text holds
_SAID = re.compile(r"\ufeff?sep=([,;|\t])\s*", re.IGNORECASE)
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


class UnusableTable(DomainError):
    """The file is no table we can read, or too large."""

    code = "unusable_table"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a file is to be read; `encoding` and `delimiter` only of CSV."""

    kind: str
    encoding: str = ""
    delimiter: str = ""
    has_header: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What a first look at a file shows; `expected` is about how many rows it has, 0 when unknown."""

    layout: Layout
    header: Sequence[str]
    samples: Sequence[Sequence[str]]
    expected: int


def look(file: IO[bytes]) -> Table:
    """How the file is to be read, its titles and first rows. Raises UnusableTable."""
    layout = _layout(file)
    first = list(islice(_lines(file, layout), SAMPLE_ROWS + 1))
    filled = [row for row in first if any(row)]
    if not filled:
        raise UnusableTable(_("The file is empty."))
    width = max(len(row) for row in filled)
    _require_width(width)
    has_header = not any("@" in cell for cell in filled[0])
    layout = Layout(
        kind=layout.kind,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        has_header=has_header,
    )
    samples = filled[1:] if has_header else filled
    if not samples:
        raise UnusableTable(_("The file has titles but no rows under them."))
    header = _titles(filled[0] if has_header else [], width)
    return Table(
        layout=layout,
        header=header,
        samples=[_fitted(row, width) for row in samples],
        expected=_expected(file, layout, len(samples)),
    )


def rows(file: IO[bytes], layout: Layout, *, width: int) -> Iterator[list[str]]:
    """Each row under the titles as texts, all as wide as the titles; empty ones are left out.

    A date is written as ISO does. Raises UnusableTable when the file can't be read any further.
    """
    lines = _lines(file, layout)
    found = (_fitted(row, width) for row in lines if any(row))
    if layout.has_header:
        next(found, None)
    for number, row in enumerate(found, start=1):
        if number > MOST_ROWS:
            raise UnusableTable(_("The file has more than 1,000,000 rows."))
        yield row


def _expected(file: IO[bytes], layout: Layout, seen: int) -> int:
    """About how many rows there are, from the size of the first ones."""
    if seen < SAMPLE_ROWS:
        return seen
    if layout.kind == "xlsx":
        return 0
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(_PROBE_BYTES)
    lines = start.count(b"\n") or start.count(b"\r")
    return min(MOST_ROWS, lines * size // max(1, len(start)))


def _fitted(row: Sequence[str], width: int) -> list[str]:
    cells = [cell[: LONGEST_CELL + 1] for cell in row[:width]]
    return cells + [""] * (width - len(cells))


def _titles(first: Sequence[str], width: int) -> list[str]:
    """A title for each column; what stands there twice gets a number."""
    found: list[str] = []
    for number in range(width):
        text = " ".join(first[number].split())[:180] if number < len(first) else ""
        title = text or _("Column %(number)s") % {"number": number + 1}
        copies = sum(1 for known in found if known == title or known.startswith(f"{title} ("))
        found.append(f"{title} ({copies + 1})" if copies else title)
    return found


def _require_width(width: int) -> None:
    if width > MOST_COLUMNS:
        text = _(
            "The table has more than %(number)s columns. Please take out those you don't need."
        )
        raise UnusableTable(text % {"number": MOST_COLUMNS})


def _layout(file: IO[bytes]) -> Layout:
    file.seek(0)
    start = file.read(8)
    if start.startswith(_ZIP):
        _require_harmless(file)
        return Layout(kind="xlsx")
    if start.startswith(_OLD_EXCEL):
        raise UnusableTable(
            _(
                "This workbook is protected by a password, or of an old kind. Save it as XLSX or CSV."
            )
        )
    if not start:
        raise UnusableTable(_("The file is empty."))
    encoding = _encoding(file)
    return Layout(kind="csv", encoding=encoding, delimiter=_delimiter(file, encoding))


def _lines(file: IO[bytes], layout: Layout) -> Iterator[list[str]]:
    file.seek(0)
    return _workbook_lines(file) if layout.kind == "xlsx" else _csv_lines(file, layout)


# --- CSV ------------------------------------------------------------------------------------------


def _encoding(file: IO[bytes]) -> str:
    """What the bytes are written in: a mark at the beginning says it, else the first that fits all."""
    file.seek(0)
    start = file.read(_PROBE_BYTES)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if max(even, odd) > len(start) // 4:
        return "utf-16-be" if even > odd else "utf-16-le"
    if len(start) - len(start.translate(None, _CONTROLS)) > max(10, len(start) // 100):
        raise UnusableTable(_("This is neither a table (CSV) nor a workbook (XLSX)."))
    return "utf-8" if _is_utf8(file) else "cp1252"


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(_PROBE_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(file: IO[bytes], encoding: str) -> str:
    """The one of the usual separators that gives the widest table with rows of one width.

    Some programs name it in a line above the titles: `sep=;`.
    """
    file.seek(0)
    text = file.read(64 * 1024).decode(encoding, errors="replace")
    lines = text.splitlines(keepends=True)
    if lines and (said := _SAID.fullmatch(lines[0])):
        return said.group(1)
    return max(_DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    try:
        widths = [len(row) for row in islice(csv.reader(lines, delimiter=delimiter), 50) if row]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] == 1:
        return 0.0, 0
    even = sum(1 for width in widths if width == widths[0]) / len(widths)
    return round(even, 1), widths[0]


def _csv_lines(file: IO[bytes], layout: Layout) -> Iterator[list[str]]:
    bytes_ = io.BufferedReader(_Kept(file), _PROBE_BYTES)
    text = io.TextIOWrapper(bytes_, layout.encoding, errors="replace", newline="")
    reader = csv.reader(_without_marks(text), delimiter=layout.delimiter)
    try:
        for row in reader:
            _require_width(len(row) if any(row) else 0)
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        said = {"number": reader.line_num}
        raise UnusableTable(
            _("Near line %(number)s a quotation mark is opened and not closed.") % said
        ) from error


def _without_marks(lines: Iterable[str]) -> Iterator[str]:
    """Without the mark that UTF-16 keeps on the first line, and without a line that says the separator."""
    found = iter(lines)
    first = next(found, "")
    if not _SAID.fullmatch(first):
        yield first.removeprefix("\ufeff")
    yield from found


class _Kept(io.RawIOBase):
    """A view of a file which leaves it open when it is dropped."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


# --- Workbooks ------------------------------------------------------------------------------------


def _require_harmless(file: IO[bytes]) -> None:
    """Refuse what would not fit when it is unpacked; zipfile stops at the declared sizes."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnusableTable(_("The workbook is damaged.")) from error
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    shared = max((e.file_size for e in entries if "sharedStrings" in e.filename), default=0)
    is_bomb = unpacked > 10 * 1024**2 and unpacked > packed * MOST_PACKED_TIMES
    if unpacked > MOST_UNPACKED or shared > MOST_SHARED or is_bomb:
        raise UnusableTable(_("The workbook is too large when it is unpacked. Save it as CSV."))


def _workbook_lines(file: IO[bytes]) -> Iterator[list[str]]:
    import openpyxl  # noqa: PLC0415 - it loads numpy, which no page needs

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations which do not concern us
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what they claim is not always true
        for row in sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1):
            cells = [_said(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            _require_width(len(cells))
            yield cells
    except _DAMAGED as error:
        raise UnusableTable(_("The workbook is damaged.")) from error


# What a broken archive, broken XML and forbidden entities make of openpyxl.
_DAMAGED = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    SyntaxError,
    NotImplementedError,
)


def _said(cell: Any) -> str:
    """A cell as somebody would have typed it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).strip()
