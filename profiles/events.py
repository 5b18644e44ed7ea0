"""Facts which profiles publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileCreated(Event):
    """A person was met for the first time, through this door (`order`, `email`, `api` …)."""

    name: ClassVar[str] = "profiles.profile-created"
    profile_id: int
    shop_id: int
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileChanged(Event):
    """An agent, or nobody (the system), corrected what we know of a person."""

    name: ClassVar[str] = "profiles.profile-changed"
    profile_id: int
    agent_id: int | None
