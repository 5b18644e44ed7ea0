"""What upper modules contribute to the customer page, the timeline and the customer search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import Agent
    from ecrm.kernel.models import EventRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A box beside the timeline. `load` gets the profile and the agent and respects his shops.

    An empty dictionary from `load` hides the panel.
    """

    key: str
    title: str | _StrPromise
    template: str
    permission: str
    load: Callable[[int, Agent], dict[str, Any]]
    order: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineText:
    """How one fact reads on the timeline."""

    title: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineRenderer:
    """Puts all facts of one name into words at once, so that a timeline costs the same queries always.

    `render` may leave out facts which are not worth showing. `kind` is the filter group of the timeline,
    `permission` what an agent needs in the fact's shop to read it.
    """

    event_name: str
    icon: str
    kind: str
    kind_label: str | _StrPromise
    render: Callable[[Sequence[EventRecord]], Mapping[int, TimelineText]]
    permission: str = "profiles.view_profile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """Another way to find customers: gets the typed text and the shops in sight, gives profile ids."""

    key: str
    find: Callable[[str, frozenset[int]], Iterable[int]]


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


Item = TypeVar("Item", bound=_Keyed)


class Registry(Generic[Item]):
    """Contributions by key."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def register(self, item: Item) -> None:
        """Add the contribution; the same key twice is a programming error."""
        if item.key in self._items:
            raise ValueError(f"{item.key} is registered twice.")
        self._items[item.key] = item

    def all(self) -> list[Item]:
        """Every contribution."""
        return list(self._items.values())


class TimelineRegistry:
    """Renderers by event name."""

    def __init__(self) -> None:
        self._renderers: dict[str, TimelineRenderer] = {}

    def register(self, renderer: TimelineRenderer) -> None:
        """Add the renderer; two for one event are a programming error."""
        if renderer.event_name in self._renderers:
            raise ValueError(f"{renderer.event_name} has a renderer already.")
        self._renderers[renderer.event_name] = renderer

    def get(self, event_name: str) -> TimelineRenderer | None:
        """The renderer of an event, or None when it stays off the timeline."""
        return self._renderers.get(event_name)

    def all(self) -> list[TimelineRenderer]:
        """Every renderer."""
        return list(self._renderers.values())

    def names(self, kinds: frozenset[str] | None = None) -> list[str]:
        """The events shown, or those of these kinds."""
        return [name for name, r in self._renderers.items() if kinds is None or r.kind in kinds]

    def kinds(self) -> dict[str, str]:
        """The filter groups and their labels."""
        return {renderer.kind: str(renderer.kind_label) for renderer in self._renderers.values()}


panels: Registry[Panel] = Registry()
lookups: Registry[Lookup] = Registry()
timeline = TimelineRegistry()
