"""What profiles add to the frame."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, gettext_noop, ngettext

from backoffice import extensions as frame
from company import extensions as company_extensions
from company import queries as company
from company.extensions import (
    AuditAction,
    AuditField,
    AuditGroup,
    AuditNoun,
    AuditSubject,
)
from ecrm.kernel.templatetags.ecrm_ui import number
from profiles import permissions, queries
from profiles.models import Profile
from profiles.types import ProfileCard
from profiles.web import customers, deeds, facts, privacy_contributions

if TYPE_CHECKING:
    from company.types import Agent

HITS = 6


def register() -> None:
    """Fill the registries of the modules below, and our own."""
    _register_permissions()
    _register_frame()
    _register_live()
    _register_audit()
    facts.register()
    deeds.register()
    privacy_contributions.register()


def _register_permissions() -> None:
    for code, label, roles in (
        (permissions.VIEW, gettext_noop("See customers"), None),
        (permissions.CHANGE, gettext_noop("Change customers"), ("manager", "support")),
        (permissions.EXPORT, gettext_noop("Export customers"), ("manager", "marketing")),
        (permissions.ERASE, gettext_noop("Erase customers for good"), ("manager",)),
        (
            permissions.WRITE_NOTE,
            gettext_noop("Write notes about customers and comments on the wall"),
            ("manager", "support", "marketing"),
        ),
    ):
        company_extensions.permissions.register(
            company_extensions.Permission(code=code, label=label, module="profiles", roles=roles)
        )
    for code, label in (
        ("profiles:read", gettext_noop("Read customers and their timeline")),
        ("profiles:write", gettext_noop("Create and complete customers")),
        ("track:write", gettext_noop("Tell what visitors do (write key)")),
    ):
        company_extensions.api_scopes.register(company_extensions.ApiScope(code=code, label=label))


def _register_frame() -> None:
    frame.navigation.register(
        frame.NavItem(
            key="customers",
            label=gettext_lazy("Customers"),
            url_name="profiles:profile-list",
            icon="users",
            permission=permissions.VIEW,
            order=30,
        )
    )
    frame.commands.register(
        frame.Command(
            key="wall",
            label=gettext_lazy("Open the wall"),
            url_name="profiles:wall",
            icon="history",
            permission=permissions.VIEW,
            keys="g w",
        )
    )
    frame.settings_pages.register(
        frame.SettingsPage(
            key="parked-calls",
            title=gettext_lazy("Parked tracking calls"),
            description=gettext_lazy("What shops told about visitors and nobody could understand."),
            url_name="profiles:parked-calls",
            icon="inbox",
            permission="company.operate",
            group=gettext_lazy("Customers"),
            order=50,
        )
    )
    frame.search.register(
        frame.SearchSource(
            key="customers",
            label=gettext_lazy("Customers"),
            permission=permissions.VIEW,
            search=search,
            order=20,
        )
    )
    frame.home.register(
        frame.HomeCard(
            key="profiles.new",
            title=gettext_lazy("New customers"),
            template="profiles/_home.html",
            permission=permissions.VIEW,
            load=new_customers,
            order=60,
        )
    )


def _register_live() -> None:
    for prefix, may_follow in (
        ("profile", permissions.may_follow_profile),
        ("profiles", permissions.may_follow_shop),
        ("wall", permissions.may_follow_shop),
    ):
        frame.live_topics.register(frame.LiveTopic(prefix=prefix, may_follow=may_follow))


def _register_audit() -> None:
    company_extensions.audit_groups.register(
        AuditGroup(code="customers", label=gettext_noop("Customers"))
    )
    company_extensions.audit_actions.register(
        AuditAction(
            code="profiles.profile-changed",
            sentence=gettext_noop("{who} corrected the details of {what}."),
            group="customers",
            fields={"fields": AuditField(label=gettext_noop("Corrected"), noun="profile-field")},
        ),
        AuditAction(
            code="profiles.identifier-verified",
            sentence=gettext_noop("{who} marked an identifier of {what} as verified: {kind}."),
            group="customers",
        ),
        AuditAction(
            code="profiles.identifier-unverified",
            sentence=gettext_noop(
                "{who} took the mark “verified” off an identifier of {what}: {kind}."
            ),
            group="customers",
        ),
        AuditAction(
            code="profiles.duplicate-decided",
            sentence=gettext_noop("{who} decided whether {what} and {other} are one person."),
            group="customers",
            fields={
                "other": AuditField(label=gettext_noop("Customer"), noun="profile"),
                "decision": AuditField(label=gettext_noop("Decision"), noun="duplicate-decision"),
            },
        ),
    )
    merged = {
        "merged": AuditField(label=gettext_noop("Customer"), noun="profile"),
        "merge": AuditField(label=gettext_noop("Merge no.")),
        "moved": AuditField(label=gettext_noop("Moved")),
    }
    company_extensions.audit_actions.register(
        AuditAction(
            code="profiles.profiles-merged",
            sentence=gettext_noop("{who} merged {merged} into {what}."),
            group="customers",
            fields=merged,
        ),
        AuditAction(
            code="profiles.merge-undone",
            sentence=gettext_noop("{who} took {merged} and {what} apart again."),
            group="customers",
            fields=merged,
        ),
    )
    company_extensions.audit_nouns.register(
        AuditNoun(code="profile", label=gettext_noop("customer no. {id}"), find=_audited),
        AuditNoun(code="profile-field", label="{id}", find=_field_names),
        AuditNoun(code="duplicate-decision", label="{id}", find=_decisions),
    )


def _audited(agent: Agent, ids: Collection[str]) -> dict[str, AuditSubject]:
    """Customers of an audit entry, as far as the agent may see them."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    known = Profile.objects.known_to(shop_ids).filter(pk__in=ids).values_list("pk", flat=True)
    return {
        str(card.id): AuditSubject(
            name=card.name, url=reverse("profiles:profile-page", args=[card.id])
        )
        for card in queries.cards(known).values()
    }


