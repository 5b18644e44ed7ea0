"""The files inside winmail.dat, into which Outlook packs them for other Outlooks ([MS-OXTNEF]).

Only what a reader needs is taken: names, kinds and bytes of the attachments, and the plain text. Whatever
is broken ends the reading; what was found before it stays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from messaging.mime.charsets import decode

TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MOST_FILES: Final = 100
_SIGNATURE: Final = 0x223E9F78
_HEAD: Final = struct.Struct("<BII")

_CODE_PAGE: Final = 0x00069007
_BODY: Final = 0x0002800C
_NEXT_FILE: Final = 0x00069002
_TITLE: Final = 0x00018010
_DATA: Final = 0x0006800F
_FILE_PROPERTIES: Final = 0x00069005
_MESSAGE_PROPERTIES: Final = 0x00069003

_LONG_NAME: Final = 0x3707
_MIME_TYPE: Final = 0x370E
_CONTENT_ID: Final = 0x3712
_PLAIN_BODY: Final = 0x1000
_SIZES: Final = {0x0002: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 4} | dict.fromkeys(
    (0x0005, 0x0006, 0x0007, 0x0014, 0x0040), 8
)
"""Bytes of the property types of fixed length, in whole words of four; a GUID has 16."""
_GUID: Final = 0x0048
_TEXT, _WIDE_TEXT, _OBJECT, _BINARY = 0x001E, 0x001F, 0x000D, 0x0102
_MANY: Final = 0x1000
_NAMED: Final = 0x8000


@dataclass(slots=True)
class TnefFile:
    """One attachment; `name` and `content_type` may be empty."""

    name: str = ""
    content_type: str = ""
    content_id: str = ""
    data: bytes = b""


@dataclass(slots=True)
class Tnef:
    """What was found; `is_whole` unless the reading broke off."""

    text: str = ""
    files: list[TnefFile] = field(default_factory=list)
    is_whole: bool = True


class _Broken(Exception):
    pass


def read(data: bytes) -> Tnef:
    """The files and the text of a winmail.dat. Never raises."""
    found = Tnef()
    charset = "cp1252"
    try:
        for attribute, value in _attributes(data):
            if attribute == _CODE_PAGE and len(value) >= 4:  # noqa: PLR2004 - a number
                charset = f"cp{struct.unpack_from('<I', value)[0]}"
            elif attribute == _BODY:
                found.text = decode(value.rstrip(b"\0"), charset)
            elif attribute == _MESSAGE_PROPERTIES:
                found.text = _texts(value, charset).get(_PLAIN_BODY, found.text)
            elif attribute == _NEXT_FILE and len(found.files) < MOST_FILES:
                found.files.append(TnefFile())
            elif found.files:
                _add(found.files[-1], attribute, value, charset)
    except (_Broken, struct.error):
        found.is_whole = False
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:  # noqa: PLR2004 - signature and key
        raise _Broken
    position = 6
    while position + _HEAD.size <= len(data):
        _level, attribute, length = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        if position + length > len(data):
            raise _Broken
        yield attribute, data[position : position + length]
        position += length + 2
    if position != len(data):
        raise _Broken


def _add(file: TnefFile, attribute: int, value: bytes, charset: str) -> None:
    if attribute == _TITLE:
        file.name = file.name or decode(value.rstrip(b"\0"), charset)
    elif attribute == _DATA:
        file.data = value
    elif attribute == _FILE_PROPERTIES:
        texts = _texts(value, charset)
        file.name = texts.get(_LONG_NAME, "") or file.name
        file.content_type = texts.get(_MIME_TYPE, "").lower()
        file.content_id = texts.get(_CONTENT_ID, "")


def _texts(data: bytes, charset: str) -> dict[int, str]:
    """The text properties of a MAPI property list; reading stops at what is not understood."""
    found: dict[int, str] = {}
    reader = _Reader(data)
    try:
        for _ in range(reader.number()):
            kind, identifier = reader.halves()
            if identifier >= _NAMED:
                reader.skip_name()
            many, kind = bool(kind & _MANY), kind & ~_MANY
            if kind in {_TEXT, _WIDE_TEXT, _OBJECT, _BINARY}:
                values = [reader.sized() for _ in range(reader.number())]
                if values and kind in {_TEXT, _WIDE_TEXT}:
                    wide = kind == _WIDE_TEXT
                    found[identifier] = decode(values[0], "utf-16-le" if wide else charset).rstrip(
                        "\0"
                    )
                continue
            for _ in range(reader.number() if many else 1):
                reader.take(16 if kind == _GUID else _SIZES[kind])
    except (_Broken, KeyError, struct.error):
        return found
    return found


class _Reader:
    """Walks through a property list; `_Broken` where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def take(self, length: int) -> bytes:
        """So many bytes, padded to words of four."""
        piece = self._data[self._position : self._position + length]
        if len(piece) < length:
            raise _Broken
        self._position += length + -length % 4
        return piece

    def number(self) -> int:
        return int(struct.unpack("<I", self.take(4))[0])

    def halves(self) -> tuple[int, int]:
        kind, identifier = struct.unpack("<HH", self.take(4))
        return int(kind), int(identifier)

    def sized(self) -> bytes:
        return self.take(self.number())

    def skip_name(self) -> None:
        """A named property: a GUID, then a number or a name in UTF-16."""
        self.take(16)
        if self.number() == 0:
            self.take(4)
        else:
            self.sized()
