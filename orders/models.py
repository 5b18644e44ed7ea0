"""Orders as their shops see them.

`Order.document` is what the shop said, returned unchanged by the API. The columns and the rows of
lines, shipments and refunds are what we search and add up; they are written from the document.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.money import Money
from orders.rules import ledger, precedence


def _amount() -> models.DecimalField[Decimal, Decimal]:
    return models.DecimalField(max_digits=19, decimal_places=4)


class OrderQuerySet(models.QuerySet["Order"]):
    def of_shops(self, shop_ids: Iterable[int]) -> OrderQuerySet:
        """Orders of these shops: the scope of every read."""
        return self.filter(shop_id__in=list(shop_ids))

    def counted(self) -> OrderQuerySet:
        """Orders which count as such: all but the cancelled ones."""
        return self.exclude(status=Order.Status.CANCELLED)

    def changed_since(self, moment: datetime) -> OrderQuerySet:
        """Orders we learned something about at or after this moment."""
        return self.filter(changed_at__gte=moment)

    def for_list(self) -> OrderQuerySet:
        """What one row of the list shows, without the document."""
        return self.defer("document").order_by("-placed_at", "-id")


class Order(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        PAID = "paid", _("Paid")
        PROCESSING = "processing", _("In preparation")
        SHIPPED = "shipped", _("Shipped")
        DELIVERED = "delivered", _("Delivered")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")

    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    external_id = models.CharField(max_length=255)
    number = models.CharField(max_length=255)
    status = models.CharField(max_length=10, choices=Status.choices)
    currency = models.CharField(max_length=3)
    placed_at = models.DateTimeField()
    source_version = models.BigIntegerField(null=True)
    source_updated_at = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=1)
    items_count = models.PositiveIntegerField()
    items_total = _amount()
    discount_total = _amount()
    shipping_total = _amount()
    tax_total = _amount()
    grand_total = _amount()
    refunded_total = _amount()
    mismatches = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    document = models.JSONField()
    # Its customer was erased: whatever the shop says of him again is not kept.
    is_erased = models.BooleanField(default=False, db_default=False)
    received_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "external_id"], name="orders_order_once"),
            models.CheckConstraint(
                name="orders_order_status_known",
                condition=Q(
                    status__in=[
                        "pending",
                        "paid",
                        "processing",
                        "shipped",
                        "delivered",
                        "completed",
                        "cancelled",
                        "refunded",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="orders_order_totals_positive",
                condition=Q(grand_total__gte=0, refunded_total__gte=0),
            ),
            models.CheckConstraint(
                name="orders_order_changed_after_received",
                condition=Q(changed_at__gte=models.F("received_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["shop", "-placed_at", "-id"], name="orders_order_list"),
            models.Index(fields=["profile", "-placed_at", "-id"], name="orders_order_of_profile"),
            models.Index(fields=["shop", "changed_at", "id"], name="orders_order_changed"),
            # For segments: who ordered in the last so many days, or one of some orders, from the index alone.
            models.Index(
                fields=["placed_at"],
                include=["profile", "shop", "status", "id"],
                name="orders_order_in_days",
            ),
            GinIndex(
                fields=["number"], name="orders_order_number_trgm", opclasses=["gin_trgm_ops"]
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def stamp(self) -> precedence.Stamp:
        """What the shop said about the age of this state."""
        return precedence.Stamp(
            version=self.source_version, updated_at=self.source_updated_at, status=self.status
        )

    @property
    def revenue(self) -> Decimal:
        """What the order brought in."""
        return ledger.revenue(grand=self.grand_total, refunded=self.refunded_total)

    @property
    def total(self) -> Money:
        """What the customer was asked to pay."""
        return Money(self.grand_total, self.currency)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    sku = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=500, blank=True)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    unit_price = _amount()
    discount = _amount()
    tax = _amount()
    total = _amount()
    # What the shop wrote beside the fields of the contract; segments ask for it.
    category = models.CharField(max_length=200, blank=True, default="", db_default="")
    brand = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="orders_orderline_position"),
            models.CheckConstraint(
                name="orders_orderline_quantity_positive", condition=Q(quantity__gt=0)
            ),
        ]
        indexes = [
            models.Index(fields=["sku"], include=["order"], name="orders_orderline_of_sku"),
            models.Index(
                Lower("category"), name="orders_orderline_of_category", condition=~Q(category="")
            ),
            models.Index(Lower("brand"), name="orders_orderline_of_brand", condition=~Q(brand="")),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.name or self.sku}"


class Shipment(models.Model):
    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="shipments", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    carrier = models.CharField(max_length=80, blank=True)
    tracking_number = models.CharField(max_length=120, blank=True, db_index=True)
    tracking_url = models.CharField(max_length=1000, blank=True)
    status = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="orders_shipment_position")
        ]

    def __str__(self) -> str:
        return f"{self.carrier} {self.tracking_number}".strip()


class Refund(models.Model):
    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="refunds", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    external_id = models.CharField(max_length=120, blank=True)
    amount = _amount()
    reason = models.CharField(max_length=500, blank=True)
    refunded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="orders_refund_position"),
            models.CheckConstraint(name="orders_refund_positive", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return f"refund of order {self.order_id}"