def _field_names(_agent: Agent, ids: Collection[str]) -> dict[str, AuditSubject]:
    names = {
        "first_name": gettext("first name"),
        "last_name": gettext("last name"),
        "locale": gettext("language"),
    }
    return {id_: AuditSubject(name=names[id_]) for id_ in ids if id_ in names}


def _decisions(_agent: Agent, ids: Collection[str]) -> dict[str, AuditSubject]:
    names = {
        "open": gettext("to be looked at again"),
        "later": gettext("later"),
        "different": gettext("two persons"),
    }
    return {id_: AuditSubject(name=names[id_]) for id_ in ids if id_ in names}


def search(agent: Agent, words: str) -> list[frame.Hit]:
    """Customers by name, address, number or order, the latest seen first."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    return [
        frame.Hit(
            title=card.name,
            subtitle=" · ".join(_about(card)),
            url=reverse("profiles:profile-page", args=[card.id]),
            icon="user",
        )
        for card in queries.best_matches(words, shop_ids=shop_ids, limit=HITS)
    ]


def new_customers(agent: Agent) -> dict[str, Any]:
    """Who was met since yesterday; nothing when nobody was."""
    count, rows = customers.new_today(company.shop_ids(agent, permissions.VIEW))
    if not rows:
        return {}
    return {
        "customers": [row.card for row in rows],
        "count": count,
        "url": reverse("profiles:profile-list") + "?since=1d&sort=newest",
    }


def _about(card: ProfileCard) -> list[str]:
    """What tells customers of one name apart."""
    contact = next((text for text in (card.email, card.phone) if text and text != card.name), "")
    orders = ngettext("%(number)s order", "%(number)s orders", card.orders_count)
    counted = orders % {"number": number(card.orders_count)} if card.orders_count else ""
    return [part for part in (contact, card.city, counted) if part]
