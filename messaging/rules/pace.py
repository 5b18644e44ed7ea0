"""How fast mass mail goes to one receiving domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

ANY: Final = "*"
USUAL: Final[Mapping[str, int]] = {
    "orange.fr": 600,
    "wanadoo.fr": 600,
    "free.fr": 600,
    "laposte.net": 600,
    "sfr.fr": 600,
    "gmx.de": 1200,
    "web.de": 1200,
    "t-online.de": 1200,
}
"""What providers who are known to turn fast senders away get, unless the setting says otherwise."""
PATIENCE: Final = 3
"""So many deferrals of a domain in a row are its wish, not an accident of one mailbox."""
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
AT_ONCE: Final = timedelta(seconds=1)
"""A batch leaves within a second: slots so near may go with it."""
STALE: Final = timedelta(minutes=1)
"""Who could not use his slot for so long takes another, so that a backlog does not come as a burst."""
WISHES: Final = frozenset({"try_later", "blocked", "server_full"})
"""Reasons of deferrals that are about us and the domain; a full mailbox is about its owner."""


class UnreadableRates(ValueError):
    """The setting is not of the form `orange.fr=300, *=0`."""


def rates(words: Iterable[str]) -> dict[str, int]:
    """Mails a minute by domain; 0 is no limit, `*` all other domains. Raises UnreadableRates."""
    found = dict(USUAL)
    for word in words:
        domain, _, number = word.partition("=")
        if not domain.strip() or not number.strip().isdigit():
            raise UnreadableRates(f"Expected domain=number, found {word!r}.")
        found[domain.strip().lower()] = int(number)
    return found


def rate_of(domain: str, rates: Mapping[str, int]) -> int:
    """Mails a minute to this domain; 0 is no limit."""
    return rates.get(domain, rates.get(ANY, 0))


def domain_of(recipient: str) -> str:
    """The receiving domain of an address."""
    return recipient.rpartition("@")[2].lower()


def slot(free_from: datetime | None, *, at: datetime, rate: int) -> tuple[datetime, datetime]:
    """The moment at which the next mail may go, and the one from which another may (a leaky bucket)."""
    mine = max(free_from or at, at)
    return mine, mine + timedelta(minutes=1) / rate


def pause(deferrals: int) -> timedelta:
    """How long a domain is left alone after its nth deferral in a row: a minute, doubling to an hour."""
    if deferrals < PATIENCE:
        return timedelta()
    return min(FIRST_PAUSE * (1 << min(deferrals - PATIENCE, 10)), LONGEST_PAUSE)
