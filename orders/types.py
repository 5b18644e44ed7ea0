"""Frozen facts about orders which other modules hand in and receive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ecrm.kernel.errors import DomainError
from ecrm.kernel.money import Money
from profiles.types import Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that was ordered."""

    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal
    category: str = ""
    brand: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The amounts of an order in its currency."""

    items: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    grand: Decimal
    refunded: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderDocument:
    """A checked order as a shop sees it now. `services.read_document` makes one.

    `body` is the canonical JSON that the API returns; the other fields are the parts we calculate with.
    """

    body: Mapping[str, Any]
    number: str
    status: str
    currency: str
    placed_at: datetime
    updated_at: datetime | None
    version: int | None
    customer: Identity
    lines: tuple[Line, ...]
    totals: Totals
    mismatches: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What a writer believes about the stored order: HTTP's If-Match and If-None-Match.

    `revisions` of which one must be the stored one; None expects nothing; empty means any revision.
    """

    revisions: frozenset[int] | None = None
    is_new: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PutResult:
    """What became of an order that was sent to us, and the order as it stands now."""

    order_id: int
    created: bool
    changed: bool
    order: StoredOrder


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredOrder:
    """An order as the API shows it."""

    id: int
    external_id: str
    profile_id: int
    revision: int
    received_at: datetime
    changed_at: datetime
    mismatches: tuple[str, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResult:
    """What became of one order of a batch: taken in, or refused for a reason."""

    external_id: str | None
    order_id: int | None = None
    created: bool = False
    changed: bool = False
    refusal: DomainError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PastState:
    """An order as its shop saw it in the past; `at` is when we would have heard of it."""

    external_id: str
    document: OrderDocument
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """What became of one state of an import."""

    order_id: int
    created: bool
    changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderCard:
    """An order in a few words and numbers, for lists and panels."""

    id: int
    shop_id: int
    profile_id: int
    external_id: str
    number: str
    placed_at: datetime
    status: str
    status_label: str
    total: Money
    items_count: int
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Money that was paid, or tried to be."""

    method: str
    amount: Decimal
    status: str
    at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A shipment on its way."""

    carrier: str
    tracking_number: str
    tracking_url: str
    status: str
    contents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundMade:
    """Money that was given back."""

    id: str
    amount: Decimal
    reason: str
    at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderDetails:
    """Everything a page or a mail shows of one order. `tracking_url` is safe to link.

    `added_tax` and `taken_discount` are what a sum from items to total must show; the included ones
    are zero there.
    """

    card: OrderCard
    shop_id: int
    email: str
    lines: tuple[Line, ...]
    totals: Totals
    added_tax: Decimal
    included_tax: Decimal
    taken_discount: Decimal
    discount_codes: tuple[str, ...]
    shipping_method: str
    billing_address: tuple[str, ...]
    shipping_address: tuple[str, ...]
    payments: tuple[Payment, ...]
    parcels: tuple[Parcel, ...]
    refunds: tuple[RefundMade, ...]
    attribution: Mapping[str, str]
    mismatches: tuple[str, ...]
    received_at: datetime
    changed_at: datetime
