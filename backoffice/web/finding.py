"""Global search: places, actions and what the modules find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import extensions
from backoffice.extensions import Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from company.types import Agent

SHORTEST_SEARCH = 2
HITS_PER_SOURCE = 6
COMMANDS_SHOWN = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Hits of one kind; only hits of modules are worth remembering as recent."""

    label: str
    hits: list[Hit]
    is_recent: bool


def find(agent: Agent, text: str) -> list[Group]:
    """Return places and commands matching the text, and the hits of every source the agent may use."""
    groups = [_commands(agent, text)]
    if len(text) >= SHORTEST_SEARCH:
        groups = [*_found(agent, text), *groups]
    return [group for group in groups if group.hits]


def _found(agent: Agent, text: str) -> Iterator[Group]:
    for source in sorted(extensions.search, key=lambda source: source.order):
        if agent.has_perm(source.permission):
            hits = source.search(agent, text)[:HITS_PER_SOURCE]
            yield Group(label=str(source.label), hits=hits, is_recent=True)


def _commands(agent: Agent, text: str) -> Group:
    words = text.casefold().split()
    hits = [hit for hit in _places(agent) if all(word in hit.title.casefold() for word in words)]
    return Group(label=_("Go to"), hits=hits[: COMMANDS_SHOWN if text else None], is_recent=False)


def _places(agent: Agent) -> Iterator[Hit]:
    """Yield rooms of the rail, commands and settings pages, in this order."""
    for item in sorted(extensions.navigation, key=lambda item: item.order):
        if item.permission is None or agent.has_perm(item.permission):
            yield Hit(title=str(item.label), url=reverse(item.url_name), icon=item.icon)
    for command in extensions.commands:
        if command.permission is None or agent.has_perm(command.permission):
            yield Hit(
                title=str(command.label),
                subtitle=command.keys,
                url=reverse(command.url_name),
                icon=command.icon,
            )
    for page in sorted(extensions.settings_pages, key=lambda page: page.order):
        if page.permission is None or agent.has_perm(page.permission):
            yield Hit(
                title=str(page.title),
                subtitle=_("Settings"),
                url=reverse(page.url_name),
                icon=page.icon,
            )
