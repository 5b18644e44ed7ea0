"""Frozen facts about the company which other modules receive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopInfo:
    """A shop as other modules see it: one brand in one market."""

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
