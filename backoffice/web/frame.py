"""The frame around a page, read piece by piece as the template asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.urls import reverse

from backoffice import extensions, queries

if TYPE_CHECKING:
    from django.http import HttpRequest

    from company.types import Agent, AgentRequest, ShopInfo

PHONE_BAR_ITEMS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class RailItem:
    """One place on the rail, as this agent sees it now."""

    key: str
    label: str
    url: str
    icon: str
    count: int
    is_current: bool


class Frame:
    """Everything base.html shows besides the page itself."""

    def __init__(self, request: HttpRequest) -> None:
        """Remember the request; nothing is read yet."""
        self._request = request

    @cached_property
    def agent(self) -> Agent | None:
        user = getattr(self._request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def rail(self) -> list[RailItem]:
        if self.agent is None:
            return []
        items = sorted(extensions.navigation, key=lambda item: item.order)
        return [
            self._rail_item(item)
            for item in items
            if item.permission is None or self.agent.has_perm(item.permission)
        ]

    @cached_property
    def rail_topics(self) -> str:
        """The topics on whose hint the counters are asked again."""
        if self.agent is None:
            return ""
        agent = self.agent
        topics = [
            topic
            for item in extensions.navigation
            if item.topics and (item.permission is None or agent.has_perm(item.permission))
            for topic in item.topics(agent)
        ]
        return " ".join(dict.fromkeys(topics))

    @property
    def request_path(self) -> str:
        """The path of the page; a refresh of the rail says for which page it is."""
        return self._request.GET.get("on", "") if "on" in self._request.GET else self._request.path

    @cached_property
    def phone_more(self) -> list[RailItem]:
        return self.rail[PHONE_BAR_ITEMS:]

    @cached_property
    def help_links(self) -> list[extensions.HelpLink]:
        if self.agent is None:
            return []
        agent = self.agent
        return [
            link
            for link in extensions.help_links
            if link.permission is None or agent.has_perm(link.permission)
        ]

    @cached_property
    def shops(self) -> list[ShopInfo]:
        return queries.shops_of(cast("AgentRequest", self._request)) if self.agent else []

    @cached_property
    def shop(self) -> ShopInfo | None:
        return queries.selected_shop(cast("AgentRequest", self._request)) if self.agent else None

    @cached_property
    def theme(self) -> str:
        return self.agent.theme if self.agent else "auto"

    @cached_property
    def unread(self) -> int:
        return queries.unread_count(self.agent.id) if self.agent else 0

    @cached_property
    def is_away(self) -> bool:
        if self.agent is None:
            return False
        return queries.presence([self.agent.id])[self.agent.id].is_away

    @cached_property
    def presence(self) -> str:
        """What the dot on the agent's own picture says; "live" follows the socket."""
        return "away" if self.is_away else "live"

    @property
    def is_demo(self) -> bool:
        return bool(settings.ECRM_DEMO)

    @property
    def path(self) -> str:
        return self._request.get_full_path()

    @cached_property
    def _current_url(self) -> str:
        """Of the entries above this page the nearest one: segments stand below customers."""
        urls = [reverse(item.url_name) for item in extensions.navigation]
        above = [url for url in urls if url != "/" and self.request_path.startswith(url)]
        return max(above, key=len, default=self.request_path)

    def _rail_item(self, item: extensions.NavItem) -> RailItem:
        url = reverse(item.url_name)
        is_current = url == self._current_url
        count = item.counter(self.agent) if item.counter and self.agent else 0
        return RailItem(
            key=item.key,
            label=str(item.label),
            url=url,
            icon=item.icon,
            count=count,
            is_current=is_current,
        )
