"""ISO-2022-JP as mail programs of Windows write it: with characters the standard does not have."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(rb"\x1b(\$\(?[@BD]|\([BJIH])")
_TWO_BYTES: Final = frozenset({b"$@", b"$B"})


def decode(data: bytes) -> str:
    """The text. Each run of JIS X 0208 is read as Shift JIS of Windows, which has circled numbers too."""
    pieces: list[str] = []
    charset, position = b"(B", 0
    for escape in _ESCAPE.finditer(data):
        pieces.append(_run(data[position : escape.start()], charset))
        charset, position = escape.group(1), escape.end()
    pieces.append(_run(data[position:], charset))
    return "".join(pieces)


def _run(data: bytes, charset: bytes) -> str:
    if charset in _TWO_BYTES:
        return _shifted(data).decode("cp932", "replace")
    if charset == b"$(D":
        return (b"\x1b$(D" + data).decode("iso2022_jp_ext", "replace")
    if charset == b"(I":
        return bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in data).decode(  # noqa: PLR2004 - katakana
            "cp932", "replace"
        )
    return data.decode("utf-8", "replace")


def _shifted(data: bytes) -> bytes:
    """Pairs of JIS as pairs of Shift JIS; a line end in between stays what it is."""
    found = bytearray()
    position = 0
    while position < len(data):
        first = data[position]
        second = data[position + 1] if position + 1 < len(data) else 0
        if not (0x21 <= first <= 0x7E and 0x21 <= second <= 0x7E):  # noqa: PLR2004 - the square of JIS
            found.append(first)
            position += 1
            continue
        row = (first - 0x21) // 2 + 0x81
        found.append(row if row <= 0x9F else row + 0x40)  # noqa: PLR2004 - the gap of Shift JIS
        if first % 2:
            found.append(second + (0x1F if second <= 0x5F else 0x20))  # noqa: PLR2004 - leaves 0x7f out
        else:
            found.append(second + 0x7E)
        position += 2
    return bytes(found)
