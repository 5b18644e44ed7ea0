"""What the contact centre adds to the frame, to customers' pages and to orders."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from backoffice import extensions as frame
from company import extensions as company_extensions
from company import queries as company
from contacts import permissions
from contacts.models import Ticket
from contacts.queries import inbox, thread
from contacts.web import moods, pages, timeline
from contacts.web.rows import customer_name
from profiles import extensions as profiles

if TYPE_CHECKING:
    from company.types import Agent

LONG, LATE = timedelta(hours=4), timedelta(hours=24)


def register() -> None:
    """Fill the registries of the modules below."""
    _register_permissions()
    _register_frame()
    _register_home()
    _register_ratings()
    timeline.register()
    moods.register()
    profiles.panels.register(
        profiles.Panel(
            key="contacts.requests",
            title=_("Requests"),
            template="contacts/_profile_requests.html",
            permission=permissions.VIEW,
            load=_requests_of,
            order=30,
        )
    )


def _register_permissions() -> None:
    for code, label, roles in (
        (permissions.VIEW, gettext_noop("Read requests"), None),
        (permissions.ANSWER, gettext_noop("Answer requests"), ("manager", "support")),
        (permissions.DELETE, gettext_noop("Delete requests"), ("manager",)),
    ):
        company_extensions.permissions.register(
            company_extensions.Permission(code=code, label=label, module="contacts", roles=roles)
        )
    for code, label in (
        ("tickets:read", gettext_noop("Read requests")),
        ("tickets:write", gettext_noop("Open requests and add messages")),
    ):
        company_extensions.api_scopes.register(company_extensions.ApiScope(code=code, label=label))


def _register_frame() -> None:
    frame.navigation.register(
        frame.NavItem(
            key="inbox",
            label=_("Inbox"),
            url_name="contacts:inbox",
            icon="inbox",
            permission=permissions.VIEW,
            order=10,
            counter=inbox.waiting_for,
            topics=pages.topics,
        )
    )
    frame.search.register(
        frame.SearchSource(
            key="requests",
            label=_("Requests"),
            permission=permissions.VIEW,
            search=_search,
            order=30,
        )
    )
    frame.live_topics.register(
        frame.LiveTopic(prefix="ticket", may_follow=permissions.may_follow_ticket)
    )
    frame.live_topics.register(
        frame.LiveTopic(prefix="tickets", may_follow=permissions.may_follow_shop)
    )
    frame.commands.register(
        frame.Command(
            key="inbox",
            label=_("Open the inbox"),
            url_name="contacts:inbox",
            icon="inbox",
            permission=permissions.VIEW,
            keys="g i",
        )
    )


def _register_ratings() -> None:
    frame.settings_pages.register(
        frame.SettingsPage(
            key="ratings",
            title=_("Satisfaction"),
            description=_("Which shops ask customers what they thought of the answers."),
            url_name="contacts:rating-policies",
            icon="mood-smile",
            permission="company.manage_settings",
            group=_("Customers"),
            order=42,
        )
    )
    company_extensions.audit_nouns.register(
        company_extensions.AuditNoun(
            code="ticket", label=gettext_noop("request no. {id}"), find=_requests_named
        )
    )
    company_extensions.audit_actions.register(
        company_extensions.AuditAction(
            code="contacts.ticket-deleted",
            sentence=gettext_noop("{who} deleted {what} {place}."),
            group="customers",
        ),
        company_extensions.AuditAction(
            code="contacts.rating-policy-changed",
            sentence=gettext_noop("{who} changed whether {what} asks for ratings."),
            group="customers",
            fields={"is_asking": company_extensions.AuditField(label=gettext_noop("Asks"))},
        ),
    )


def _requests_named(
    agent: Agent, ids: Collection[str]
) -> dict[str, company_extensions.AuditSubject]:
    """Requests of an audit entry that are still there, as far as the agent may read them."""
    numbers = [int(number) for number in ids if number.isascii() and number.isdigit()]
    found = inbox.visible_to(agent).filter(number__in=numbers)
    return {
        str(number): company_extensions.AuditSubject(
            name=f"#{number}", url=reverse("contacts:ticket", args=[number])
        )
        for number in found.values_list("number", flat=True)
    }


def _register_home() -> None:
    cards: tuple[tuple[str, Any, str, Any, int], ...] = (
        ("contacts.mine", _("Waiting for you"), "contacts/_home_mine.html", _my_day, 10),
        ("contacts.team", _("Waiting for anybody"), "contacts/_home_team.html", _our_day, 11),
    )
    for key, title, template, load, order in cards:
        frame.home.register(
            frame.HomeCard(
                key=key,
                title=title,
                template=template,
                permission=permissions.VIEW,
                load=load,
                order=order,
            )
        )


def _my_day(agent: Agent) -> dict[str, Any]:
    """The agent's own tickets whose customers wait."""
    count = inbox.counts(company.shop_ids(agent, permissions.VIEW), agent_id=agent.pk)["mine"]
    return _day(inbox.my_next(agent), count, "?view=mine")


def _our_day(agent: Agent) -> dict[str, Any]:
    """What nobody has taken yet, the longest waiting first."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    count = inbox.counts(shop_ids, agent_id=agent.pk)["unassigned"]
    return _day(inbox.longest_unassigned(agent), count, "?view=unassigned&sort=longest")


def _day(tickets: list[Ticket], count: int, query: str) -> dict[str, Any]:
    """The longest waiting tickets, and a tone that grows louder with the wait."""
    if not tickets:
        return {}
    waited = now() - (tickets[0].waiting_since or tickets[0].last_message_at)
    return {
        "tickets": tickets,
        "count": count,
        "tone": "bad" if waited > LATE else "warn" if waited > LONG else "new",
        "url": reverse("contacts:inbox") + query,
    }


def _search(agent: Agent, words: str) -> list[frame.Hit]:
    return [
        frame.Hit(
            title=ticket.subject or str(_("(no subject)")),
            subtitle=f"#{ticket.number} · {customer_name(ticket)} · {ticket.get_state_display()}",
            url=reverse("contacts:ticket", args=[ticket.number]) + "?view=all",
            icon="ticket",
        )
        for ticket in inbox.matching(agent, words)
    ]


def _requests_of(profile_id: int, agent: Agent) -> dict[str, Any]:
    """The customer's latest requests in the agent's shops."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    tickets = thread.of_profile(profile_id, shop_ids=shop_ids)
    return {"tickets": tickets} if tickets else {}
