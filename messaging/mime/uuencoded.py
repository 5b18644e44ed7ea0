"""Files that old programs write into the text itself: `begin 644 name`, lines of uuencode, `end`."""

from __future__ import annotations

import binascii
import re
from typing import Final

_BEGIN: Final = re.compile(r"begin [0-7]{3,4} (\S.{0,250})\Z")


def decode(data: bytes) -> bytes:
    """What can be decoded of uuencoded lines."""
    pieces: list[bytes] = []
    for line in data.splitlines():
        if line.startswith(b"begin "):
            pieces.clear()
            continue
        if line.strip() in {b"end", b"`", b""}:
            continue
        try:
            pieces.append(_line(line))
        except binascii.Error:
            continue
    return b"".join(pieces)


def cut_out(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text without the files written into it, and each file's name and bytes.

    Only what is whole counts as a file: a sentence that begins with "begin" stays text.
    """
    if "\nbegin " not in f"\n{text}":
        return text, []
    lines, kept, files = text.split("\n"), [], []
    position = 0
    while position < len(lines):
        found = _file_at(lines, position)
        if found is None:
            kept.append(lines[position])
            position += 1
            continue
        name, data, position = found
        files.append((name, data))
    return "\n".join(kept), files


def _file_at(lines: list[str], start: int) -> tuple[str, bytes, int] | None:
    """The file that begins at this line, and the line behind its end; None when none does."""
    begin = _BEGIN.match(lines[start].rstrip())
    if begin is None:
        return None
    pieces: list[bytes] = []
    for position in range(start + 1, len(lines)):
        line = lines[position].rstrip("\r")
        if line.strip() == "end":
            return (begin[1].strip(), b"".join(pieces), position + 1) if pieces else None
        if line.strip() in {"", "`"}:
            continue
        try:
            pieces.append(_line(line.encode("ascii")))
        except (binascii.Error, UnicodeEncodeError):
            return None
    return None


def _line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders write a wrong length; the bytes that it asks for are there.
        return binascii.a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3])
