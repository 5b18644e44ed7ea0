"""Typed facts and the address book of who reacts to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Base of all facts. Fields are ids and JSON scalars: never free text, never personal data.

    `name` is `<module>.<noun>-<past participle>`. Fields called `profile_id` and `shop_id` also become
    indexed columns of the record: they place the fact on a timeline and inside a scope.
    """

    name: ClassVar[str]


E = TypeVar("E", bound=Event)
Handler = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscriber:
    """One reaction: `key` is `<module>.<function>`; `is_io` says that it talks to a network."""

    key: str
    event_type: type[Event]
    handler: Handler
    is_io: bool


_subscribers: dict[str, Subscriber] = {}
_by_event: dict[str, list[Subscriber]] = {}


def subscribe(
    event_type: type[E], *, io: bool = False
) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Make the decorated function react to an event.

    A plain handler only writes to our database: its effect and the tick commit together. A handler with
    `io=True` talks to a network: it runs outside any transaction, under a lease. Both are idempotent.
    """

    def register(handler: Callable[[E], None]) -> Callable[[E], None]:
        key = f"{handler.__module__.split('.', 1)[0]}.{handler.__name__}"
        if key in _subscribers:
            raise RuntimeError(f"Two subscribers are called {key}.")
        subscriber = Subscriber(key=key, event_type=event_type, handler=handler, is_io=io)
        _subscribers[key] = subscriber
        _by_event.setdefault(event_type.name, []).append(subscriber)
        return handler

    return register


def subscribers_of(event_name: str) -> list[Subscriber]:
    """Who reacts to an event of this name."""
    return _by_event.get(event_name, [])


def subscriber(key: str) -> Subscriber | None:
    """The reaction of this key, or None when the code no longer has it."""
    return _subscribers.get(key)


def all_subscribers() -> list[Subscriber]:
    """Every reaction, by key."""
    return [_subscribers[key] for key in sorted(_subscribers)]


def payload_of(event: Event) -> dict[str, Any]:
    """The event's fields as JSON (they are scalars: nothing needs a deep copy)."""
    return {name: getattr(event, name) for name in _names(type(event))}  # type: ignore[arg-type] # a class is hashable


@cache
def _names(event_type: type[Event]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(event_type))


def rebuild(event_type: type[E], payload: dict[str, Any]) -> E:
    """The event from its stored payload; fields it no longer has are ignored."""
    known = {field.name for field in fields(event_type)}
    return event_type(**{key: value for key, value in payload.items() if key in known})
