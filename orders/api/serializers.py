"""The order document in OpenAPI's words, and the filters of the list.

Documents are read by orders/rules/document.py, not by these classes: they describe, and the test
`test_the_schema_describes_what_the_parser_accepts` keeps both together.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.rules.document import STATUSES

AMOUNT = {
    "type": "string",
    "pattern": r"^-?\d{1,12}(\.\d{1,6})?$",
    "description": "A decimal in the order's currency, exact to its smallest unit.",
    "examples": ["12.90"],
}


@extend_schema_field(AMOUNT)
class AmountField(serializers.CharField):
    pass


@extend_schema_field(
    {
        "oneOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": r"^\d{1,7}(\.\d{1,3})?$"},
        ]
    }
)
class QuantityField(serializers.Field[Any, Any, Any, Any]):
    pass


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "description": "A SKU."},
            {"type": "object", "properties": {"sku": {"type": "string"}, "quantity": {}}},
        ]
    }
)
class PartLineField(serializers.Field[Any, Any, Any, Any]):
    pass


class Part(serializers.Serializer[Any]):
    """A part of the document: fields we don't know are kept in `extra` and returned."""

    extra = serializers.DictField(
        required=False, help_text="Fields beyond this schema, kept and returned."
    )


class OrderCustomer(Part):
    external_id = serializers.CharField(required=False, allow_null=True, max_length=254)
    email = serializers.CharField(required=False, allow_null=True, max_length=254)
    phone = serializers.CharField(required=False, allow_null=True, max_length=40)
    first_name = serializers.CharField(required=False, allow_null=True, max_length=120)
    last_name = serializers.CharField(required=False, allow_null=True, max_length=120)
    locale = serializers.CharField(required=False, allow_null=True, max_length=20)
    accepts_marketing = serializers.BooleanField(required=False, allow_null=True)


class OrderLine(Part):
    sku = serializers.CharField(required=False, allow_null=True, max_length=100)
    name = serializers.CharField(
        required=False, allow_null=True, max_length=500, help_text="A line has a name or a SKU."
    )
    quantity = QuantityField()
    unit_price = AmountField()
    discount = AmountField(required=False, allow_null=True)
    tax = AmountField(required=False, allow_null=True)
    total = AmountField(required=False, allow_null=True)


class OrderShipping(Part):
    method = serializers.CharField(required=False, allow_null=True, max_length=120)
    amount = AmountField(required=False, allow_null=True)
    tax = AmountField(required=False, allow_null=True)


class OrderDiscount(Part):
    code = serializers.CharField(required=False, allow_null=True, max_length=80)
    amount = AmountField()


class OrderTotals(Part):
    items = AmountField(required=False, allow_null=True)
    discount = AmountField(required=False, allow_null=True)
    shipping = AmountField(required=False, allow_null=True)
    tax = AmountField(required=False, allow_null=True)
    grand = AmountField()
    refunded = AmountField(required=False, allow_null=True)


class OrderAddress(Part):
    name = serializers.CharField(required=False, allow_null=True, max_length=200)
    company = serializers.CharField(required=False, allow_null=True, max_length=200)
    line1 = serializers.CharField(required=False, allow_null=True, max_length=300)
    line2 = serializers.CharField(required=False, allow_null=True, max_length=300)
    postcode = serializers.CharField(required=False, allow_null=True, max_length=20)
    city = serializers.CharField(required=False, allow_null=True, max_length=120)
    region = serializers.CharField(required=False, allow_null=True, max_length=120)
    country = serializers.CharField(
        required=False, allow_null=True, max_length=2, help_text="ISO 3166, two letters."
    )


class OrderPayment(Part):
    method = serializers.CharField(required=False, allow_null=True, max_length=80)
    amount = AmountField()
    status = serializers.CharField(required=False, allow_null=True, max_length=40)
    at = serializers.DateTimeField(required=False, allow_null=True)


class OrderShipment(Part):
    carrier = serializers.CharField(required=False, allow_null=True, max_length=80)
    tracking_number = serializers.CharField(required=False, allow_null=True, max_length=120)
    tracking_url = serializers.CharField(required=False, allow_null=True, max_length=1000)
    status = serializers.CharField(required=False, allow_null=True, max_length=40)
    lines = serializers.ListField(child=PartLineField(), required=False, allow_null=True)


