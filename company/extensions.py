"""What upper modules contribute: the permissions and API scopes they check, the words of the audit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """One thing an agent may be allowed to do, checked as `code` by the module that registers it.

    `roles` names the built-in roles which hold it from the start (the owner holds everything).
    None means: managers, and for a code which only views (`orders.view_order`) everybody.
    """

    code: str
    label: str
    module: str
    roles: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiScope:
    """One thing an API key may be allowed to do, listed in `required_scopes` of a view."""

    code: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditField:
    """How something that an audit entry keeps is told: under which label, and what its ids name.

    `noun` is the code of an AuditNoun: the value is then one id or several, in a list or with spaces.
    """

    label: str
    noun: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditAction:
    """A privileged action as the audit page tells it.

    `sentence` is a message to translate. It may name {who}, {what} (the target), {place} (“in Maison
    Alba”) and every key of the entry's changes; what it leaves out stands below, with its label.
    """

    code: str
    sentence: str
    group: str
    fields: Mapping[str, AuditField] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditGroup:
    """Actions which somebody looks for together."""

    code: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditSubject:
    """Something an entry speaks of: its name, and its page if the reader may open it."""

    name: str
    url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditNoun:
    """What the part before the colon of a target means, such as `agent` in `agent:7`.

    `find` gets the reader and ids, and returns those that exist and may be named to him. The others
    are called by `label`, a message to translate that may name {id}.
    """

    code: str
    label: str
    find: Callable[[Any, Collection[str]], Mapping[str, AuditSubject]]


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


Item = TypeVar("Item", bound=_Coded)


class Registry(Generic[Item]):
    """Items by code, in the order of registration."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def register(self, *items: Item) -> None:
        """Add the items; the same code registered twice is a programming error."""
        for item in items:
            if item.code in self._items:
                raise ValueError(f"{item.code} is registered twice.")
            self._items[item.code] = item

    def all(self) -> list[Item]:
        """Every item."""
        return list(self._items.values())

    def codes(self) -> frozenset[str]:
        """The codes of every item."""
        return frozenset(self._items)

    def get(self, code: str) -> Item | None:
        """The item, or None."""
        return self._items.get(code)


permissions: Registry[Permission] = Registry()
api_scopes: Registry[ApiScope] = Registry()
audit_groups: Registry[AuditGroup] = Registry()
audit_actions: Registry[AuditAction] = Registry()
audit_nouns: Registry[AuditNoun] = Registry()
