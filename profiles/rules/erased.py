"""One line for each person who was erased: what a restored backup must be told. Pure functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FORMAT = "ecrm.erased/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """Somebody was erased: a number, two moments and keyed hashes; nothing that names him.

    `created_at` is when his record was made: a number alone may be somebody else's in another database.
    `tombstones` are digest, name of the key and kind of each identifier that was his alone.
    """

    profile_id: int
    created_at: datetime
    erased_at: datetime
    tombstones: tuple[tuple[str, str, str], ...] = ()


def as_line(erased: Erased) -> str:
    """The person as one line of JSON."""
    return json.dumps(
        {
            "format": FORMAT,
            "profile": erased.profile_id,
            "created_at": erased.created_at.isoformat(),
            "erased_at": erased.erased_at.isoformat(),
            "tombstones": [list(stone) for stone in erased.tombstones],
        }
    )


def from_line(line: str) -> Erased:
    """The person of a line. Raises ValueError when it is none of ours."""
    try:
        told: dict[str, Any] = json.loads(line)
        if told["format"] != FORMAT:
            raise ValueError(told["format"])
        found = Erased(
            profile_id=int(told["profile"]),
            created_at=datetime.fromisoformat(told["created_at"]),
            erased_at=datetime.fromisoformat(told["erased_at"]),
            tombstones=tuple(
                (str(digest), str(key), str(kind)) for digest, key, kind in told["tombstones"]
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(line[:80]) from error
    if found.created_at.tzinfo is None or found.erased_at.tzinfo is None:
        raise ValueError(line[:80])
    return found
