"""How a customer feels, as far as signals tell. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

UNHAPPY_WITH_ORDER = "unhappy-with-order"
UNHAPPY = "unhappy"
WAITING = "waiting"
HAPPY = "happy"
UNKNOWN = ""


def mood_of(signals: Iterable[tuple[str, bool]]) -> str:
    """The mood from signals (`good`, `warn` or `bad`, and whether it is about the last order).

    One bad signal outweighs whatever is good; nobody is happy while something waits.
    """
    seen = set(signals)
    moods = {mood for mood, _about in seen}
    if ("bad", True) in seen:
        return UNHAPPY_WITH_ORDER
    if "bad" in moods:
        return UNHAPPY
    if "warn" in moods:
        return WAITING
    return HAPPY if "good" in moods else UNKNOWN
