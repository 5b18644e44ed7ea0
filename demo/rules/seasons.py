"""When people buy: the year, the week and the day of a shop, as weights to draw moments from."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

DAYS = 730
MONTHS = (1.1, 0.75, 0.8, 0.85, 0.95, 1.05, 1.0, 0.7, 0.95, 1.05, 1.6, 1.75)
WEEKDAYS = (1.05, 1.0, 1.0, 1.05, 0.9, 0.85, 1.2)
HOURS = (2, 1, 0.5, 0.3, 0.3, 0.6, 1.5, 3, 4, 5, 5.5, 5.5, 6.5, 6, 5, 5, 5, 5.5, 6, 7, 9, 10, 7, 4)
# The shops sold less two years ago than today.
GROWTH_FROM = 0.55
OLD_FRIENDS = 0.45


class Calendar:
    """The two years up to a moment, each day with its weight."""

    def __init__(self, today: datetime) -> None:
        self.today = today
        days = [today - timedelta(days=age) for age in range(DAYS, -1, -1)]
        self._cumulated = list(
            accumulate(
                MONTHS[day.month - 1]
                * WEEKDAYS[day.weekday()]
                * (GROWTH_FROM + (1 - GROWTH_FROM) * index / DAYS)
                for index, day in enumerate(days)
            )
        )

    def draw(self, chance: Random, *, since: datetime | None = None) -> datetime:
        """A moment at which somebody buys, after `since` and before today's moment."""
        floor = self._before(since) if since else 0.0
        index = bisect_left(self._cumulated, chance.uniform(floor, self._cumulated[-1]))
        day = self.today - timedelta(days=DAYS - min(index, DAYS))
        moment = day.replace(
            hour=chance.choices(range(24), weights=HOURS)[0],
            minute=chance.randrange(60),
            second=chance.randrange(60),
            microsecond=0,
        )
        return moment if moment < self.today else moment - timedelta(days=1)

    def arrival(self, chance: Random) -> datetime:
        """When somebody hears of the shop: many already had when the two years began."""
        is_old_friend = chance.random() < OLD_FRIENDS
        return self.today - timedelta(days=DAYS if is_old_friend else chance.uniform(0, DAYS))

    def share_after(self, since: datetime) -> float:
        """Which part of all sales of the two years lies after this moment."""
        return 1 - self._before(since) / self._cumulated[-1]

    def latest(self, chance: Random, *, hours: int = 36) -> datetime:
        """A moment of the last hours at which people buy; somebody does at any hour."""
        for _try in range(20):
            moment = self.today - timedelta(seconds=chance.randint(120, hours * 3600))
            if chance.uniform(0, max(HOURS)) < HOURS[moment.hour]:
                break
        return moment

    def _before(self, moment: datetime) -> float:
        index = max(0, DAYS - (self.today - moment).days)
        return self._cumulated[index - 1] if index else 0.0


def at_work(moment: datetime, chance: Random) -> datetime:
    """The same moment, or the next one at which agents are at their desks (local time)."""
    if moment.weekday() == 6 or moment.hour >= 19:
        moment = (moment + timedelta(days=1)).replace(hour=8, minute=30)
        moment += timedelta(minutes=chance.randint(0, 100))
    elif moment.hour < 8:
        moment = moment.replace(hour=8, minute=30) + timedelta(minutes=chance.randint(0, 100))
    return at_work(moment, chance) if moment.weekday() == 6 else moment


def awake(moment: datetime, chance: Random) -> datetime:
    """The same moment, or the morning after when it lies in the night (local time)."""
    if 1 <= moment.hour < 7:
        return moment.replace(hour=7) + timedelta(minutes=chance.randint(0, 120))
    return moment
