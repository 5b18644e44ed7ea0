"""The frame around a page, read piece by piece as the template asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from backoffice import extensions, queries
from ecrm.kernel.drawing import drawn

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from backoffice.types import Marks
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Rail:
    """The places an agent may enter, and the topics on whose hint their counters are asked again."""

    items: tuple[RailItem, ...]
    topics: str

    @property
    def phone_more(self) -> tuple[RailItem, ...]:
        """What a phone shows behind "More"."""
        return self.items[PHONE_BAR_ITEMS:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Who looks at the page, as his own menus show him."""

    id: int
    name: str
    email: str
    theme: str
    language: str
    is_away: bool

    @property
    def presence(self) -> str:
        """What the dot on his own picture says; "live" follows the socket."""
        return "away" if self.is_away else "live"


class Frame:
    """Everything base.html shows besides the page itself."""

    def __init__(self, request: HttpRequest) -> None:
        """Remember the request; nothing is read yet."""
        self._request = request

    @cached_property
    def agent(self) -> Agent | None:
        user = getattr(self._request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @property
    def drawn_head(self) -> SafeString:
        """Scripts and styles which every page brings."""
        return drawn("backoffice/_head.html")

    @property
    def drawn_rail(self) -> SafeString:
        """The left rail; on a phone the bar at the bottom."""
        return drawn("backoffice/_rail.html", rail=self.rail, reader=self.reader)

    @property
    def drawn_topbar(self) -> SafeString:
        """Search, shop, notifications, help."""
        return drawn(
            "backoffice/_topbar.html",
            reader=self.reader,
            shop=self.shop,
            shops=tuple(self.shops),
            unread=self.unread,
            help_links=self.help_links,
        )

    @property
    def drawn_sheets(self) -> SafeString:
        """What opens above every page."""
        return drawn("backoffice/_sheets.html")

    @cached_property
    def rail(self) -> Rail:
        items = sorted(extensions.navigation, key=lambda item: item.order)
        allowed = [item for item in items if self._may_see(item)]
        return Rail(
            items=tuple(self._rail_item(item) for item in allowed),
            topics=self._topics(allowed),
        )

    @cached_property
    def reader(self) -> Reader | None:
        if self.agent is None:
            return None
        return Reader(
            id=self.agent.id,
            name=self.agent.name,
            email=self.agent.email,
            theme=self.agent.theme,
            language=self.agent.language,
            is_away=self._marks.is_away,
        )

    @cached_property
    def help_links(self) -> tuple[extensions.HelpLink, ...]:
        return tuple(link for link in extensions.help_links if self._may_see(link))

    @cached_property
    def shops(self) -> list[ShopInfo]:
        return queries.shops_of(cast("AgentRequest", self._request)) if self.agent else []

    @cached_property
    def shop(self) -> ShopInfo | None:
        return queries.selected_shop(cast("AgentRequest", self._request)) if self.agent else None

    @cached_property
    def theme(self) -> str:
        return self.agent.theme if self.agent else "auto"

    @property
    def unread(self) -> int:
        return self._marks.unread

    @property
    def is_demo(self) -> bool:
        return bool(settings.ECRM_DEMO)

    @property
    def path(self) -> str:
        return self._request.get_full_path()

    @cached_property
    def _marks(self) -> Marks:
        return queries.marks_of(self.agent.id if self.agent else None)

    def _may_see(self, entry: extensions.NavItem | extensions.HelpLink) -> bool:
        if self.agent is None:
            return False
        return entry.permission is None or self.agent.has_perm(entry.permission)

    def _topics(self, items: list[extensions.NavItem]) -> str:
        if self.agent is None:
            return ""
        agent = self.agent
        topics = [topic for item in items if item.topics for topic in item.topics(agent)]
        return " ".join(dict.fromkeys(topics))

    @cached_property
    def _current_url(self) -> str:
        """Of the entries above this page the nearest one: segments stand below customers."""
        path = self._page_path
        urls = [_address(item.url_name) for item in extensions.navigation]
        above = [url for url in urls if url != "/" and path.startswith(url)]
        return max(above, key=len, default=path)

    @property
    def _page_path(self) -> str:
        """The path of the page; a refresh of the rail alone comes from the page around it."""
        if self._request.headers.get("HX-Target") != "rail-list":
            return self._request.path
        return urlsplit(self._request.headers.get("HX-Current-URL", "")).path

    def _rail_item(self, item: extensions.NavItem) -> RailItem:
        url = _address(item.url_name)
        count = item.counter(self.agent) if item.counter and self.agent else 0
        return RailItem(
            key=item.key,
            label=str(item.label),
            url=url,
            icon=item.icon,
            count=count,
            is_current=url == self._current_url,
        )


@cache
def _address(url_name: str) -> str:
    return reverse(url_name)
