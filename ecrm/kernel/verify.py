"""Invariants of reliability that can be checked on the live database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.timezone import now

from ecrm.kernel.models import Delivery

Check = Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A promise and the function that lists its breaches, one line each, without personal data."""

    key: str
    sentence: str
    check: Check


_invariants: dict[str, Invariant] = {}


def invariant(key: str, sentence: str) -> Callable[[Check], Check]:
    """Make the decorated function one of the checks of `manage.py verify`."""

    def register(check: Check) -> Check:
        if key in _invariants:
            raise RuntimeError(f"Two invariants are called {key}.")
        _invariants[key] = Invariant(key, sentence, check)
        return check

    return register


def all_invariants() -> list[Invariant]:
    """Every invariant, by key."""
    return [_invariants[key] for key in sorted(_invariants)]


@invariant(
    "kernel.outbox-drains", "Every delivery reaches a final state while its dependencies are up."
)
def _nothing_waits_too_long() -> Iterable[str]:
    waiting = Delivery.objects.due(now() - timedelta(minutes=10))
    return [
        f"delivery {pk} waits since {since}"
        for pk, since in waiting.values_list("pk", "available_at")[:100]
    ]


@invariant("kernel.nothing-parked", "No delivery has been given up.")
def _nothing_is_parked() -> Iterable[str]:
    return [
        f"delivery {pk} to {subscriber} is parked"
        for pk, subscriber in Delivery.objects.parked().values_list("pk", "subscriber")[:100]
    ]
