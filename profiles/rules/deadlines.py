"""Until when a request about one's own data is to be answered. Pure functions."""

from __future__ import annotations

import calendar
from datetime import datetime

ANSWER_MONTHS = 1
EXTENSION_MONTHS = 2


def answer_by(received_at: datetime) -> datetime:
    """A month after the request came (art. 12(3) GDPR)."""
    return _months_later(received_at, ANSWER_MONTHS)


def extended(due_at: datetime) -> datetime:
    """Two further months, where requests are complex or many; the customer is told within the first."""
    return _months_later(due_at, EXTENSION_MONTHS)


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))
