"""Rules about days where the calendar is uneven: kept by time alone, as plain Python says each hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from profiles.models import Profile
from profiles.services import attributes
from profiles.services import segments_following as following
from tests.company.factories import ShopFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.segment_model import model_set
from tests.profiles.segment_world import kept, make, rule

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
# The hours of UTC around midnight in Paris and Zurich, before and after the clocks are changed, and noon.
HOURS = (11, 21, 22, 23, 24, 25, 26)
RULES = [
    rule("profile.birthday", "next_days", days=0),
    rule("profile.birthday", "next_days", days=1),
    rule("profile.birthday", "next_days", days=365),
    rule("profile.birthday", "last_days", days=1),
    rule("profile.birthday", "last_days", days=365),
    rule("profile.age", "exactly", 30),
    rule("profile.age", "at_least", 31),
    rule("profile.last_seen", "last_days", days=1),
    rule("profile.last_seen", "before_days", days=2),
    rule("attribute.date", "returns_next_days", attribute="since", days=1),
    rule("attribute.date", "returns_last_days", attribute="since", days=2),
    rule("attribute.date", "last_days", attribute="since", days=1),
    rule("attribute.date", "next_days", attribute="since", days=2),
    rule("attribute.date", "before", attribute="since", value="2028-02-29"),
]


def born_around(day: date) -> list[date]:
    """Birthdays near a day, in a leap year and in another, and on 29 February."""
    days = [day + number * DAY for number in range(-1, 4)]
    found = {
        date(year, near.month, near.day)
        for near in days
        for year in (day.year - 30, 1992)
        if (near.month, near.day) != (2, 29)
    }
    return sorted(
        found | {date(1992, 2, 29), date(1996, 2, 29), date(1995, 12, 31), date(1996, 1, 1)}
    )


@pytest.mark.parametrize(
    "first_day",
    [
        pytest.param(date(2028, 2, 27), id="29 February"),
        pytest.param(date(2027, 2, 26), id="February of 28 days"),
        pytest.param(date(2027, 3, 26), id="clocks go forward"),
        pytest.param(date(2027, 10, 29), id="clocks go back"),
        pytest.param(date(2027, 12, 30), id="new year before a leap day"),
    ],
)
def test_time_alone_keeps_members_right_on_uneven_days(first_day: date) -> None:
    begin = datetime.combine(first_day, datetime.min.time(), UTC)
    people(begin)
    segments: list[tuple[Any, Any]] = [(entry, make(entry, at=begin)) for entry in RULES]

    for day in range(4):
        for hour in HOURS:
            moment = begin + day * DAY + timedelta(hours=hour)
            while following.flip_due(at=moment):
                pass
            for entry, segment in segments:
                assert kept(segment) == model_set(entry, at=moment), (entry, moment)


def people(begin: datetime) -> list[Profile]:
    shop = ShopFactory()
    attributes.define_attribute("since", kind="date", by=None, key="since")
    found = []
    for number, born in enumerate(born_around(begin.date())):
        person = ProfileFactory(
            shop=shop, birthday=born, last_seen_at=begin + timedelta(hours=9 * number - 40)
        )
        since = (begin + (number % 5 - 1) * DAY).date().isoformat()
        attributes.set_attributes(
            person.pk, values={"since": since}, source="test", by=None, at=begin
        )
        found.append(person)
    return found
