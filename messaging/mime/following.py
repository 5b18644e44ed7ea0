"""Links that lead through us and the picture that tells of an opening, put into a mail's HTML.

Links are numbered as they stand in the text, also those that are left alone, so that the number of a link
depends on the words only. Left alone is what is no web address, and what leads to us already: the page of
his preferences must not lie behind anything.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from messaging.mime import merging
from messaging.rules.hits import CLICKS, OPENS

MOST_LINKS: Final = 500
_ANCHOR: Final = re.compile(
    r"<a(?:rea)?\s(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(?<![\w-])href\s*=\s*(?:\"([^\"]*)\"|'([^']*)')",
    re.IGNORECASE,
)
_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_GAP: Final = "{{"
_TOKEN: Final = None
"""Stands for the mail's token among what fills a text."""
_WEB: Final = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The nth link of a text: where its address stands in the source, and the address itself."""

    number: int
    start: int
    end: int
    target: str


class Way:
    """Where links of ours begin, and what leads elsewhere."""

    def __init__(self, base: str) -> None:
        self.before = f"{base}/t/"
        self._ours = (f"{base}/", f"{base}?")

    def is_foreign(self, address: str) -> bool:
        """Whether it is a web address that does not lead to us already."""
        return is_web(address) and not address.startswith(self._ours)


def is_web(address: str) -> bool:
    """Whether an address begins as one of the web does; what we send nobody elsewhere than there."""
    return address.startswith(_WEB) or address[:8].lower().startswith(_WEB)


def is_web_address(address: str) -> bool:
    """Whether the whole of it is an address of the web with a host, in one line."""
    if not is_web(address) or re.search(r"[\x00-\x20\x7f\\]", address):
        return False
    try:
        return bool(urlsplit(address).hostname)
    except ValueError:
        return False


def anchors(source: str) -> Iterator[Anchor]:
    """The links of an HTML text, in their order."""
    for number, match in enumerate(_ANCHOR.finditer(source), start=1):
        if number > MOST_LINKS:
            return
        group = 1 if match[1] is not None else 2
        target = html.unescape(match[group]).strip()
        yield Anchor(number, match.start(group), match.end(group), target)


def followable(source: str, *, base: str) -> list[Anchor]:
    """The links that may lead through us; one that is made of a gap shows only with the data."""
    return _followable(source, Way(base))


def _followable(source: str, way: Way) -> list[Anchor]:
    return [
        anchor
        for anchor in anchors(source)
        if anchor.target.startswith(_GAP) or way.is_foreign(anchor.target)
    ]


def followed(source: str, *, base: str, token: str, noted: int) -> str:
    """Finished HTML with its links through us and the picture, as far as `noted` says."""
    way, parts, end = Way(base), [], 0
    for anchor in anchors(source) if noted & CLICKS else ():
        if way.is_foreign(anchor.target):
            parts += [source[end : anchor.start], f"{way.before}{token}/{anchor.number}/"]
            end = anchor.end
    whole = "".join([*parts, source[end:]])
    if not noted & OPENS:
        return whole
    at = picture_place(whole)
    return f"{whole[:at]}{picture(way, token)}{whole[at:]}"


@dataclass(frozen=True, slots=True)
class _PersonalLink:
    """A link whose address has gaps, the number of the link, and what stands behind the token."""

    address: merging.Text
    number: int
    behind: bytes


class FollowedBody:
    """HTML with gaps, prepared once: filling one mail costs a join, its links no more than a token."""

    def __init__(self, source: str, *, base: str, noted: int) -> None:
        self._way = Way(base)
        self._before = merging.quoted(self._way.before)
        self._frame = merging.Frame()
        self._slots: dict[merging.Gap | _PersonalLink | None, int] = {_TOKEN: 0}
        ends = len(source) if not noted & OPENS else picture_place(source)
        self._add_words(source[:ends], follows=bool(noted & CLICKS))
        if noted & OPENS:
            before, behind = picture(self._way, "\0").split("\0")
            self._lead_by_token(merging.quoted(before), merging.quoted(behind))
            self._add_words(source[ends:], follows=False)

    def fill(self, data: Mapping[str, Any], *, token: bytes) -> bytes:
        """Quoted-printable for the wire, as merging.Body gives it. Raises RenderingFailed."""
        values: list[bytes] = []
        for slot in self._slots:
            if slot is _TOKEN:
                values.append(token)
            elif isinstance(slot, merging.Gap):
                values.append(merging.quoted(html.escape(slot.value(data))))
            else:
                values.append(self._link(slot, data, token))
        return self._frame.fill(values)

    def _link(self, link: _PersonalLink, data: Mapping[str, Any], token: bytes) -> bytes:
        address = link.address.fill(data)
        if self._way.is_foreign(address):
            return self._before + token + link.behind
        return merging.quoted(html.escape(address))

    def _add_words(self, source: str, *, follows: bool) -> None:
        end = 0
        for anchor in _followable(source, self._way) if follows else ():
            self._add(source[end : anchor.start])
            behind = merging.quoted(f"/{anchor.number}/")
            if _GAP in anchor.target:
                self._leave(_PersonalLink(merging.Text(anchor.target), anchor.number, behind))
            else:
                self._lead_by_token(self._before, behind)
            end = anchor.end
        self._add(source[end:])

    def _add(self, source: str) -> None:
        for piece in merging.pieces(source):
            if isinstance(piece, str):
                self._frame.add(merging.quoted(piece))
            else:
                self._leave(piece)

    def _lead_by_token(self, before: bytes, behind: bytes) -> None:
        self._frame.add(before)
        self._leave(_TOKEN)
        self._frame.add(behind)

    def _leave(self, slot: merging.Gap | _PersonalLink | None) -> None:
        self._frame.leave(self._slots.setdefault(slot, len(self._slots)))


def wire_token(token: str) -> bytes:
    """A token as it stands in a prepared body."""
    return merging.quoted(token)


def picture(way: Way, token: str) -> str:
    """The picture that tells of an opening."""
    return f'<img src="{way.before}{token}/" width="1" height="1" alt="">'


def picture_place(source: str) -> int:
    """Where in an HTML text it goes: at its end."""
    found = list(_BODY_END.finditer(source))
    return found[-1].start() if found else len(source)
