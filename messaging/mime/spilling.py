"""Feeding a mail to the library without its long bodies, so that nothing is held twice.

The library keeps each line as an object and joins them at the end: three times the size of a mail. A run
of lines without a mark of a part (a line that begins with "--") can only be a body once it is longer
than any header of a part; those of the mail itself are fed as a whole. The rest of such a run is set aside,
and one line stands in its place.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from email import policy
from email.message import Message
from email.parser import BytesFeedParser
from typing import Final

PIECE: Final = 64 * 1024
_FED_OF_A_RUN: Final = 5 * PIECE
_MARK: Final = re.compile(rb"(?:\A|[\r\n])--")


class Spilled:
    """The parser, and what was set aside of the mail that it was fed."""

    def __init__(self) -> None:
        self._parser = BytesFeedParser(policy=policy.compat32)
        self._name = secrets.token_hex(16).encode()
        self._place = re.compile(b"ecrm-" + self._name + rb"-(\d+)\r?\n")
        self._aside: list[list[bytes]] = []
        self._run = 0
        self._is_aside = False

    def parsed(self, start: bytes, lines: Iterable[bytes]) -> Message:
        """The library's tree of the mail that has its headers in `start`, and goes on in whole lines."""
        self._parser.feed(start)
        for piece in lines:
            self._take(piece)
        return self._parser.close()

    def restored(self, body: bytes) -> list[bytes]:
        """A body of the tree in pieces, with what was set aside of it."""
        if b"ecrm-" + self._name not in body:
            return [body]
        found: list[bytes] = []
        for position, part in enumerate(self._place.split(body)):
            found += self._aside[int(part)] if position % 2 else [part]
        return found

    def _take(self, piece: bytes) -> None:
        if _MARK.search(piece) is not None:
            self._run, self._is_aside = len(piece), False
            self._parser.feed(piece)
            return
        self._run += len(piece)
        if self._run <= _FED_OF_A_RUN:
            self._parser.feed(piece)
            return
        if not self._is_aside:
            self._is_aside = True
            self._parser.feed(b"ecrm-" + self._name + b"-%d\r\n" % len(self._aside))
            self._aside.append([])
        self._aside[-1].append(piece)


def cut(raw: bytes) -> Iterator[bytes]:
    """A mail in pieces."""
    for start in range(0, len(raw), PIECE):
        yield raw[start : start + PIECE]


def at_line_ends(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end with a line, so that a mark never lies across two of them.

    A line longer than any mark goes on in pieces.
    """
    rest = b""
    for piece in pieces:
        whole = rest + piece
        end = whole.rfind(b"\n") + 1
        if not end and len(whole) > PIECE:
            end = len(whole)
        if end:
            yield whole[:end]
        rest = whole[end:]
    if rest:
        yield rest
