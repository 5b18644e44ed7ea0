"""What a shop may decide about its mails, and what that means for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from messaging.rules.gate import MARKETING
from messaging.rules.hits import CLICKS, OPENS

OPENS_OFF_IN: Final = frozenset({"FR"})
"""Markets in which shops note openings only when they say so: the CNIL wants consent and a need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopRules:
    """What a shop notes about its mails, and whom it may send marketing.

    `tracks_opens` concerns recipients who allow it, never others. `demands_opt_in`: marketing goes to
    those only who said yes; otherwise to all who did not say no.
    """

    tracks_opens: bool
    tracks_clicks: bool = True
    tracks_transactional: bool = False
    demands_opt_in: bool = True


def usual(market: str) -> ShopRules:
    """What holds in a shop that decided nothing."""
    return ShopRules(tracks_opens=market not in OPENS_OFF_IN)


def noted(
    rules: ShopRules,
    *,
    purpose: str,
    is_automatic: bool,
    is_confidential: bool,
    allows_opens: bool,
) -> int:
    """What is noted about a message, as bits: `CLICKS`, and `OPENS` where its recipient allows it.

    About mail that is no marketing nothing, unless the shop wants it; about what a colleague wrote
    himself, or what holds a personal link, never anything.
    """
    if is_confidential:
        return 0
    if purpose != MARKETING and not (rules.tracks_transactional and is_automatic):
        return 0
    return (CLICKS * rules.tracks_clicks) | (OPENS * (rules.tracks_opens and allows_opens))
