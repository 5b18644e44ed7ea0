"""What segments add to the frame, to permissions, to the audit log, and to themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy, gettext_noop

from backoffice import extensions as frame
from company import extensions as company
from company import queries as company_queries
from company.extensions import AuditAction, AuditField, AuditNoun, AuditSubject
from profiles import permissions
from profiles.events import ProfileChanged, ProfileCreated
from profiles.extensions import Happening, Panel, happenings, panels
from profiles.queries import segments

if TYPE_CHECKING:
    from company.types import Agent

MOST_ON_HOME = 5


def register() -> None:
    """Fill the registries."""
    company.permissions.register(
        company.Permission(
            code=permissions.VIEW_SEGMENT,
            label=gettext_noop("See segments and lists"),
            module="profiles",
        ),
        company.Permission(
            code=permissions.MANAGE_SEGMENT,
            label=gettext_noop("Make and change segments and lists"),
            module="profiles",
            roles=("manager", "marketing"),
        ),
    )
    frame.navigation.register(
        frame.NavItem(
            key="segments",
            label=gettext_lazy("Segments"),
            url_name="profiles:segment-list",
            icon="users-group",
            permission=permissions.VIEW_SEGMENT,
            order=45,
        )
    )
    frame.commands.register(
        frame.Command(
            key="segment-new",
            label=gettext_lazy("New segment"),
            url_name="profiles:segment-new",
            icon="filter",
            permission=permissions.MANAGE_SEGMENT,
        )
    )
    panels.register(
        Panel(
            key="segments",
            title=gettext_lazy("Segments"),
            template="profiles/_segments_panel.html",
            permission=permissions.VIEW_SEGMENT,
            load=segments_panel,
            order=80,
        )
    )
    frame.home.register(
        frame.HomeCard(
            key="profiles.segments",
            title=gettext_lazy("Segments to look at"),
            template="profiles/_home_segments.html",
            permission=permissions.MANAGE_SEGMENT,
            load=segments_to_look_at,
            order=15,
        )
    )
    for key, label in (
        (ProfileCreated.name, gettext_lazy("Customer met")),
        (ProfileChanged.name, gettext_lazy("Details corrected")),
    ):
        happenings.register(Happening(key=key, label=label))
    _register_audit()


def _register_audit() -> None:
    name = {"name": AuditField(label=gettext_noop("Name"))}
    company.audit_nouns.register(
        AuditNoun(code="segment", label=gettext_noop("segment {id}"), find=_segments)
    )
    company.audit_actions.register(
        *(
            AuditAction(code=code, sentence=sentence, group="customers", fields=name | more)
            for code, sentence, more in (
                ("profiles.segment-created", gettext_noop("{who} made the segment {what}."), {}),
                (
                    "profiles.segment-changed",
                    gettext_noop("{who} changed the segment {what}."),
                    {"version": AuditField(label=gettext_noop("Version"))},
                ),
                (
                    "profiles.segment-archived",
                    gettext_noop("{who} put the segment {what} away."),
                    {},
                ),
                (
                    "profiles.segment-accepted",
                    gettext_noop("{who} has seen what the nightly check found in {what}."),
                    {"customers": AuditField(label=gettext_noop("Customers"))},
                ),
                (
                    "profiles.segment-recomputed",
                    gettext_noop("{who} had the segment {what} computed anew."),
                    {},
                ),
            )
        ),
        *(
            AuditAction(
                code=code,
                sentence=sentence,
                group="customers",
                fields={"customers": AuditField(label=gettext_noop("Customers"))},
            )
            for code, sentence in (
                ("profiles.list-extended", gettext_noop("{who} put customers on the list {what}.")),
                (
                    "profiles.list-shortened",
                    gettext_noop("{who} took customers off the list {what}."),
                ),
            )
        ),
    )


def _segments(agent: Agent, ids: Collection[str]) -> dict[str, AuditSubject]:
    """Segments of an audit entry, as far as the agent may see them."""
    rows = segments.visible_segments(agent).filter(pk__in=ids)
    return {
        str(row.pk): AuditSubject(
            name=row.name, url=reverse("profiles:segment-page", args=[row.pk])
        )
        for row in rows
    }


def segments_to_look_at(agent: Agent) -> dict[str, Any]:
    """Segments in which the nightly check found a difference, until somebody has seen it."""
    rows = segments.visible_segments(agent, code=permissions.MANAGE_SEGMENT)
    found = list(rows.filter(drift__gt=0).order_by("name", "pk")[:MOST_ON_HOME])
    if not found:
        return {}
    return {
        "segments": found,
        "count": len(found),
        "tone": "bad",
        "url": reverse("profiles:segment-list"),
    }


def segments_panel(profile_id: int, agent: Agent) -> dict[str, Any]:
    """The segments of a customer which the agent may see; nothing when there are none."""
    scope = company_queries.scope_of(agent, permissions.VIEW_SEGMENT)
    shop_ids = company_queries.shop_ids(agent, permissions.VIEW_SEGMENT)
    found = segments.segments_of(profile_id, shop_ids=shop_ids)
    shown = [item for item in found if item.shop_id is not None or scope.is_everywhere]
    return {"memberships": shown, "profile_id": profile_id} if shown else {}
