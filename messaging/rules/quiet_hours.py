"""When marketing may ring in a pocket: not at night, not on Sundays, not on public holidays.

France forbids it then (from 22:00 to 8:00, on Sundays and on public holidays); shops of other markets keep to
the same, with the holidays of their own country.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

OPENS: Final = time(8)
CLOSES: Final = time(22)
_SUNDAY: Final = 6

_HOLIDAYS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "AT": ("0101 0106 0501 0815 1026 1101 1208 1225 1226", (1, 39, 50, 60)),
    "BE": ("0101 0501 0721 0815 1101 1111 1225", (1, 39, 50)),
    "CH": ("0101 0801 1225", (39,)),
    "DE": ("0101 0501 1003 1225 1226", (-2, 1, 39, 50)),
    "ES": ("0101 0106 0501 0815 1012 1101 1206 1208 1225", (-2,)),
    "FR": ("0101 0501 0508 0714 0815 1101 1111 1225", (1, 39, 50)),
    "IT": ("0101 0106 0425 0501 0602 0815 1101 1208 1225 1226", (1,)),
    "LU": ("0101 0501 0509 0623 0815 1101 1225 1226", (1, 39, 50)),
    "NL": ("0101 0427 1225 1226", (1, 39, 50)),
    "PT": ("0101 0425 0501 0610 0815 1005 1101 1201 1208 1225", (-2, 60)),
}
"""By market: fixed days as month and day, and days counted from Easter Sunday."""
_ELSEWHERE: Final[tuple[str, tuple[int, ...]]] = ("0101 1225", ())


def opening(at: datetime, *, zone: str, market: str) -> datetime:
    """The first moment from `at` on at which marketing may ring: `at` itself when it may now."""
    here = ZoneInfo(zone)
    local = at.astimezone(here)
    if local.time() >= CLOSES:
        day = local.date() + timedelta(days=1)
    elif is_quiet_day(local.date(), market=market) or local.time() < OPENS:
        day = local.date()
    else:
        return at
    while is_quiet_day(day, market=market):
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, tzinfo=here).astimezone(UTC)


def is_quiet_day(day: date, *, market: str) -> bool:
    """Whether it is a Sunday or a public holiday of the market's country."""
    fixed, movable = _HOLIDAYS.get(market, _ELSEWHERE)
    if day.weekday() == _SUNDAY or day.strftime("%m%d") in fixed.split():
        return True
    return (day - easter(day.year)).days in movable


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, Nature, 20 April 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    skipped = century - century // 4 - (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + skipped + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
