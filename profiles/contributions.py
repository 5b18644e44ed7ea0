"""Merging customers: who may, where in the frame, and which rows of ours and below move."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from backoffice import extensions as frame
from company import extensions as company
from profiles import permissions
from profiles.extensions import Combine, Holding, Recount, Unique, holdings, recounts
from profiles.rules.merging import ATTRIBUTE, OWNER, STAGE
from profiles.services import consents, privacy_declared

LINE = 50
DERIVED = "made anew from the profile"
NIGHTLY = "made anew from the orders every night"
HISTORY = "says what was merged"


def register() -> None:
    """Declare our own holdings, and the facts of the kernel, which knows no profiles."""
    company.permissions.register(
        company.Permission(
            code=permissions.MERGE,
            label=gettext_noop("Merge customers and undo it"),
            module="profiles",
            roles=("manager", "support"),
        )
    )
    company.audit_actions.register(
        company.AuditAction(
            code="profiles.identity-rules-changed",
            sentence=gettext_noop("{who} changed the rules for identifiers."),
            group="customers",
            fields={"kinds": company.AuditField(label=gettext_noop("Kinds"))},
        )
    )
    frame.commands.register(
        frame.Command(
            key="duplicates",
            label=_("Possible duplicates"),
            url_name="profiles:duplicate-queue",
            icon="users",
            permission=permissions.MERGE,
        )
    )
    frame.settings_pages.register(
        frame.SettingsPage(
            key="identity-rules",
            title=_("Identifying customers"),
            description=_(
                "Which identifiers lead to a customer, and which values identify nobody."
            ),
            url_name="profiles:identity-rules",
            icon="users",
            permission="company.manage_settings",
            group=_("Customers"),
            order=40,
        )
    )
    privacy_declared.register()
    for holding in (*_moving(), *_staying()):
        holdings.register(holding)
    recounts.register(
        Recount(
            key="consents",
            holding="profiles.consentstate",
            recount=consents.settle_again,
        )
    )


def _moving() -> tuple[Holding, ...]:
    return (
        Holding(
            key="profiles.identifier",
            table="profiles_identifier",
            label=_("Identifiers"),
            order=LINE,
            unique=Unique(
                columns=("kind", "value"),
                condition="NOT is_key",
                combine={"first_seen_at": Combine.LEAST, "last_seen_at": Combine.GREATEST},
            ),
        ),
        Holding(
            key="profiles.profileshop",
            table="profiles_profileshop",
            label=_("Shops"),
            order=LINE,
            unique=Unique(
                columns=("shop_id",),
                combine={
                    "since": Combine.LEAST,
                    "stage": Combine.FIRST,
                    "is_stage_fixed": Combine.FIRST,
                    "owner_id": Combine.FIRST,
                },
                choices={"stage": STAGE, "is_stage_fixed": STAGE, "owner_id": OWNER},
            ),
        ),
        Holding(
            key="profiles.figures",
            table="profiles_figures",
            order=LINE,
            is_sum=True,
            unique=Unique(
                columns=("shop_id", "currency"),
                combine={
                    "orders_count": Combine.SUM,
                    "revenue": Combine.SUM,
                    "first_order_at": Combine.LEAST,
                    "last_order_at": Combine.GREATEST,
                },
            ),
        ),
        Holding(
            key="profiles.address",
            table="profiles_postaladdress",
            label=_("Addresses"),
            order=LINE,
            unique=Unique(
                columns=("kind", "fingerprint"),
                combine={"first_seen_at": Combine.LEAST, "last_seen_at": Combine.GREATEST},
            ),
        ),
        Holding(key="profiles.note", table="profiles_note", label=_("Notes"), order=LINE),
        Holding(
            key="profiles.activity",
            table="profiles_activity",
            label=_("Activities on the site"),
            order=LINE,
        ),
        Holding(
            key="profiles.listmember",
            table="profiles_listmember",
            label=_("Lists"),
            order=LINE,
            unique=Unique(columns=("segment_id",), combine={"since": Combine.LEAST}),
        ),
        Holding(key="profiles.consent", table="profiles_consent", label=_("Consents"), order=LINE),
        Holding(
            key="profiles.consentstate",
            table="profiles_consentstate",
            order=LINE,
            is_sum=True,
            unique=Unique(
                columns=("shop_id", "channel", "purpose"), combine={"stand": Combine.GREATEST}
            ),
        ),
        Holding(
            key="profiles.requestfigures",
            table="profiles_requestfigures",
            order=LINE,
            is_sum=True,
            unique=Unique(
                columns=("shop_id",),
                combine={
                    "requests_count": Combine.SUM,
                    "last_request_at": Combine.GREATEST,
                    "ratings_count": Combine.SUM,
                    "ratings_sum": Combine.SUM,
                },
            ),
        ),
        Holding(
            key="profiles.attributevalue",
            table="profiles_attributevalue",
            label=_("Attributes"),
            order=LINE,
            unique=Unique(columns=("attribute_id",), row_choice=ATTRIBUTE),
        ),
        Holding(
            key="profiles.profiletag",
            table="profiles_profiletag",
            label=_("Tags"),
            order=LINE,
            unique=Unique(columns=("tag_id",)),
        ),
        Holding(
            key="kernel.event", table="kernel_eventrecord", label=_("Timeline entries"), order=90
        ),
    )


def _staying() -> tuple[Holding, ...]:
    return tuple(
        Holding(key=f"{table}.{column}", table=table, column=column, order=LINE, stays=why)
        for table, column, why in (
            ("profiles_profile", "merged_into_id", HISTORY),
            ("profiles_merge", "survivor_id", HISTORY),
            ("profiles_merge", "merged_id", HISTORY),
            ("profiles_duplicatepair", "low_id", "a decision about these two, hidden while merged"),
            (
                "profiles_duplicatepair",
                "high_id",
                "a decision about these two, hidden while merged",
            ),
            ("profiles_likenesskey", "profile_id", DERIVED),
            ("profiles_rfm", "profile_id", NIGHTLY),
            ("profiles_prediction", "profile_id", NIGHTLY),
            ("profiles_membership", "profile_id", "follows from the rules of the segment"),
            ("profiles_membershipchange", "profile_id", "says who came and went"),
            ("profiles_segmentflip", "profile_id", DERIVED),
            ("profiles_importedcustomer", "profile_id", "says whom a file brought"),
            ("profiles_segmenttouch", "profile_id", "both are looked at again"),
            ("profiles_tombstone", "profile_id", "stands where somebody was erased"),
            ("profiles_privacyrequest", "profile_id", "was made in the name of this record"),
        )
    )
