"""Frozen facts about customers which other modules hand in and receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy

from ecrm.kernel.money import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A postal address as a door knows it; `kind` is shipping or billing."""

    kind: str
    name: str = ""
    company: str = ""
    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a door knows of a person: raw identifiers and details, nothing normalised yet.

    `is_proven` says that somebody we trust vouches for it: the shop's program, a signed-in customer.
    What a visitor types and what a From header claims is not proven: it may find or create a profile,
    but changes nothing of a known one. `social` is `network:handle`. `verified` are the
    kinds of identifiers (email, phone) of which a proven door says that it asked for a proof itself.
    """

    email: str | None = None
    phone: str | None = None
    customer_id: str | None = None
    anonymous_id: str | None = None
    device_id: str | None = None
    social: str | None = None
    first_name: str = ""
    last_name: str = ""
    locale: str = ""
    country: str = ""
    city: str = ""
    birthday: date | None = None
    gender: str = ""
    timezone: str = ""
    currency: str = ""
    addresses: tuple[Address, ...] = ()
    accepts_marketing: bool | None = None
    is_proven: bool = False
    verified: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The profile of an identity, and whether this contact was the first one.

    `is_erased`: the contact is older than the erasure of this person. The profile is the empty record
    that is left of him; what came with the contact must not be kept.
    """

    profile_id: int
    created: bool
    is_erased: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileCard:
    """A customer in a few words and numbers, for lists and panels."""

    id: int
    name: str
    email: str
    phone: str
    locale: str
    country: str
    city: str
    orders_count: int
    revenue: Money | None
    last_order_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    is_erased: bool = False


# How an empty record is called wherever rows are left that had to be kept.
ERASED = gettext_lazy("Erased customer")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileName:
    """What a customer is called, and the address under it; empty without one."""

    name: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderFigures:
    """What the orders of one customer in one shop and currency add up to."""

    orders_count: int
    revenue: Decimal
    first_order_at: datetime | None
    last_order_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestNumbers:
    """What the requests of one customer in one shop add up to; ratings are 1 to 5."""

    requests_count: int = 0
    last_request_at: datetime | None = None
    ratings_count: int = 0
    ratings_sum: int = 0

    @property
    def satisfaction(self) -> float | None:
        """The average rating; None when he never gave one."""
        return round(self.ratings_sum / self.ratings_count, 2) if self.ratings_count else None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFigures:
    """The figures we keep of one customer in one shop and currency."""

    profile_id: int
    shop_id: int
    currency: str
    figures: OrderFigures


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineEntry:
    """One line of a customer's timeline, ready to show: a fact, or what he did during a visit.

    `key` tells entries apart, `lines` are shown when somebody asks for more.
    """

    id: int
    name: str
    kind: str
    icon: str
    title: str
    detail: str
    url: str
    shop_id: int | None
    occurred_at: datetime
    key: str = ""
    lines: tuple[str, ...] = ()
