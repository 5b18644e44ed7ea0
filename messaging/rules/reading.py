"""How often a mail is read before a person has to look."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_ATTEMPTS: Final = 4
LEASE: Final = timedelta(minutes=2)
WORTH_RETRYING: Final = frozenset({"too_expensive"})
"""Causes that may be the machine's fault: another try on a quieter machine may succeed."""


def retry_pause(attempts: int) -> timedelta:
    """The pause before a mail is read again: 10 s, 40 s, 90 s."""
    return timedelta(seconds=10 * attempts * attempts)


def is_final(code: str, attempts: int) -> bool:
    """Whether a mail that failed with this code goes to the quarantine now."""
    return code not in WORTH_RETRYING or attempts >= MAX_ATTEMPTS
