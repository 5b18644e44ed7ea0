"""What goes in and out of the customer API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ecrm.kernel.drf import MoneyField
from profiles.models import Identifier, Profile, ProfileShop
from profiles.types import Identity


class IdentifierOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Identifier.Kind.choices)
    value = serializers.CharField()
    verified = serializers.BooleanField(source="is_verified")


class RfmOut(serializers.Serializer[Any]):
    """In which fifth of the shop's customers he stands, 5 is the best."""

    recency = serializers.IntegerField()
    frequency = serializers.IntegerField()
    monetary = serializers.IntegerField()
    scored_at = serializers.DateTimeField()


class PredictionOut(serializers.Serializer[Any]):
    """What the shop's model says of the next twelve months."""

    value = MoneyField(source="worth")
    orders = serializers.FloatField()
    alive = serializers.FloatField(help_text="Chance that he has not left for good.")
    churn = serializers.FloatField(help_text="Chance that he places no order.")
    next_order_on = serializers.DateField(allow_null=True)
    predicted_at = serializers.DateTimeField()


class ProfileOut(serializers.Serializer[Any]):
    """A customer as the key's shop may see him; figures are those of this shop."""

    id = serializers.CharField(source="card.id")
    name = serializers.CharField(source="card.name")
    email = serializers.CharField(source="card.email", allow_blank=True)
    phone = serializers.CharField(source="card.phone", allow_blank=True)
    locale = serializers.CharField(source="card.locale", allow_blank=True)
    country = serializers.CharField(source="card.country", allow_blank=True)
    city = serializers.CharField(source="card.city", allow_blank=True)
    orders_count = serializers.IntegerField(source="card.orders_count")
    revenue = MoneyField(source="card.revenue", allow_null=True)
    last_order_at = serializers.DateTimeField(source="card.last_order_at", allow_null=True)
    first_seen_at = serializers.DateTimeField(source="card.first_seen_at")
    last_seen_at = serializers.DateTimeField(source="card.last_seen_at")
    birthday = serializers.DateField(allow_null=True)
    gender = serializers.CharField(allow_blank=True)
    timezone = serializers.CharField(allow_blank=True)
    first_order_at = serializers.DateTimeField(allow_null=True)
    average_order = MoneyField(allow_null=True)
    days_between_orders = serializers.FloatField(allow_null=True)
    requests_count = serializers.IntegerField(source="requests.requests_count")
    ratings_count = serializers.IntegerField(source="requests.ratings_count")
    satisfaction = serializers.FloatField(
        source="requests.satisfaction",
        allow_null=True,
        help_text="Average of his ratings of our answers, 1 to 5; null without any.",
    )
    rfm = RfmOut(allow_null=True)
    prediction = PredictionOut(
        allow_null=True, help_text="Null while the shop has not enough history."
    )
    stage = serializers.CharField(help_text="lead, new, active, loyal, at_risk or lost")
    tags = serializers.ListField(child=serializers.CharField())
    attributes = serializers.DictField(help_text="By key; numbers as text.")
    identifiers = IdentifierOut(many=True)
    merged_from = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of customers who were merged into this one."
    )


class ProfileIn(serializers.Serializer[Any]):
    """What to change about a customer; what is left out stays."""

    first_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    locale = serializers.CharField(required=False, allow_blank=True, max_length=20)
    attributes = serializers.DictField(required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=50
    )
    stage = serializers.ChoiceField(
        choices=ProfileShop.Stage.choices, required=False, allow_blank=True
    )


class ProfilePage(serializers.Serializer[Any]):
    results = ProfileOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class IdentityIn(serializers.Serializer[Any]):
    """What the shop knows of a person; at least one identifier."""

    email = serializers.CharField(required=False, allow_null=True, max_length=254)
    email_verified = serializers.BooleanField(
        required=False, help_text="The shop has seen a proof that the address is his."
    )
    phone = serializers.CharField(required=False, allow_null=True, max_length=40)
    phone_verified = serializers.BooleanField(
        required=False, help_text="The shop has seen a proof that the number is his."
    )
    customer_id = serializers.CharField(required=False, allow_null=True, max_length=254)
    anonymous_id = serializers.CharField(required=False, allow_null=True, max_length=254)
    device_id = serializers.CharField(required=False, allow_null=True, max_length=254)
    social = serializers.CharField(
        required=False, allow_null=True, max_length=150, help_text="`network:handle`"
    )
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    locale = serializers.CharField(required=False, allow_blank=True, max_length=20)
    country = serializers.CharField(required=False, allow_blank=True, max_length=2)
    city = serializers.CharField(required=False, allow_blank=True, max_length=120)
    birthday = serializers.DateField(required=False, allow_null=True)
    gender = serializers.ChoiceField(
        required=False, allow_blank=True, choices=Profile.Gender.choices
    )
    timezone = serializers.CharField(required=False, allow_blank=True, max_length=63)
    currency = serializers.CharField(required=False, allow_blank=True, max_length=3)
    accepts_marketing = serializers.BooleanField(required=False, allow_null=True)

    def identity(self) -> Identity:
        """What the shop's program told, which it vouches for."""
        told = dict(self.validated_data)
        kinds = ("email", "phone")
        verified = frozenset(kind for kind in kinds if told.pop(f"{kind}_verified", False))
        return Identity(**told, is_proven=True, verified=verified)


class TimelineOut(serializers.Serializer[Any]):
    id = serializers.CharField(source="key")
    event = serializers.CharField(source="name")
    kind = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    occurred_at = serializers.DateTimeField()


class TimelinePage(serializers.Serializer[Any]):
    results = TimelineOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class ProfileFilter(serializers.Serializer[Any]):
    """What the list can be narrowed by."""

    email = serializers.CharField(required=False, max_length=254)
    phone = serializers.CharField(required=False, max_length=40)
    customer_id = serializers.CharField(required=False, max_length=254)


class TimelineFilter(serializers.Serializer[Any]):
    kind = serializers.CharField(required=False, max_length=40)
    cursor = serializers.RegexField(r"^\d{1,18}_-?\d{1,18}$", required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, default=50)
