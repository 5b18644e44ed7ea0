"""Who opened a mail or followed a link: a person, or one of the programs which do so before him.

Security gateways follow links and load pictures before a mail is delivered; Apple's Mail Privacy
Protection loads every picture whether or not anybody looks, Gmail's proxy hides who did; browsers fetch
in advance. Each sign has points; from `MACHINE` on it counts as a program. Nothing here is certain, so
the signs are kept and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PERSON: Final = "person"
MANY_LINKS: Final = "many_links"
MACHINE: Final = 50
AT_ONCE: Final = timedelta(seconds=3)
SOON: Final = timedelta(seconds=10)
BURST: Final = timedelta(seconds=10)
"""So close to each other no person follows `BURST_LINKS` different links of a mail."""
BURST_LINKS: Final = 3
SETTLED_AFTER: Final = timedelta(seconds=20)
"""By then all other links of a burst have been followed."""

CLICKS: Final = 1
OPENS: Final = 2
"""The bits of what is noted about a message."""

_POINTS: Final[dict[str, int]] = {
    "head": 100,
    "prefetch": 100,
    "scanner": 100,
    "apple_privacy": 100,
    "image_proxy": 80,
    "too_early": 80,
    "nameless": 60,
    "not_navigation": 50,
    "early": 30,
    "no_language": 30,
    MANY_LINKS: 100,
}
_SCANNERS: Final = re.compile(
    r"bot\b|crawl|spider|scan|preview|barracuda|proofpoint|mimecast|messagelabs|symantec|trendmicro"
    r"|forcepoint|fireeye|sophos|cloudmark|zscaler|existence discovery|safelinks|headless|phantom"
    r"|curl/|wget|python|go-http-client|okhttp|java/|libwww|apache-httpclient|node-fetch|axios",
    re.IGNORECASE,
)
_PROXIES: Final = re.compile(r"googleimageproxy|ggpht\.com|yahoomailproxy", re.IGNORECASE)
_APPLE: Final = "Mozilla/5.0"
_PREFETCH: Final = ("purpose", "sec-purpose", "x-purpose", "x-moz")


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A request for a picture or a link, as far as it tells who makes it. Header names in lower case."""

    is_click: bool
    method: str
    headers: Mapping[str, str]
    since_sent: timedelta | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How sure we are that it was a program, and by which signs, the strongest first."""

    score: int
    reasons: tuple[str, ...]

    @property
    def source(self) -> str:
        """The strongest sign of a program, or "person"."""
        return self.reasons[0] if self.score >= MACHINE else PERSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Click:
    """When which link of a message was followed."""

    id: int
    number: int
    at: datetime


def judge(look: Look) -> Verdict:
    """Who this was, by everything one request shows."""
    signs = sorted(_signs(look), key=lambda sign: -_POINTS[sign])
    return Verdict(score=min(sum(_POINTS[sign] for sign in signs), 100), reasons=tuple(signs))


def bursts(clicks: Sequence[Click]) -> set[int]:
    """Those of one message's clicks which followed each other too fast for a person."""
    found: set[int] = set()
    for first in clicks:
        together = [one for one in clicks if timedelta() <= one.at - first.at <= BURST]
        if len({one.number for one in together}) >= BURST_LINKS:
            found.update(one.id for one in together)
    return found


def _signs(look: Look) -> Iterable[str]:
    program = look.headers.get("user-agent", "").strip()
    if look.method == "HEAD":
        yield "head"
    if any(_says_prefetch(look.headers.get(name, "")) for name in _PREFETCH):
        yield "prefetch"
    if not program:
        yield "nameless"
    elif program == _APPLE:
        yield "apple_privacy"
    elif _PROXIES.search(program):
        yield "image_proxy"
    elif _SCANNERS.search(program):
        yield "scanner"
    if look.since_sent is None or look.since_sent < AT_ONCE:
        yield "too_early"
    elif look.since_sent < SOON:
        yield "early"
    if look.is_click:
        yield from _unlike_a_click(look.headers)


def _unlike_a_click(headers: Mapping[str, str]) -> Iterable[str]:
    if headers.get("sec-fetch-mode", "navigate") != "navigate":
        yield "not_navigation"
    if not headers.get("accept-language"):
        yield "no_language"


def _says_prefetch(value: str) -> bool:
    return any(word in value.lower() for word in ("prefetch", "prerender", "preview"))
