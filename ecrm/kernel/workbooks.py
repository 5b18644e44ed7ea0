"""Workbooks (XLSX) to take along, written row by row and zipped while they are sent.

Texts are inline strings, which no spreadsheet takes for a formula. Rows are independent of each other, so
that a worker can write some, die, and another go on.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import IO, cast
from xml.sax.saxutils import escape

from ecrm.kernel.money import Money
from ecrm.kernel.spreadsheets import Cell

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FIXED = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="1" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    # Style 1 is a moment.
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts>'
    '<fills count="1"><fill><patternFill/></fill></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf xfId="0"/>'
    '<xf xfId="0" numFmtId="22" applyNumberFormat="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_SHEET = "xl/worksheets/sheet1.xml"
CONTENT_TYPE = f"{_TYPES}.sheet"
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no time zones
_DAY_SECONDS = 86_400
_LONGEST = 32_767


def rows_xml(rows: Iterable[Sequence[Cell]], *, zone: tzinfo) -> str:
    """Rows as the inside of a sheet."""
    return "".join(f"<row>{''.join(_cell(cell, zone) for cell in row)}</row>" for row in rows)


def zipped(rows: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a workbook whose only sheet holds these rows (see rows_xml)."""
    target = _Passage()
    file = cast("IO[bytes]", target)  # all that zipfile asks of a file it only writes to
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _FIXED.items():
            archive.writestr(name, _HEAD + text)
        with archive.open(_SHEET, "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for part in rows:
                sheet.write(part)
                yield target.taken()
            sheet.write(b"</sheetData></worksheet>")
    yield target.taken()


class _Passage:
    """A file that can't be read again: what is written is handed on."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, block: bytes) -> int:
        self._blocks.append(bytes(block))
        return len(block)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> bytes:
        blocks, self._blocks = self._blocks, []
        return b"".join(blocks)


def _cell(cell: Cell, zone: tzinfo) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, int):
        return f"<c><v>{cell}</v></c>"
    if isinstance(cell, Money):
        return f"<c><v>{Decimal(cell.amount):f}</v></c>"
    if isinstance(cell, datetime):
        passed = cell.astimezone(zone).replace(tzinfo=None) - _EPOCH
        days = passed.days + passed.seconds / _DAY_SECONDS
        return f'<c s="1"><v>{days:.6f}</v></c>'
    text = escape("".join(char for char in cell[:_LONGEST] if _is_allowed(char)))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _is_allowed(char: str) -> bool:
    """XML knows no control characters but these, and no halves of characters."""
    return char in "\t\n\r" or (
        char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff"
    )
