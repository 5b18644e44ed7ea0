"""Turning the bytes of a mail into text, whatever they claim to be. Nothing here raises."""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from typing import Final

from messaging.mime import japanese

# What mails call a character set, and the superset that their writers really use.
_REAL: Final = {
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "ks_c_5601-1987": "cp949",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "big5": "big5hkscs",
}
_REFUSED: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
"""Codecs that are no character sets of mail, or need more than linear time."""
_WINDOWS: Final = {
    "iso8859-2": "cp1250",
    "iso8859-4": "cp1257",
    "iso8859-5": "cp1251",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-13": "cp1257",
    "iso8859-15": "cp1252",
}
"""What was really written when bytes occur that these sets leave to control characters."""
_SINGLE_BYTES: Final = frozenset({*_WINDOWS, "cp1250", "cp1252", "cp1254", "iso8859-3"})
_CONTROL_BYTES: Final = re.compile(rb"[\x80-\x9f]")
_NUMBERED: Final = re.compile(
    r"(?:x-)?(?:windows|win|cp|ibm|ms|dos)[-_ ]?(?P<page>\d{3,4})|iso[-_ ]?8859[-_ ]?(?P<part>\d{1,2})(?!\d)"
)
_NAMES: Final = {
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "default": "utf-8",
    "8bit": "utf-8",
    "iso-8859-8-i": "iso8859-8",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-mac-roman": "mac_roman",
    "x-mac-ce": "mac_latin2",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-2022-jp-ms": "iso2022_jp",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp50222": "iso2022_jp",
    "x-big5": "big5",
    "gb_2312-80": "gb18030",
    "x-windows-949": "cp949",
    "unicode-1-1-utf-8": "utf-8",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "cp-850": "cp850",
    "ansi": "cp1252",
    "unicode-1-1-utf-7": "utf-7",
    "ks_c_5601": "cp949",
    "ks_c_5601-1987": "cp949",
}
_CONTROLS: Final = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
LONGEST_ENCODED_WORD: Final = 4096
_PADDING: Final = re.compile(rb"={1,2}(?=[\s\-<A-Za-z0-9+/]*[A-Za-z0-9+/<-])")
_PLAIN: Final = re.compile(rb"\s*\n(?=[^\n]*[^A-Za-z0-9+/=\s])[\s\S]*")
_NO_BASE64: Final = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)


def codec_for(charset: str) -> str | None:
    """The codec that reads this character set best, or None when the name is unknown."""
    name = charset.strip().strip("'\"= ").lower()[:60]
    name = _NAMES.get(name, name)
    info = _looked_up(name)
    if info is None and (numbered := _NUMBERED.match(name)):
        page, part = numbered["page"], numbered["part"]
        info = _looked_up(f"cp{page}" if page else f"iso8859-{part}")
    if info is None or info.name in _REFUSED or not info._is_text_encoding:  # noqa: SLF001 - the only way to ask
        return None
    return _REAL.get(info.name, info.name)


def _looked_up(name: str) -> codecs.CodecInfo | None:
    try:
        return codecs.lookup(name)
    except (LookupError, ValueError):
        return None


def decode(data: bytes, charset: str = "", *, fallback: str = "") -> str:
    """The text of the bytes: as declared, else as UTF-8, as the `fallback`, as Windows-1252.

    Escape sequences of ISO 2022 are believed before any name, and UTF-8 before a set of single bytes:
    neither is written by chance.
    """
    declared = codec_for(charset) if charset else None
    if (text := _escaped(data, declared)) is not None:
        return storable(text)
    for codec in _candidates(data, declared, codec_for(fallback) if fallback else None):
        try:
            return storable(data.decode(codec).removeprefix("\ufeff"))
        except (UnicodeError, LookupError, ValueError):
            continue
    if declared is not None and declared not in {"utf-8", "utf-7"}:
        return storable(data.decode(declared, "replace"))
    return storable(data.decode("cp1252", "replace"))


