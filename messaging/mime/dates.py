"""The Date header (RFC 5322), and what programs write that never read it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Final

_EARLIEST: Final = 1970
_LONGEST: Final = 100
_ZONES: Final = {
    "WET": 0,
    "WEST": 60,
    "BST": 60,
    "IST": 330,
    "CET": 60,
    "MET": 60,
    "MEZ": 60,
    "CEST": 120,
    "MEST": 120,
    "MESZ": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "SAST": 120,
    "SGT": 480,
    "HKT": 480,
    "JST": 540,
    "KST": 540,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "BRT": -180,
    "AKST": -540,
    "HST": -600,
}
"""Minutes ahead of Greenwich. The library reads those of America itself."""
_ZONE: Final = re.compile(r"\s\(?([A-Z]{3,4})\)?\s*\Z")
_OFFSET: Final = re.compile(r"\s(?:GMT|UTC)\s?([+-])(\d{1,2})(?::?(\d{2}))?\s*(?:\(.*)?\Z")
_DAY: Final = 24 * 60
_ENGLISH: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
_MONTHS: Final = {
    "janv": 1, "jän": 1, "gen": 1, "ene": 1, "fév": 2, "févr": 2, "fev": 2, "fevr": 2, "mär": 3, "mrz": 3,
    "mars": 3, "maart": 3, "mrt": 3, "avr": 4, "abr": 4, "mai": 5, "mag": 5, "mei": 5, "maj": 5, "juin": 6,
    "giu": 6, "juil": 7, "juillet": 7, "lug": 7, "août": 8, "aout": 8, "ago": 8, "sept": 9, "set": 9,
    "okt": 10, "out": 10, "ott": 10, "déc": 12, "dez": 12, "dic": 12,
}  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]{3,12}\.?")
_LEAP_SECOND: Final = re.compile(r"(\d:\d{2}):60\b")
_HALF_DAY: Final = re.compile(r"\b(\d{1,2})(:\d{2}(?::\d{2})?)\s?([AP])\.?M\b\.?", re.IGNORECASE)
_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")


def moment(text: str) -> datetime | None:
    """The instant of a Date header, or None when it names none that can be true.

    Without a zone it is taken as universal time.
    """
    plain = " ".join(text[:_LONGEST].replace('"', " ").split())
    plain = _HALF_DAY.sub(_by_24_hours, _LEAP_SECOND.sub(r"\1:59", plain))
    found = _iso(plain) if _ISO.match(plain) else _written(plain)
    if found is None:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        found = found.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return found if found.year >= _EARLIEST else None


def _by_24_hours(match: re.Match[str]) -> str:
    hour = int(match[1])
    afternoon = 12 if match[3].lower() == "p" else 0
    return f"{hour % 12 + afternoon if hour <= 12 else hour:02}{match[2]}"  # noqa: PLR2004 - half a day


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written(text: str) -> datetime | None:
    """The moment as RFC 5322 writes it, with months in the languages of Europe and named zones."""
    minutes = 0
    if offset := _OFFSET.search(text):
        minutes = int(offset[1] + "1") * (int(offset[2]) * 60 + int(offset[3] or 0))
        text = text[: offset.start()]
    elif (zone := _ZONE.search(text)) and zone[1] in _ZONES:
        minutes = _ZONES[zone[1]]
        text = text[: zone.start()]
    try:
        found = parsedate_to_datetime(_WORD.sub(_in_english, text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if found.tzinfo is not None or abs(minutes) >= _DAY:
        return found
    return found.replace(tzinfo=timezone(timedelta(minutes=minutes)))


def _in_english(match: re.Match[str]) -> str:
    """A month as the library knows it; names of days only lose their dot."""
    word = match.group().rstrip(".")
    month = _MONTHS.get(word.lower())
    return _ENGLISH[month - 1] if month else word
