"""Where a timeline goes on, as it stands in addresses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from profiles.queries.timelines import Position

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,18})_(-?\d{1,18})", re.ASCII)


def cursor_of(position: Position | None) -> str:
    """The position as text; empty at the end."""
    if position is None:
        return ""
    moment, rank = position
    return f"{(moment - EPOCH) // timedelta(microseconds=1)}_{rank}"


def position_of(cursor: str) -> Position | None:
    """The position; what makes no sense is as if it were absent."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=int(found[1])), int(found[2])
    except OverflowError:
        return None
