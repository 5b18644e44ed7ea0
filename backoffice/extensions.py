"""What upper modules contribute to the frame: they fill these registries in their `ready()`.

Every entry carries the permission that lets an agent see it; the frame does the filtering, so a
contributor never shows something that its own views would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import Agent


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


Entry = TypeVar("Entry", bound=_Keyed)


class Registry(Generic[Entry]):
    """Entries by key, in the order they were registered; registering a key again replaces it."""

    def __init__(self) -> None:
        """Start empty; entries come from `ready()` of the modules."""
        self._entries: dict[str, Entry] = {}

    def register(self, entry: Entry) -> None:
        """Add one entry."""
        self._entries[entry.key] = entry

    def get(self, key: str) -> Entry | None:
        """Return the entry of that key, or None."""
        return self._entries.get(key)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class NavItem:
    """A room of the product on the rail; the counter says how many wait for this agent.

    `topics` names the live topics on whose hint the counter is asked again.
    """

    key: str
    label: str | _StrPromise
    url_name: str
    icon: str
    permission: str | None = None
    order: int = 100
    counter: Callable[[Agent], int] | None = None
    topics: Callable[[Agent], Iterable[str]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One result of the global search."""

    title: str
    subtitle: str = ""
    url: str
    icon: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSource:
    """A kind of thing the global search finds; `search` returns the best few for these words."""

    key: str
    label: str | _StrPromise
    permission: str
    search: Callable[[Agent, str], list[Hit]]
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class HomeCard:
    """A part of the agent's day; `load` fills the template, which shows nothing but what it got.

    The template finds each entry of the mapping under its key; an empty mapping leaves the card out.
    The frame understands `count` and `tone` (bad, warn, new) for the figure in the card's head, `url`
    for where the head leads, `is_wide` for a full row.
    """

    key: str
    title: str | _StrPromise
    template: str
    permission: str | None
    load: Callable[[Agent], dict[str, Any]]
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTopic:
    """Topics beginning with `prefix:`; `may_follow` decides for the whole topic, e.g. `ticket:42`."""

    prefix: str
    may_follow: Callable[[Agent, str], bool]

    @property
    def key(self) -> str:
        """Return the prefix: there is one guard per prefix."""
        return self.prefix


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """Something to do or a place to go, offered by the command palette."""

    key: str
    label: str | _StrPromise
    url_name: str
    icon: str
    permission: str | None = None
    keys: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsPage:
    """A page of the settings, listed at `/settings/` under its group."""

    key: str
    title: str | _StrPromise
    description: str | _StrPromise
    url_name: str
    icon: str
    permission: str | None = None
    group: str | _StrPromise = ""
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpLink:
    """Something behind the question mark of the top bar."""

    key: str
    label: str | _StrPromise
    url_name: str
    icon: str
    permission: str | None = None


navigation: Registry[NavItem] = Registry()
search: Registry[SearchSource] = Registry()
home: Registry[HomeCard] = Registry()
live_topics: Registry[LiveTopic] = Registry()
commands: Registry[Command] = Registry()
settings_pages: Registry[SettingsPage] = Registry()
help_links: Registry[HelpLink] = Registry()
