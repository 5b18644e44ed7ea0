"""What upper modules contribute to the customer page, the timeline, the search and to merges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
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


class Combine(StrEnum):
    """What becomes of a column when two rows must be one: the survivor's row and the one that goes.

    Empty values give way in FIRST. LEAST of a consent is the stricter one: no before yes, and what
    somebody said before what nobody asked.
    """

    FIRST = "first"
    SUM = "sum"
    LEAST = "least"
    GREATEST = "greatest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unique:
    """A profile may have one row only with the same `columns` (among those where `condition` holds).

    Where both profiles have one, the survivor's stays and takes up the other's values as `combine`
    says; columns it does not name stay as they are.
    """

    columns: tuple[str, ...]
    condition: str = "true"
    combine: Mapping[str, Combine] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Rows which point at a profile, and what a merge does with them.

    Every column that points at a profile is declared once, by the module which owns the table, in its
    `ready()`. `stays` gives the reason why a merge leaves the column alone. `order` is the line of the
    module in the import graph: upper modules first, so that rows which they lock are waited for before
    the facts about them are moved. `is_sum` says that the rows add up others (see Recount).
    """

    key: str
    table: str
    column: str = "profile_id"
    label: str | _StrPromise = ""
    order: int
    unique: Unique | None = None
    is_sum: bool = False
    stays: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recount:
    """Makes the sums of a holding anew, for one profile, from the rows it was added up from.

    Called for both profiles after each undo: what is added up may have changed meanwhile.
    """

    key: str
    holding: str
    recount: Callable[[int], None]


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
holdings: Registry[Holding] = Registry()
recounts: Registry[Recount] = Registry()
lookups: Registry[Lookup] = Registry()
timeline = TimelineRegistry()
