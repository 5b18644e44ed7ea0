"""What we know of a person, and what he allowed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions.privacy import Fate, Personal
from profiles.services.privacy_words import EVENTS, shop_name

_VALUE = (
    "coalesce(to_jsonb(t.text), to_jsonb(t.number), to_jsonb(t.boolean), to_jsonb(t.day),"
    " to_jsonb(t.items))"
)
_WORDING = (
    "(SELECT w.version || ': ' || w.text FROM profiles_consentwording w WHERE w.id = t.wording_id)"
)


def person() -> tuple[Personal, ...]:
    """Names, identifiers, addresses and the shops that know somebody."""
    return (
        Personal(
            key="profiles.profile",
            table="profiles_profile",
            label=_("Profile"),
            processing="identity",
            order=99,
            where="t.id = ANY(%(profiles)s)",
            fate=Fate.EMPTIED,
            changes=(
                "first_name = '', last_name = '', search_name = '', locale = '', country = '',"
                " city = '', birthday = NULL, gender = '', timezone = '', currency = '',"
                " erased_at = coalesce(erased_at, %(at)s)"
            ),
            why=_("An empty record stays, for the orders that must be kept and as a tombstone."),
            columns={
                "id": ("t.id", _("Number")),
                "first_name": ("t.first_name", _("First name")),
                "last_name": ("t.last_name", _("Last name")),
                "birthday": ("t.birthday", _("Birthday")),
                "gender": ("t.gender", _("Gender")),
                "language": ("t.locale", _("Language")),
                "country": ("t.country", _("Country")),
                "city": ("t.city", _("City")),
                "time_zone": ("t.timezone", _("Time zone")),
                "currency": ("t.currency", _("Currency")),
                "source": ("t.source", _("Source")),
                "first_seen_at": ("t.first_seen_at", _("First contact")),
                "last_seen_at": ("t.last_seen_at", _("Last contact")),
                "merged_into": ("t.merged_into_id", _("Merged into")),
            },
            holdings=("profiles_profile.merged_into_id",),
        ),
        Personal(
            key="profiles.identifier",
            table="profiles_identifier",
            label=_("Identifiers"),
            processing="identity",
            order=60,
            holdings=("profiles.identifier",),
            columns={
                "kind": ("t.kind", _("Kind")),
                "value": ("t.value", _("Value")),
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "is_verified": ("t.is_verified", _("Verified")),
                "is_shared": ("NOT t.is_key", _("Shared with somebody")),
                "source": ("t.source", _("Source")),
                "first_seen_at": ("t.first_seen_at", _("First seen")),
                "last_seen_at": ("t.last_seen_at", _("Last seen")),
            },
        ),
        Personal(
            key="profiles.address",
            table="profiles_postaladdress",
            label=_("Addresses"),
            processing="identity",
            order=60,
            holdings=("profiles.address",),
            columns={
                name: (f"t.{name}", label)
                for name, label in (
                    ("kind", _("Kind")),
                    ("name", _("Name")),
                    ("company", _("Company")),
                    ("line1", _("Street")),
                    ("line2", _("Second line")),
                    ("postcode", _("Postcode")),
                    ("city", _("City")),
                    ("region", _("Region")),
                    ("country", _("Country")),
                    ("source", _("Source")),
                    ("last_seen_at", _("Last seen")),
                )
            },
        ),
        Personal(
            key="profiles.profileshop",
            table="profiles_profileshop",
            label=_("Shops"),
            processing="identity",
            order=60,
            holdings=("profiles.profileshop",),
            columns={
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "since": ("t.since", _("Since")),
                "stage": ("t.stage", _("Stage")),
            },
        ),
    )


def knowledge() -> tuple[Personal, ...]:
    """Attributes, tags, what colleagues wrote, consents."""
    return (
        Personal(
            key="profiles.attributevalue",
            table="profiles_attributevalue",
            label=_("Attributes"),
            processing="identity",
            order=60,
            holdings=("profiles.attributevalue",),
            columns={
                "attribute": (
                    "(SELECT a.label FROM profiles_attribute a WHERE a.id = t.attribute_id)",
                    _("Attribute"),
                ),
                "value": (
                    _VALUE,
                    _("Value"),
                ),
                "source": ("t.source", _("Source")),
                "changed_at": ("t.changed_at", _("Changed")),
            },
        ),
        Personal(
            key="profiles.profiletag",
            table="profiles_profiletag",
            label=_("Tags"),
            processing="identity",
            order=60,
            holdings=("profiles.profiletag",),
            columns={
                "tag": ("(SELECT g.name FROM profiles_tag g WHERE g.id = t.tag_id)", _("Tag")),
                "added_at": ("t.added_at", _("Since")),
            },
        ),
        Personal(
            key="profiles.note",
            table="profiles_note",
            label=_("Notes"),
            processing="identity",
            order=60,
            holdings=("profiles.note",),
            columns={
                "text": ("t.text", _("Text")),
                "created_at": ("t.created_at", _("Written")),
                "edited_at": ("t.edited_at", _("Changed")),
                "removed_at": ("t.removed_at", _("Removed")),
            },
        ),
        Personal(
            key="profiles.wallcomment",
            table="profiles_wallcomment",
            label=_("Comments of colleagues"),
            processing="identity",
            order=56,
            where=f"t.event_id IN ({EVENTS})",
            columns={
                "text": ("t.text", _("Text")),
                "created_at": ("t.created_at", _("Written")),
                "removed_at": ("t.removed_at", _("Removed")),
            },
        ),
        Personal(
            key="profiles.consentstate",
            table="profiles_consentstate",
            label=_("Current consents"),
            processing="consents",
            order=58,
            holdings=("profiles.consentstate",),
            untold=_("Follows from the entries."),
        ),
        Personal(
            key="profiles.consent",
            table="profiles_consent",
            label=_("Consents"),
            processing="consents",
            order=60,
            holdings=("profiles.consent",),
            columns={
                "shop": (shop_name("t.shop_id"), _("Shop")),
                "channel": ("t.channel", _("Channel")),
                "purpose": ("t.purpose", _("Purpose")),
                "answer": ("t.answer", _("Answer")),
                "answered_at": ("t.answered_at", _("Date")),
                "source": ("t.source", _("Source")),
                "address": ("t.address", _("Address")),
                "ip": ("host(t.ip)", _("IP address")),
                "wording": (
                    _WORDING,
                    _("Wording"),
                ),
                "proof": ("t.proof", _("Proof")),
                "reason": ("t.reason", _("Reason")),
            },
            emails="t.address",
        ),
    )
