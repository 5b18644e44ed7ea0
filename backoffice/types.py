"""Frozen facts of the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from django.utils.safestring import SafeString

from ecrm.kernel.drawing import safe
from ecrm.kernel.spreadsheets import Cell
from ecrm.kernel.templatetags.ecrm_ui import Reader

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceInfo:
    """Whether a colleague can take something over now."""

    agent_id: int
    is_online: bool
    is_away: bool

    @property
    def state(self) -> str:
        """Return online, away or offline."""
        if not self.is_online:
            return "offline"
        return "away" if self.is_away else "online"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """What the frame shows of an agent on every page."""

    is_away: bool
    unread: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DayOpening:
    """What the greeting of the home page says."""

    greeting: str
    first_name: str


Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column(Generic[Row]):
    """A column which an agent may show or hide.

    `show` gives what stands in the cell of the list, in the words of its reader; `value` what stands in
    that of a file. Both get the row of the list they belong to.
    """

    key: str
    label: str | _StrPromise
    show: Callable[[Row, Reader], str]
    value: Callable[[Row], Cell]
    css: str = "ec-wide-only"
    is_usual: bool = True


def cells(columns: Sequence[Column[Row]], row: Row, reader: Reader) -> SafeString:
    """The cells of a row, one after the other: eighty rows of them are printed faster than included."""
    return SafeString(
        "".join([f'<td class="{c.css}">{safe(c.show(row, reader))}</td>' for c in columns])
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedFilters:
    """A saved view as the list shows it."""

    id: int
    name: str
    url: str
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedViews:
    """The agent's saved views of one list; `query` is what saving would keep now."""

    list_path: str
    query: str
    views: Sequence[NamedFilters]

    @property
    def is_new(self) -> bool:
        """Whether the filters as they are now have no name yet."""
        return bool(self.query) and not any(view.is_current for view in self.views)


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnChoice:
    """One line of the menu of columns."""

    key: str
    label: str | _StrPromise
    is_shown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ListTools(Generic[Row]):
    """What stands above a list besides its filters, and the columns which the agent wants to see.

    An empty `export_url` offers no export.
    """

    list_path: str
    address: str
    saved: SavedViews
    columns: tuple[ColumnChoice, ...]
    shown: Sequence[Column[Row]]
    export_url: str
