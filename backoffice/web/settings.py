"""The index of the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from backoffice import extensions

if TYPE_CHECKING:
    from company.types import Agent


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsGroup:
    """Pages under one heading."""

    label: str
    pages: list[extensions.SettingsPage] = field(default_factory=list)


def pages_for(agent: Agent) -> list[SettingsGroup]:
    """Return the settings pages this agent may open, by group, in their order."""
    groups: dict[str, SettingsGroup] = {}
    for page in sorted(extensions.settings_pages, key=lambda page: page.order):
        if page.permission is None or agent.has_perm(page.permission):
            label = str(page.group) or _("General")
            groups.setdefault(label, SettingsGroup(label=label)).pages.append(page)
    return list(groups.values())
