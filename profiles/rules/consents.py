"""Which answer of a customer counts, when he has given several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

GRANTED = "granted"
PENDING = "pending"
WITHDRAWN = "withdrawn"
# From the mildest to the strictest.
ANSWERS = (GRANTED, PENDING, WITHDRAWN)
STEP = 10**15


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `is_incidental`: it came along with an order or an import."""

    id: int
    answer: str
    answered_at: datetime
    is_incidental: bool


def stand_of(said: Said) -> int:
    """The number by which stands are compared: the stricter is greater, then the later entry."""
    return ANSWERS.index(said.answer) * STEP + said.id


def wish(*, accepts_marketing: bool | None) -> str:
    """A tick in a box as an answer; empty when nobody was asked."""
    if accepts_marketing is None:
        return ""
    return GRANTED if accepts_marketing else WITHDRAWN


def outweighs(said: Said, before: Said | None) -> bool:
    """True when the new answer decides from now on.

    Older answers never do. What came along with an order says nothing against what the customer said
    on purpose; a question (pending) does not take back a consent that stands.
    """
    if before is None:
        return True
    if said.answered_at < before.answered_at or (said.is_incidental and not before.is_incidental):
        return False
    return not (said.answer == PENDING and before.answer == GRANTED)


def latest(entries: Iterable[Said]) -> Said | None:
    """The answer that decides after all of them, in the order in which they were recorded."""
    decided: Said | None = None
    for said in sorted(entries, key=lambda entry: entry.id):
        if outweighs(said, decided):
            decided = said
    return decided
