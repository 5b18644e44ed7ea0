"""How much of a mail is looked at, so that no mail can stall the one who reads it."""

from __future__ import annotations

from typing import Final

MEBIBYTE: Final = 1024 * 1024

MESSAGE: Final = 35 * MEBIBYTE
HEADER_BLOCK: Final = 256 * 1024
ONE_HEADER: Final = 8 * 1024
ADDRESS_HEADER: Final = 4 * 1024
ADDRESSES: Final = 300
PARTS: Final = 100
DEPTH: Final = 20
DECODED: Final = 60 * MEBIBYTE
TEXT: Final = 1 * MEBIBYTE
"""Text beyond this is cut for showing; the raw mail keeps it."""
HTML: Final = 2 * MEBIBYTE
QUOTE_SEARCH: Final = 64 * 1024
"""Quotes and signatures are searched in so much of the text."""
NAME: Final = 200
HEADERS: Final = 1000
