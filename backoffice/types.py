"""Frozen facts of the frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceInfo:
    """Whether a colleague can take something over now."""

    agent_id: int
    is_online: bool
    is_away: bool

    @property
    def state(self) -> str:
        """Return online, away or offline."""
        if not self.is_online:
            return "offline"
        return "away" if self.is_away else "online"


@dataclass(frozen=True, kw_only=True, slots=True)
class DayOpening:
    """What the greeting of the home page says."""

    greeting: str
    first_name: str
