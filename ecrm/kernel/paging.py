"""Pages of long lists: as many rows at a time as every list shows, counted as far as that is cheap."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _

from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.templatetags import ecrm_ui

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

# Up to here a list counts its rows exactly; beyond, it says "more than".
COUNTED_UP_TO = 100_000


class Pages(_Paginator):
    """Pages which offer no row beyond what is counted."""

    @cached_property
    def counted(self) -> int:
        """The rows there are, or one more than COUNTED_UP_TO. Runs one query."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment] # lists of the database only
        return rows.order_by().values("pk")[: COUNTED_UP_TO + 1].count()

    @cached_property
    def count(self) -> int:
        """The rows one can leaf through."""
        return min(self.counted, COUNTED_UP_TO)

    def in_words(self, say: Callable[[int], str]) -> str:
        """The count as lists show it; `say` is an ngettext with a %(number)s."""
        text = say(self.count) % {"number": ecrm_ui.number(self.count)}
        return _("more than %(rows)s") % {"rows": text} if self.counted > self.count else text


def page_of(
    request: HttpRequest, rows: QuerySet[Any, Any], *, say: Callable[[int], str]
) -> tuple[Page[Any], str]:
    """The page of these rows which the address asks for, and how many rows there are in words."""
    pages = Pages(rows, ROWS_PER_PAGE)
    return pages.get_page(request.GET.get("page")), pages.in_words(say)
