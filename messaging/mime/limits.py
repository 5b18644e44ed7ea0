"""How much of a mail is looked at, so that no mail can stall the one who reads it."""

from __future__ import annotations

from typing import Final

MEBIBYTE: Final = 1024 * 1024

MESSAGE: Final = 35 * MEBIBYTE
HEADER_BLOCK: Final = 4 * MEBIBYTE
"""The headers of a mail to ten thousand people fit; of each header so much as below is looked at."""
ONE_HEADER: Final = 8 * 1024
ADDRESS_HEADER: Final = 4 * 1024
ADDRESSES: Final = 300
PARTS: Final = 500
DECLARED: Final = 100
"""So many parts may hold parts of their own; the ones behind are taken as they are."""
DEPTH: Final = 20
DECODED: Final = 60 * MEBIBYTE
TEXT: Final = 1 * MEBIBYTE
"""Text beyond this is cut for showing; the raw mail keeps it."""
HTML: Final = 2 * MEBIBYTE
READ_HTML: Final = 1 * MEBIBYTE
"""Of a page without a text beside it so much is turned into text."""
QUOTE_SEARCH: Final = 64 * 1024
"""Failures are searched in so much of a notice."""
NAME: Final = 200
HEADERS: Final = 20_000
