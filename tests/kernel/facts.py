"""Facts and reactions that exist only in the tests of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel import events
from ecrm.kernel.models import IdempotencyKey


@dataclass(frozen=True, kw_only=True, slots=True)
class StoneThrown(events.Event):
    name: ClassVar[str] = "tests.stone-thrown"
    stone_id: int
    profile_id: int | None = None


calls: list[tuple[str, int]] = []
failing: set[str] = set()


def reset() -> None:
    calls.clear()
    failing.clear()


@events.subscribe(StoneThrown)
def ripple(event: StoneThrown) -> None:
    """Writes a row (any row will do) so that effect and tick can be compared."""
    IdempotencyKey.objects.create(
        principal="ripple",
        key=f"stone-{event.stone_id}",
        method="POST",
        route="/",
        body_sha256="",
        status=200,
        expires_at="2030-01-01T00:00:00Z",
    )
    if "ripple" in failing:
        raise ValueError("the water is frozen")
    calls.append(("ripple", event.stone_id))


@events.subscribe(StoneThrown, io=True)
def splash(event: StoneThrown) -> None:
    if "splash" in failing:
        raise ConnectionError("nobody hears it")
    calls.append(("splash", event.stone_id))
