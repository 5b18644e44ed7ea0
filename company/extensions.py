"""What upper modules contribute: the permissions and API scopes they check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


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


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


Item = TypeVar("Item", bound=_Coded)


class Registry(Generic[Item]):
    """Items by code, in the order of registration."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def register(self, item: Item) -> None:
        """Add the item; the same code registered twice is a programming error."""
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
