"""Openings, clicks and wishes as privacy sees them: handed out, erased, forgotten by age."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions.privacy import Ageing, Fate, Personal

_HIS = (
    "t.message_id IN (SELECT k.id FROM messaging_outgoingmessage k"
    " WHERE k.profile_id = ANY(%(profiles)s) OR lower(k.recipient) = ANY(%(addresses)s))"
)
_SITE = "substring(t.target FROM '^[A-Za-z]+://[^/?#]*') || '/'"


def declared() -> tuple[Personal, ...]:
    """Hits and wishes go with the person; where links led is cut down to the site."""
    return (
        Personal(
            key="messaging.pace",
            table="messaging_mailpace",
            label=_("How often you want news and offers"),
            processing="messages",
            order=16,
            holdings=("messaging.pace",),
            columns={
                "since": ("t.changed_at", _("Date")),
                "days": ("t.days", _("Days between two mails, at least")),
            },
        ),
        Personal(
            key="messaging.hit",
            table="messaging_hit",
            label=_("Openings and clicks of mails"),
            processing="messages",
            order=14,
            where=_HIS,
            columns={
                "first_at": ("t.first_at", _("First time")),
                "last_at": ("t.last_at", _("Last time")),
                "link": ("nullif(t.number, 0)", _("Number of the link")),
                "source": ("t.source", _("By whom")),
                "times": ("t.hits", _("How often")),
            },
        ),
        Personal(
            key="messaging.link",
            table="messaging_link",
            label=_("Where the links of your mails lead"),
            processing="messages",
            order=14,
            where=f"{_HIS} AND t.target <> {_SITE}",
            fate=Fate.EMPTIED,
            changes=f"target = {_SITE}",
            why=_("A link of a mail still leads to the site, without what was personal in it."),
            columns={"target": ("t.target", _("Address"))},
        ),
    )


def forgotten() -> tuple[Ageing, ...]:
    """How long hits are kept."""
    return (
        Ageing(
            key="messaging.hit",
            table="messaging_hit",
            label=_("Openings and clicks of mails"),
            help=_("Counts on a message's page go with them; the message stays."),
            source=_("13 months: CNIL, guidelines on cookies and other trackers (2020)"),
            days=396,
            least=7,
            age="t.last_at",
            shop="(SELECT k.shop_id FROM messaging_outgoingmessage k WHERE k.id = t.message_id)",
            link="messaging:outgoing-page",
            example="t.message_id",
            order=42,
        ),
    )