class OrderRefund(Part):
    id = serializers.CharField(required=False, allow_null=True, max_length=120)
    amount = AmountField()
    at = serializers.DateTimeField(required=False, allow_null=True)
    lines = serializers.ListField(child=PartLineField(), required=False, allow_null=True)
    reason = serializers.CharField(required=False, allow_null=True, max_length=500)


class OrderAttribution(Part):
    source = serializers.CharField(  # type: ignore[assignment] # a field, not Field.source
        required=False, allow_null=True, max_length=200
    )
    medium = serializers.CharField(required=False, allow_null=True, max_length=200)
    campaign = serializers.CharField(required=False, allow_null=True, max_length=200)
    referrer = serializers.CharField(required=False, allow_null=True, max_length=2000)
    landing = serializers.CharField(required=False, allow_null=True, max_length=2000)


class OrderDocument(Part):
    """One order as the shop sees it now."""

    number = serializers.CharField(required=False, allow_null=True, max_length=64)
    placed_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Orders competing writes: an older state never wins.",
    )
    version = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, help_text="Decides before `updated_at`."
    )
    status = serializers.ChoiceField(choices=[(status, status) for status in STATUSES])
    currency = serializers.CharField(min_length=3, max_length=3, help_text="ISO 4217.")
    customer = OrderCustomer(required=False, allow_null=True)
    lines = OrderLine(many=True)
    shipping = OrderShipping(required=False, allow_null=True)
    discounts = OrderDiscount(many=True, required=False, allow_null=True)
    totals = OrderTotals()
    billing_address = OrderAddress(required=False, allow_null=True)
    shipping_address = OrderAddress(required=False, allow_null=True)
    payments = OrderPayment(many=True, required=False, allow_null=True)
    shipments = OrderShipment(many=True, required=False, allow_null=True)
    refunds = OrderRefund(many=True, required=False, allow_null=True)
    attribution = OrderAttribution(required=False, allow_null=True)
    cart_token = serializers.CharField(required=False, allow_null=True, max_length=200)


class OrderOut(OrderDocument):
    """The document as it was accepted, and what we know about it."""

    id = serializers.CharField(read_only=True)
    external_id = serializers.CharField(read_only=True)
    profile_id = serializers.CharField(read_only=True)
    received_at = serializers.DateTimeField(read_only=True)
    changed_at = serializers.DateTimeField(read_only=True)
    warnings = serializers.ListField(
        child=serializers.ChoiceField(choices=["lines", "grand", "refunded"]),
        read_only=True,
        help_text="Sums that do not add up. The order is kept as it was sent.",
    )


class OrderPage(serializers.Serializer[Any]):
    results = OrderOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class OrderBatchItem(OrderDocument):
    external_id = serializers.CharField(max_length=255)


class OrderBatch(serializers.Serializer[Any]):
    orders = OrderBatchItem(many=True, help_text="At most 500.")


class OrderFault(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class OrderBatchResult(serializers.Serializer[Any]):
    external_id = serializers.CharField(allow_null=True)
    status = serializers.IntegerField(help_text="201 created, 200 taken in, 409 or 422 refused.")
    id = serializers.CharField(required=False)
    changed = serializers.BooleanField(required=False, help_text="False when it was no news.")
    code = serializers.CharField(required=False)
    errors = OrderFault(many=True, required=False)  # type: ignore[assignment] # a field here


class OrderBatchOut(serializers.Serializer[Any]):
    results = OrderBatchResult(many=True)


class OrderFilter(serializers.Serializer[Any]):
    """What the list can be narrowed by."""

    status = serializers.MultipleChoiceField(
        choices=[(status, status) for status in STATUSES], required=False
    )
    number = serializers.CharField(required=False, max_length=64)
    email = serializers.CharField(
        required=False, max_length=254, help_text="Orders of the customer this address leads to."
    )
    updated_since = serializers.DateTimeField(
        required=False, help_text="Orders we learned about since then, the oldest news first."
    )
    placed_since = serializers.DateTimeField(required=False)
    placed_before = serializers.DateTimeField(required=False)
