"""How an outgoing message moves between its states and when it is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MOVES: Final[dict[str, frozenset[str]]] = {
    "pending": frozenset({"claimed", "deferred", "skipped", "cancelled", "failed"}),
    "claimed": frozenset({"sent", "deferred", "failed", "pending", "ambiguous"}),
    "deferred": frozenset({"claimed", "deferred", "skipped", "cancelled", "failed"}),
    "sent": frozenset({"delivered", "failed"}),
    "delivered": frozenset({"failed"}),
    "failed": frozenset({"pending"}),
    "skipped": frozenset({"pending"}),
    "cancelled": frozenset(),
    "ambiguous": frozenset({"pending", "sent", "delivered", "failed"}),
}
"""Every move that exists. By hand only a message is sent again from `failed`, `skipped` and `ambiguous`;
a report of its receiver settles what was `sent` or is `ambiguous`."""

RETRYABLE: Final = frozenset({"failed", "skipped", "ambiguous"})
"""States which a person may order to be tried again."""

MASS_LANE: Final = 2
"""From here on mails go out in batches, with a journal instead of an attempt row before each."""
LEASE: Final = timedelta(seconds=60)
GIVE_UP_AFTER: Final = timedelta(hours=72)
FIRST_DEFERRAL: Final = timedelta(minutes=5)
LONGEST_DEFERRAL: Final = timedelta(hours=4)
RESEND_DELAY: Final = timedelta(seconds=5)

_LONGEST_SERVER_PAUSE: Final = 60.0
_PATIENT_ATTEMPTS: Final = 5


def may_move(before: str, after: str) -> bool:
    """Whether a message in the state `before` may come to the state `after`."""
    return after in MOVES[before]


def deferral(deferrals: int) -> timedelta:
    """The pause after a server said "later" for the nth time: 5 minutes, doubling to 4 hours."""
    return min(FIRST_DEFERRAL * (1 << min(deferrals - 1, 10)), LONGEST_DEFERRAL)


def server_pause(failures: int) -> timedelta:
    """The pause after a server could not be reached n times: 1 s, doubling to a minute.

    Short, so that mail flows seconds after the server is back; the server is left alone meanwhile.
    """
    return timedelta(seconds=min(2.0 ** min(failures - 1, 10), _LONGEST_SERVER_PAUSE))


def lost_pause(attempts: int) -> timedelta:
    """The pause of a message during whose nth attempt the server hung up.

    Seconds at first, for it is hardly ever the message's fault; then as long as after a "later", so that
    a message which makes a server hang up does not keep the others waiting.
    """
    return (
        server_pause(attempts)
        if attempts <= _PATIENT_ATTEMPTS
        else deferral(attempts - _PATIENT_ATTEMPTS)
    )


def after_unknown(purpose: str, *, unknown_attempts: int) -> str:
    """The state after an attempt whose end nobody knows (RFC 1047).

    A single mail is sent once more with the same Message-ID, so that the receiver can see the twin; a
    mass mail is never repeated, nor is a single mail a second time: `ambiguous` waits for a person.
    """
    return "deferred" if purpose != "marketing" and unknown_attempts == 1 else "ambiguous"
