"""Frozen facts about the company which other modules receive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopInfo:
    """A shop as other modules see it: one brand in one market.

    `logo` is the path of its picture on our own address, empty without one.
    """

    id: int
    slug: str
    name: str
    brand: str
    market: str
    default_language: str
    languages: tuple[str, ...]
    currency: str
    time_zone: str
    accent_color: str
    sender_name: str
    support_email: str
    logo: str = ""
    domains: tuple[str, ...] = ()
    is_active: bool = True

    @property
    def logo_url(self) -> str:
        """The whole address of the logo, for mails; empty without one."""
        return f"{settings.ECRM_BASE_URL}{self.logo}" if self.logo else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeyInfo:
    """The key that signed an API request; stands in `request.auth`."""

    id: int
    shop_id: int
    scopes: frozenset[str]
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentInfo:
    """An agent as other modules show him."""

    id: int
    name: str
    email: str


class Agent(Protocol):
    """What every module may use of the person who is signed in (AUTH_USER_MODEL)."""

    @property
    def id(self) -> int: ...
    @property
    def pk(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def theme(self) -> str: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def is_superuser(self) -> bool: ...
    @property
    def is_authenticated(self) -> bool: ...

    def has_perm(self, code: str, obj: Any = None) -> bool:
        """True when any shop's grant holds the permission."""
        ...


class AgentRequest(HttpRequest):
    """What a view behind `access.permission` or `access.signed_in` gets; only a type, never made."""

    user: Agent  # type: ignore[assignment] # anonymous visitors never get past the decorator


class ApiRequest(Request):
    """What an API view behind a scope gets; only a type, never made."""

    auth: ApiKeyInfo
