"""When two postal addresses are the same place. Pure functions."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

SHIPPING = "shipping"
BILLING = "billing"

_WORD = re.compile(r"[^\W_]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CUT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something can be delivered, trimmed; `kind` says what for."""

    kind: str
    name: str = ""
    company: str = ""
    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for two writings of one name at one place."""
        return _digest(self.name, self.company, *self._where)

    @property
    def place_fingerprint(self) -> str:
        """The same for everybody who lives there."""
        return _digest(*self._where)

    @property
    def is_usable(self) -> bool:
        """True when a parcel could find it: a street or box, and a town."""
        return bool(self.line1 and (self.city or self.postcode))

    @property
    def _where(self) -> tuple[str, ...]:
        return (self.line1, self.line2, self.postcode.replace(" ", ""), self.city, self.country)


def usable(places: Iterable[Place]) -> list[Place]:
    """The places worth keeping, each once per kind."""
    found = {(place.kind, place.fingerprint): place for place in places if place.is_usable}
    return [found[key] for key in sorted(found)]


def place(kind: str, **parts: str) -> Place:
    """A place from raw parts: white space folded, over-long texts cut, the country in capitals."""
    trimmed = {name: " ".join(text.split())[:_CUT] for name, text in parts.items()}
    country = trimmed.pop("country", "").upper()
    country = country if _COUNTRY.fullmatch(country) else ""
    trimmed["postcode"] = trimmed.get("postcode", "")[:20]
    return Place(kind=kind, country=country, **trimmed)


@lru_cache(maxsize=256)  # the two addresses of an order are mostly one
def _digest(*parts: str) -> str:
    text = "\x1f".join(" ".join(_WORD.findall(_plain(part))) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(text: str) -> str:
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
