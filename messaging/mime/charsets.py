"""Turning the bytes of a mail into text, whatever they claim to be. Nothing here raises."""

from __future__ import annotations

import binascii
import codecs
import quopri
from typing import Final

# What mails call a character set, and the superset that their writers really use.
_REAL: Final = {
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "ks_c_5601-1987": "cp949",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
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
_NAMES: Final = {
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "default": "utf-8",
    "8bit": "utf-8",
    "iso-8859-8-i": "iso8859-8",
    "x-sjis": "cp932",
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


def codec_for(charset: str) -> str | None:
    """The codec that reads this character set best, or None when the name is unknown."""
    name = charset.strip().strip("'\"").lower()[:60]
    name = _NAMES.get(name, name)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if info.name in _REFUSED or not info._is_text_encoding:  # noqa: SLF001 - the only way to ask
        return None
    return _REAL.get(info.name, info.name)


def decode(data: bytes, charset: str = "") -> str:
    """The text of the bytes: as declared, else as UTF-8, else as Windows-1252 with replacements."""
    declared = codec_for(charset) if charset else None
    for codec in dict.fromkeys((declared, "utf-8")):
        if codec is None:
            continue
        try:
            return storable(data.decode(codec))
        except (UnicodeError, LookupError, ValueError):
            continue
    if declared is not None and declared not in {"utf-8", "utf-7"}:
        return storable(data.decode(declared, "replace"))
    return storable(data.decode("cp1252", "replace"))


def storable(text: str) -> str:
    """The text without what a database or a page cannot hold: NUL, controls, lone surrogates."""
    if not text.isprintable():
        text = text.translate(_CONTROLS)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def header_text(value: bytes) -> str:
    """A raw header value as text: bytes beyond ASCII are read as UTF-8, else as Windows-1252."""
    return decode(value)


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
    """The bytes behind sloppy base64: white space, missing padding and stray characters are forgiven."""
    clean = data.translate(None, b"\r\n\t =")
    try:
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
    except (binascii.Error, ValueError):
        cut = clean[: len(clean) - len(clean) % 4 if len(clean) % 4 == 1 else len(clean)]
        try:
            return binascii.a2b_base64(cut + b"=" * (-len(cut) % 4))
        except (binascii.Error, ValueError):
            return b""


def _flush(pending: list[tuple[str, bytes]], pieces: list[str]) -> None:
    """Decode waiting words; neighbours of one charset together, since some split a character."""
    while pending:
        charset, data = pending.pop(0)
        while pending and pending[0][0].lower() == charset.lower():
            data += pending.pop(0)[1]
        pieces.append(decode(data, charset))
