"""Lines of a timeline by days."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from ecrm.kernel.templatetags.ecrm_ui import day as in_words

Line = TypeVar("Line")


def by_days(
    lines: Iterable[Line], *, at: Callable[[Line], datetime], after: date | None
) -> list[tuple[str, list[Line]]]:
    """Lines under the heads of their days; the first has none when the page above ended in that day."""
    groups = groupby(lines, lambda line: localdate(at(line)))
    return [("" if day == after else day_head(day), list(group)) for day, group in groups]


def day_head(day: date) -> str:
    """“Today”, “Yesterday”, or the date."""
    today = localdate()
    if day == today:
        return _("Today")
    return _("Yesterday") if day == today - timedelta(days=1) else in_words(day)