def _escaped(data: bytes, declared: str | None) -> str | None:
    """Text in ISO 2022, when it is."""
    if b"\x1b$" not in data and b"\x1b(" not in data:
        return None
    if b"\x1b$)C" in data[:4096] or (declared or "").startswith("iso2022_kr"):
        codec = "iso2022_kr"
    elif declared in {None, "utf-8", "cp1252"} or (declared or "").startswith("iso2022"):
        return japanese.decode(data)
    else:
        return None
    try:
        return data.decode(codec)
    except UnicodeError:
        return None


def _candidates(data: bytes, declared: str | None, fallback: str | None) -> list[str]:
    found = [declared, "utf-8", fallback]
    if declared in _SINGLE_BYTES:
        real = declared
        if declared in _WINDOWS and _CONTROL_BYTES.search(data):
            real = _WINDOWS[declared]
        found = ["utf-8", real, fallback]
    return list(dict.fromkeys(codec for codec in found if codec))


def storable(text: str) -> str:
    """The text without what a database or a page cannot hold: NUL, controls, lone surrogates."""
    if not text.isprintable():
        text = text.translate(_CONTROLS)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def header_text(value: bytes, fallback: str = "") -> str:
    """A raw header value as text: as UTF-8, else as the mail's own set, else as Windows-1252."""
    return decode(value, fallback=fallback)


def decode_words(text: str) -> str:
    """The text with its encoded words (RFC 2047) decoded, in linear time.

    White space between two encoded words vanishes; what looks like an encoded word and is none stays.
    """
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending: list[tuple[str, bytes]] = []
    position = 0
    while (start := text.find("=?", position)) >= 0:
        word, end = _word_at(text, start)
        if word is None:
            if end < 0:
                break
            _flush(pending, pieces)
            pieces.append(text[position:end])
            position = end
            continue
        between = text[position:start]
        if between.strip() or not pending:
            _flush(pending, pieces)
            pieces.append(between)
        pending.append(word)
        position = end
    _flush(pending, pieces)
    pieces.append(text[position:])
    return storable("".join(pieces))


def _word_at(text: str, start: int) -> tuple[tuple[str, bytes] | None, int]:
    """The encoded word at `start` and where it ends; (None, where to go on), or -1 when none can follow."""
    charset_end = text.find("?", start + 2)
    if charset_end < 0:
        return None, -1
    encoding = text[charset_end + 1 : charset_end + 3].lower()
    if encoding not in {"q?", "b?"} or charset_end - start > 2 + 80:
        return None, start + 2
    data_start = charset_end + 3
    end = text.find("?=", data_start, data_start + LONGEST_ENCODED_WORD)
    if end < 0:
        return None, data_start
    charset = text[start + 2 : charset_end].partition("*")[0]
    data = text[data_start:end].encode("ascii", "ignore")
    return (charset, _decoded(data, encoding[0])), end + 2


def _decoded(data: bytes, encoding: str) -> bytes:
    if encoding == "q":
        return quopri.decodestring(data, header=True)
    return from_base64(data)


def from_base64(data: bytes) -> bytes:
    """The bytes behind sloppy base64, in linear time.

    White space, missing padding and stray characters are forgiven; pieces that were encoded one by one
    are read one by one; what a list or a virus scanner wrote below in plain text stays plain text.
    """
    first = data.find(b"=")
    padding = _PADDING.search(data, first) if first >= 0 else None
    if padding is None:
        return _from_base64(data)
    pieces: list[bytes] = []
    start = 0
    while padding is not None:
        pieces.append(_from_base64(data[start : padding.end()]))
        start = padding.end()
        if (rest := _PLAIN.match(data, start)) is not None:
            pieces.append(rest.group())
            return b"".join(pieces)
        padding = _PADDING.search(data, start)
    pieces.append(_from_base64(data[start:]))
    return b"".join(pieces)


def _from_base64(data: bytes) -> bytes:
    clean = data.translate(None, _NO_BASE64)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    if missing := -len(clean) % 4:
        clean += b"=" * missing
    try:
        return binascii.a2b_base64(clean)
    except (binascii.Error, ValueError):
        return b""


def _flush(pending: list[tuple[str, bytes]], pieces: list[str]) -> None:
    """Decode waiting words; neighbours of one charset together, since some split a character."""
    while pending:
        charset, data = pending.pop(0)
        while pending and pending[0][0].lower() == charset.lower():
            data += pending.pop(0)[1]
        pieces.append(decode(data, charset))
