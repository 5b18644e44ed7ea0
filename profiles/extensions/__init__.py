"""What upper modules contribute: to the customer page, the timeline, the search, merges and segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
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
    """How one fact reads on the timeline; `lines` are shown when somebody asks for more."""

    title: str
    detail: str = ""
    url: str = ""
    lines: tuple[str, ...] = ()


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
class Deed:
    """One thing somebody did on a shop's site, or with a mail: a row of the activity table."""

    id: int
    name: str
    shop_id: int
    occurred_at: datetime
    sku: str | None
    value: Decimal | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeedWords:
    """How deeds of one name read on the timeline; the key is the name, or empty for all others.

    Deeds of one `group` which follow each other closely become one line: `render` gets them all, the
    newest first. It runs no queries.
    """

    key: str
    icon: str
    render: Callable[[Sequence[Deed]], TimelineText]
    group: str = ""


class Mood(StrEnum):
    """What a signal says about how a customer feels."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """Something that tells how a customer feels, in words. `about_last_order` makes it weigh more."""

    mood: Mood
    text: str
    url: str = ""
    about_last_order: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalSource:
    """Finds signals of a customer in the shops in which an agent holds the permission."""

    key: str
    permission: str
    load: Callable[[int, frozenset[int]], Sequence[Signal]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stat:
    """A figure in the head of a customer's page, already in the reader's words."""

    label: str
    figure: str
    url: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatSource:
    """Contributes a figure to the head; None leaves it out."""

    key: str
    permission: str
    load: Callable[[int, frozenset[int]], Stat | None]
    order: int = 100


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
    says; columns it does not name stay as they are. An agent may want the other's instead: of the
    columns in `choices`, by the name of the choice, or of the whole row, by the name `row_choice` and
    the row's first unique column ("attribute:12").
    """

    columns: tuple[str, ...]
    condition: str = "true"
    combine: Mapping[str, Combine] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    row_choice: str = ""


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

    Called for both profiles after each undo: what is added up may have changed meanwhile. `differing`
    names the profiles whose sums are wrong; every night those are counted anew and reported.
    """

    key: str
    holding: str
    recount: Callable[[int], None]
    differing: Callable[[], Iterable[int]] | None = None


class ValueKind(StrEnum):
    """What an input of the segment builder takes."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    PRODUCT = "product"
    SEGMENT = "segment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One thing a condition of a segment asks for, under `key` of the condition.

    `choices` are asked for when the builder opens and when a rule is checked. With `is_open` they are
    suggestions only. `before` and `after` are the words around the input ("in the last", "days").
    """

    key: str = "value"
    kind: ValueKind
    label: str | _StrPromise = ""
    before: str | _StrPromise = ""
    after: str | _StrPromise = ""
    choices: Callable[[], Sequence[tuple[str, str]]] | None = None
    is_open: bool = False
    is_optional: bool = False
    least: int = 0
    most: int = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    """One way of asking: "is", "at least", "in the last … days", and what it asks for."""

    key: str
    label: str | _StrPromise
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with its parameters. `profiles.queries.criteria.sql` puts pieces together."""

    text: str
    params: tuple[Any, ...] = ()


class Scope(Protocol):
    """For whom a condition is compiled, and when. Every condition speaks of the row `p` of a profile."""

    @property
    def at(self) -> datetime:
        """The moment asked about: never use now() in SQL."""
        ...

    @property
    def time_zone(self) -> str:
        """Where days begin."""
        ...

    def who(self, column: str) -> Sql:
        """Whose rows a subquery reads: everybody's, or (AND …) those of `p`."""
        ...

    def just(self, column: str) -> Sql:
        """AND the rows of `p`, always: for flips and values."""
        ...

    def shops(self, column: str) -> Sql:
        """AND the shop of the segment, or nothing when it is for all shops."""
        ...

    def member(self, segment_id: int) -> Condition:
        """Membership of another segment, by its own rules."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A compiled leaf of a rule tree.

    `test` is a boolean about `p`: one text for the set of all customers and for one of them. `flip` is
    the next moment after `scope.at` at which the test may change by time alone: too early costs a look,
    too late is an error. `value` is what "why" shows, as JSON.
    """

    test: Sql
    flip: Sql | None = None
    value: Sql | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A checked condition: the operator and the values of its inputs, typed."""

    operator: str
    values: Mapping[str, Any]

    @property
    def value(self) -> Any:
        """The value of the input called `value`."""
        return self.values["value"]


# Any fact at all about a customer may change the answer, except what he does on a site and what the
# night works out of his figures (`night:…`): these are asked for by name.
ANY_FACT = frozenset({"*"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One choice of a criterion's input which the builder offers like a criterion of its own.

    `choices` are those of the other inputs, where they depend on it.
    """

    value: str
    label: str
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """Something segments can ask about customers.

    `inputs` are asked for beside those of the operator. `facts` names the events after which the answer
    may be another one: an event of this name with the customer's `profile_id`; a function when it
    depends on what is asked. `compile` runs no SQL. The input called `varied` is not shown: each of the
    `variants` stands in the builder by its own name instead.
    """

    key: str
    label: str | _StrPromise
    group: str | _StrPromise
    operators: tuple[Operator, ...]
    inputs: tuple[Input, ...] = ()
    facts: frozenset[str] | Callable[[Asked], frozenset[str]]
    compile: Callable[[Asked, Scope], Condition]
    varied: str = ""
    variants: Callable[[], Sequence[Variant]] | None = None
    order: int = 100

    def facts_of(self, asked: Asked) -> frozenset[str]:
        """The names of the events which can change this condition."""
        return self.facts(asked) if callable(self.facts) else self.facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """A published fact worth asking for in segments: `key` is the name of the event."""

    key: str
    label: str | _StrPromise


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

    def get(self, key: str) -> Item | None:
        """The contribution of this key, or None."""
        return self._items.get(key)


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
deeds: Registry[DeedWords] = Registry()
signals: Registry[SignalSource] = Registry()
stats: Registry[StatSource] = Registry()
criteria: Registry[Criterion] = Registry()
happenings: Registry[Happening] = Registry()
timeline = TimelineRegistry()
