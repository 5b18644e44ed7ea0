"""Pure rules of the company: what a role allows, when a shop is open, how the audit chain is hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OWNER = "owner"
MANAGER = "manager"
BUILT_IN_ROLES: Mapping[str, str] = {
    OWNER: "Owner",
    MANAGER: "Manager",
    "support": "Support",
    "marketing": "Marketing",
    "viewer": "Viewer",
}
# Whoever holds one of these for a whole company or a shop can hurt it: a second factor is due.
SECOND_FACTOR_ROLES = frozenset({OWNER, MANAGER})

GENESIS = "0" * 64


def default_permissions(
    role_key: str, declared: Mapping[str, Collection[str] | None]
) -> frozenset[str]:
    """The permissions a built-in role holds by itself; `declared` maps a code to its default roles.

    Without a declaration managers hold the permission, and everybody does when it only views.
    """
    if role_key not in BUILT_IN_ROLES:
        return frozenset()
    if role_key == OWNER:
        return frozenset(declared)
    return frozenset(
        code for code, roles in declared.items() if _holds_by_default(role_key, code, roles)
    )


def _holds_by_default(role_key: str, code: str, roles: Collection[str] | None) -> bool:
    if roles is not None:
        return role_key in roles
    return role_key == MANAGER or code.partition(".")[2].startswith("view_")


def effective_permissions(
    defaults: frozenset[str], *, added: Collection[str], withheld: Collection[str]
) -> frozenset[str]:
    """What a role allows: its defaults, with what was added and without what was taken away."""
    return (defaults | frozenset(added)) - frozenset(withheld)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """When somebody is there: spans of the week (0 is Monday) and days which differ.

    A span ends before or at midnight; `time(0)` as its end means midnight of the next day.
    A day of `exceptions` replaces the spans of its weekday; an empty tuple means closed.
    """

    time_zone: str
    weekly: Mapping[int, Sequence[tuple[time, time]]]
    exceptions: Mapping[date, Sequence[tuple[time, time]]]

    def spans_on(self, day: date) -> list[tuple[datetime, datetime]]:
        """Opening and closing moments of this local day, in order."""
        spans = self.exceptions.get(day, self.weekly.get(day.weekday(), ()))
        zone = ZoneInfo(self.time_zone)
        return [
            (
                datetime.combine(day, opens, zone),
                datetime.combine(day if closes > opens else day + timedelta(days=1), closes, zone),
            )
            for opens, closes in sorted(spans)
        ]


def is_open(schedule: Schedule, at: datetime) -> bool:
    """True when `at` lies inside an opening span."""
    day = at.astimezone(ZoneInfo(schedule.time_zone)).date()
    return any(opens <= at < closes for opens, closes in schedule.spans_on(day))


def next_opening(schedule: Schedule, at: datetime, *, horizon_days: int = 366) -> datetime | None:
    """The next moment at which the door opens, `at` itself when it is open, None when never."""
    if is_open(schedule, at):
        return at
    day = at.astimezone(ZoneInfo(schedule.time_zone)).date()
    for offset in range(horizon_days):
        for opens, _closes in schedule.spans_on(day + timedelta(days=offset)):
            if opens > at:
                return opens
    return None


def audit_hash(previous_hash: str, facts: Mapping[str, object]) -> str:
    """SHA-256 over the previous hash and the canonical JSON of an audit entry."""
    body = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(f"{previous_hash}\n{body}".encode()).hexdigest()
