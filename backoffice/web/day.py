"""The agent's day: what the home page puts together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from backoffice import extensions, rules
from backoffice.web.settings import pages_for

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from company.types import Agent


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The first line of the day."""

    greeting: str
    date: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DayCard:
    """A card with what its module loaded."""

    key: str
    title: str
    content: dict[str, Any]
    body: SafeString

    @property
    def count(self) -> int | None:
        return self.content.get("count")

    @property
    def url(self) -> str:
        return str(self.content.get("url", ""))

    @property
    def tone(self) -> str:
        return str(self.content.get("tone", ""))

    @property
    def is_wide(self) -> bool:
        return bool(self.content.get("is_wide"))


def opening(agent: Agent, *, at: datetime) -> Opening:
    """Greet the agent by the hour and his first name."""
    greetings = {
        "night": _("Good evening, %(name)s"),
        "morning": _("Good morning, %(name)s"),
        "afternoon": _("Good afternoon, %(name)s"),
        "evening": _("Good evening, %(name)s"),
    }
    name = agent.name.split()[0] if agent.name.strip() else agent.email
    return Opening(greeting=greetings[rules.part_of_day(at)] % {"name": name}, date=at)


def cards(agent: Agent) -> list[DayCard]:
    """Load the cards which this agent may see and which have something to say."""
    entries = sorted(extensions.home, key=lambda entry: entry.order)
    allowed = [e for e in entries if e.permission is None or agent.has_perm(e.permission)]
    loaded = [(entry, entry.load(agent)) for entry in allowed]
    return [_card(entry, content) for entry, content in loaded if content]


def _card(entry: extensions.HomeCard, content: dict[str, Any]) -> DayCard:
    body = render_to_string(entry.template, {**content, "content": content})
    return DayCard(key=entry.key, title=str(entry.title), content=content, body=body)


def first_steps(agent: Agent) -> list[extensions.SettingsPage]:
    """Return what a newcomer may set up, for a day on which nothing waits."""
    return [page for group in pages_for(agent) for page in group.pages][:6]
