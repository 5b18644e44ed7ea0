"""Pure rules of the frame."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

ONLINE_FOR = timedelta(seconds=90)
PARTS_OF_DAY = ((18, "evening"), (12, "afternoon"), (5, "morning"), (0, "night"))
TOPIC_LIMIT = 64
TOPIC_LENGTH = 100
# What an address says besides the filters of a list: the open row and the place in the list.
NO_FILTERS = ("open", "page", "cursor")


def part_of_day(moment: datetime) -> str:
    """Return night, morning, afternoon or evening of a local moment."""
    return next(name for first_hour, name in PARTS_OF_DAY if moment.hour >= first_hour)


def is_online(seen_at: datetime | None, *, at: datetime) -> bool:
    """Tell whether a browser of the agent spoke to us a moment ago."""
    return seen_at is not None and at - seen_at <= ONLINE_FOR


def topic_prefix(topic: str) -> str:
    """Return the part which names the kind of the topic: `ticket` of `ticket:42`."""
    return topic.partition(":")[0]


def sound_topics(topics: Iterable[object]) -> list[str]:
    """Return the topics worth looking at, once each, bounded in number and length."""
    seen: dict[str, None] = {}
    for topic in topics:
        if isinstance(topic, str) and 0 < len(topic) <= TOPIC_LENGTH and topic.isascii():
            seen[topic] = None
    return list(seen)[:TOPIC_LIMIT]


def filters_in(query: str) -> dict[str, str]:
    """Return the filters which the query string of a list holds."""
    return {name: value for name, value in parse_qsl(query) if name not in NO_FILTERS}
