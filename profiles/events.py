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


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorRecognised(Event):
    """A proven contact of this person came from a visitor we knew only by his computer."""

    name: ClassVar[str] = "profiles.visitor-recognised"
    profile_id: int
    visitor_profile_id: int
    shop_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfilesMerged(Event):
    """An agent, or nobody (the system), made one profile of two: the other one went into this."""

    name: ClassVar[str] = "profiles.profiles-merged"
    profile_id: int
    merged_profile_id: int
    merge_id: int
    agent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeUndone(Event):
    """A merge was taken back: the other profile lives again and owns what it owned."""

    name: ClassVar[str] = "profiles.merge-undone"
    profile_id: int
    merged_profile_id: int
    merge_id: int
    agent_id: int | None
