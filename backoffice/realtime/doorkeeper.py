"""Who may come in by the socket, and what he may follow."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from backoffice import extensions, rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from company.types import Agent


def is_own_page(scope: dict[str, Any]) -> bool:
    """Tell whether the page that opens the socket comes from the address it connects to."""
    origin = _header(scope, b"origin")
    host = _header(scope, b"host")
    if not origin or not host:
        return False
    return origin == settings.ECRM_BASE_URL or urlsplit(origin).netloc == host


def agent_of(scope: dict[str, Any]) -> Agent | None:
    """Return the agent whose session cookie came along, as the database knows him now."""
    key = _session_key(scope)
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if user.is_authenticated and user.is_active else None


def allowed_topics(agent: Agent | None, topics: Iterable[str]) -> frozenset[str]:
    """Return those topics which the agent may follow; a topic without a guard is refused."""
    if agent is None:
        return frozenset()
    return frozenset(topic for topic in topics if _may_follow(agent, topic))


def _may_follow(agent: Agent, topic: str) -> bool:
    guard = extensions.live_topics.get(rules.topic_prefix(topic))
    return guard is not None and guard.may_follow(agent, topic)


def _session_key(scope: dict[str, Any]) -> str:
    try:
        morsel = SimpleCookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _header(scope: dict[str, Any], name: bytes) -> str:
    values = [value for key, value in scope.get("headers", []) if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
