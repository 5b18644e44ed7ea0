"""What we work out about a person, and what he did."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions.privacy import Fate, Personal
from profiles.services.privacy_words import SEARCHED, STRAIGHT_FROM, shop_name


def derived() -> tuple[Personal, ...]:
    """Figures, predictions and segments."""
    figures = _("Sums of orders and requests that stay without your name; they say nothing else.")
    return (
        Personal(
            key="profiles.figures",
            table="profiles_figures",
            label=_("Figures of orders"),
            processing="profiling",
            order=70,
            holdings=("profiles.figures",),
            fate=Fate.KEPT,
            why=figures,
            columns={
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "orders": ("t.orders_count", _("Orders")),
                "revenue": ("t.revenue", _("Revenue")),
                "currency": ("t.currency", _("Currency")),
                "first_order_at": ("t.first_order_at", _("First order")),
                "last_order_at": ("t.last_order_at", _("Last order")),
            },
        ),
        Personal(
            key="profiles.requestfigures",
            table="profiles_requestfigures",
            label=_("Figures of requests"),
            processing="profiling",
            order=70,
            holdings=("profiles.requestfigures",),
            fate=Fate.KEPT,
            why=figures,
            columns={
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "requests": ("t.requests_count", _("Requests")),
                "last_request_at": ("t.last_request_at", _("Last request")),
            },
        ),
        Personal(
            key="profiles.prediction",
            table="profiles_prediction",
            label=_("Predictions"),
            processing="profiling",
            order=60,
            holdings=("profiles_prediction.profile_id",),
            columns={
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "value": ("t.value", _("Value of the next twelve months")),
                "currency": ("t.currency", _("Currency")),
                "orders": ("t.orders", _("Orders")),
                "churn": ("t.churn", _("Chance of no further order")),
                "next_order_on": ("t.next_order_on", _("Next order")),
                "predicted_at": ("t.predicted_at", _("Date")),
            },
        ),
        Personal(
            key="profiles.rfm",
            table="profiles_rfm",
            label=_("Marks"),
            processing="profiling",
            order=60,
            holdings=("profiles_rfm.profile_id",),
            columns={
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "recency": ("t.recency", _("Recency")),
                "frequency": ("t.frequency", _("Frequency")),
                "monetary": ("t.monetary", _("Value")),
            },
        ),
        *(
            Personal(
                key=f"profiles.{name}",
                table=f"profiles_{name}",
                label=label,
                processing="profiling",
                order=60,
                holdings=(holding,),
                columns={
                    "segment": (
                        "(SELECT s.name FROM profiles_segment s WHERE s.id = t.segment_id)",
                        _("Segment"),
                    ),
                    **columns,
                },
            )
            for name, holding, label, columns in (
                (
                    "membership",
                    "profiles_membership.profile_id",
                    _("Segments"),
                    {"since": ("t.since", _("Since"))},
                ),
                (
                    "listmember",
                    "profiles.listmember",
                    _("Lists you are on"),
                    {"since": ("t.since", _("Since"))},
                ),
                (
                    "membershipchange",
                    "profiles_membershipchange.profile_id",
                    _("Segments you entered or left"),
                    {
                        "is_entry": ("t.is_entry", _("Entered")),
                        "at": ("t.at", _("Date")),
                    },
                ),
            )
        ),
        *(
            Personal(
                key=f"profiles.{name}",
                table=f"profiles_{name}",
                label=label,
                processing="profiling",
                order=60,
                holdings=(f"profiles_{name}.profile_id",),
                untold=STRAIGHT_FROM,
            )
            for name, label in (
                ("segmentflip", _("When segments will change")),
                ("segmenttouch", _("Segments to look at again")),
                ("likenesskey", _("What duplicates are found by")),
            )
        ),
    )


def behaviour() -> tuple[Personal, ...]:
    """Activities, and calls that nobody understood."""
    return (
        Personal(
            key="profiles.activity",
            table="profiles_activity",
            label=_("Activities on the site"),
            processing="behaviour",
            order=60,
            holdings=("profiles.activity",),
            columns={
                "at": ("t.occurred_at", _("Date")),
                "name": ("t.name", _("Activity")),
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "product": ("t.sku", _("Product")),
                "value": ("t.value", _("Value")),
                "details": ("t.properties", _("Details")),
            },
        ),
        Personal(
            key="profiles.parkedcall",
            table="profiles_parkedcall",
            label=_("Calls nobody understood"),
            processing="behaviour",
            order=60,
            where=f"t.body::text {SEARCHED}",
            columns={
                "received_at": ("t.received_at", _("Date")),
                "body": ("t.body", _("Details")),
            },
        ),
    )
