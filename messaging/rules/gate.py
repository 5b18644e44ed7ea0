"""Who may be written to, and about what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MARKETING = "marketing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ban:
    """A suppression in force for one address; `shop_id` None means every shop."""

    scope: str
    reason: str
    shop_id: int | None = None
    topic: str = ""
    channel: str = ""


def stopped_by(
    bans: Iterable[Ban], *, purpose: str, channel: str, topic: str, shop_id: int | None
) -> Ban | None:
    """The ban that keeps a message back, the widest first; None when it may go.

    An opt-out from marketing, or from a topic of it, never stops a receipt or an answer.
    """
    found = [
        ban
        for ban in bans
        if ban.shop_id in {None, shop_id}
        and _covers(ban, purpose=purpose, channel=channel, topic=topic)
    ]
    return min(found, key=lambda ban: WIDEST_FIRST.index(ban.scope), default=None)


WIDEST_FIRST = ("everything", "channel", "marketing", "topic")


def _covers(ban: Ban, *, purpose: str, channel: str, topic: str) -> bool:
    if ban.scope == "everything":
        return True
    if ban.scope == "channel":
        return ban.channel == channel
    if purpose != MARKETING:
        return False
    return ban.scope == "marketing" or (ban.scope == "topic" and ban.topic == topic)
