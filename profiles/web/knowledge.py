"""What we know of a customer beside his name: panels, timeline, settings pages and audit sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from backoffice import extensions as frame
from company import extensions as company_extensions
from company import queries as company
from company.extensions import AuditAction, AuditField
from ecrm.kernel.templatetags.ecrm_ui import number
from profiles import events, permissions
from profiles.extensions import (
    Panel,
    Stat,
    StatSource,
    TimelineRenderer,
    TimelineText,
    panels,
    stats,
    timeline,
)
from profiles.models import Tag
from profiles.models.consents import Channel, Purpose
from profiles.queries import attributes, care, predictions, tags
from profiles.queries.cards import days_between, order_figures
from profiles.web import attribute_words as words
from profiles.web import consents

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import Agent, AgentInfo
    from ecrm.kernel.models import EventRecord

    Renderer = Callable[[Sequence[EventRecord]], Mapping[int, TimelineText]]

SETTINGS = "company.manage_settings"
SHOWN = 8


def register() -> None:
    """Fill the registries."""
    _register_panels()
    _register_settings()
    _register_timeline()
    _register_audit()


def _register_panels() -> None:
    for key, title, template, load, order in (
        ("about", gettext_lazy("About"), "profiles/_about_panel.html", about, 5),
        ("prospects", gettext_lazy("Prospects"), "profiles/_prospects_panel.html", prospects, 15),
        ("consents", gettext_lazy("Consents"), "profiles/_consents_panel.html", consented, 90),
    ):
        panels.register(
            Panel(
                key=key,
                title=title,
                template=template,
                permission=permissions.VIEW,
                load=load,
                order=order,
            )
        )

    for key, load_stat, order in (
        ("profiles.rhythm", rhythm, 30),
        ("profiles.requests", asked, 40),
    ):
        stats.register(
            StatSource(key=key, permission=permissions.VIEW, load=load_stat, order=order)
        )


def _register_settings() -> None:
    for key, title, description, url_name, icon in (
        (
            "attributes",
            gettext_lazy("Attributes of customers"),
            gettext_lazy("What you want to know of customers beside names and orders."),
            "profiles:attribute-list",
            "forms",
        ),
        (
            "insight",
            gettext_lazy("Figures and predictions"),
            gettext_lazy("What the predictions rest on, and whether the figures are right."),
            "profiles:insight",
            "checks",
        ),
    ):
        frame.settings_pages.register(
            frame.SettingsPage(
                key=key,
                title=title,
                description=description,
                url_name=url_name,
                icon=icon,
                permission=SETTINGS,
                group=gettext_lazy("Customers"),
                order=41,
            )
        )


# --- Head and panels ------------------------------------------------------------------------------


def rhythm(profile_id: int, shop_ids: frozenset[int]) -> Stat | None:
    """How many days pass between two orders."""
    figures = order_figures([profile_id], shop_ids=shop_ids).get(profile_id, {})
    days = days_between(figures)
    if days is None:
        return None
    return Stat(label=_("Days between orders"), figure=number(round(days)))


def asked(profile_id: int, shop_ids: frozenset[int]) -> Stat | None:
    """How often he turned to us."""
    found = predictions.requests(profile_id, shop_ids=shop_ids)
    count = found.requests_count
    return Stat(label=_("Requests"), figure=number(count)) if count else None


def about(profile_id: int, agent: Agent) -> dict[str, Any]:
    """Stage, owner, tags and filled attributes."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    cares = care.care_of(profile_id, shop_ids=shop_ids, at=now())
    owners = company.agent_infos({known.owner_id for known in cares if known.owner_id})
    may_change = not company.shop_ids(agent, permissions.CHANGE).isdisjoint(
        known.shop_id for known in cares
    )
    return {
        "cares": [_care_line(known, owners, names_shop=len(cares) > 1) for known in cares],
        "tags": [tag.name for tag in tags.tags_of(profile_id)],
        "lines": [
            {"label": line.attribute.label, "text": words.shown(line.value)}
            for line in attributes.lines(profile_id)
            if line.value is not None
        ],
        "change_url": reverse("profiles:profile-about", args=[profile_id]) if may_change else "",
    }


def _care_line(
    known: care.Care, owners: Mapping[int, AgentInfo], *, names_shop: bool
) -> dict[str, str]:
    owner = owners.get(known.owner_id) if known.owner_id else None
    return {
        "shop": company.shop(known.shop_id).name if names_shop else "",
        "stage": words.stage(known.stage),
        "tone": words.TONES.get(known.stage, ""),
        "owner": owner.name if owner else "",
    }


def prospects(profile_id: int, agent: Agent) -> dict[str, Any]:
    """What is predicted, and how he stands among the shop's customers."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    marks = {mark.shop_id: mark for mark in predictions.marks(profile_id, shop_ids=shop_ids)}
    found = predictions.foresights(profile_id, shop_ids=shop_ids)
    if not marks and not found:
        return {}
    by_shop = {foresight.shop_id: foresight for foresight in found}
    shown = sorted(marks.keys() | by_shop.keys())
    return {
        "rows": [
            {
                "shop": company.shop(shop_id).name if len(shown) > 1 else "",
                "marks": marks.get(shop_id),
                "foresight": by_shop.get(shop_id),
                "churn": round(100 * by_shop[shop_id].churn) if shop_id in by_shop else None,
            }
            for shop_id in shown
        ]
    }


def consented(profile_id: int, agent: Agent) -> dict[str, Any]:
    """Where the customer stands, and the way to the ledger."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    return {
        "standings": consents.standings(profile_id, shop_ids)[:SHOWN],
        "url": reverse("profiles:consent-list", args=[profile_id]),
    }


# --- Timeline -------------------------------------------------------------------------------------


def _register_timeline() -> None:
    kind = gettext_lazy("Customer record")
    for event, icon, render in (
        (events.AttributesChanged, "forms", attributes_changed),
        (events.TagsChanged, "tag", tags_changed),
        (events.StageChanged, "flag", stage_changed),
        (events.OwnerChanged, "user-check", owner_changed),
    ):
        timeline.register(
            TimelineRenderer(
                event_name=event.name, icon=icon, kind="profile", kind_label=kind, render=render
            )
        )
    for answered, icon, sentence in (
        (events.ConsentGranted, "circle-check", gettext_lazy("Allowed: %(matter)s")),
        (events.ConsentWithdrawn, "ban", gettext_lazy("No longer allowed: %(matter)s")),
        (events.ConsentAsked, "mail", gettext_lazy("Asked to confirm: %(matter)s")),
    ):
        timeline.register(
            TimelineRenderer(
                event_name=answered.name,
                icon=icon,
                kind="consents",
                kind_label=gettext_lazy("Consents"),
                render=_consent_renderer(sentence),
            )
        )


def _consent_renderer(sentence: _StrPromise) -> Renderer:
    def render(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
        return {
            record.pk: TimelineText(
                title=sentence % {"matter": _matter(record.payload)},
                detail=words.source(record.payload["source"]),
                url=reverse("profiles:consent-list", args=[record.profile_id]),
            )
            for record in records
        }

    return render


def _matter(payload: Mapping[str, Any]) -> str:
    return f"{Purpose(payload['purpose']).label} · {Channel(payload['channel']).label}"


def attributes_changed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Which attributes, and by whom, in two queries."""
    keys = {key for record in records for key in record.payload["keys"].split()}
    names = attributes.labels(keys)
    return _by_agents(
        records,
        by_agent=_("%(who)s changed attributes"),
        by_nobody=_("Attributes were changed"),
        details={
            record.pk: ", ".join(names.get(key, key) for key in record.payload["keys"].split())
            for record in records
        },
    )


def tags_changed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Which tags came and went, and by whom, in two queries."""
    ids = {
        int(number)
        for record in records
        for number in f"{record.payload['added']} {record.payload['removed']}".split()
    }
    names = dict(Tag.objects.filter(pk__in=ids).values_list("pk", "name"))

    def detail(payload: Mapping[str, Any]) -> str:
        signs = (("+", "added"), ("−", "removed"))  # noqa: RUF001 - a minus sign
        return ", ".join(
            f"{sign} {names.get(int(number), number)}"
            for sign, key in signs
            for number in payload[key].split()
        )

    return _by_agents(
        records,
        by_agent=_("%(who)s changed tags"),
        by_nobody=_("Tags were changed"),
        details={record.pk: detail(record.payload) for record in records},
    )


def stage_changed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """To which stage, and by whom, in one query."""
    return _by_agents(
        records,
        by_agent=_("%(who)s chose the stage"),
        by_nobody=_("The stage was chosen"),
        details={record.pk: words.stage(record.payload["stage"]) for record in records},
    )


def owner_changed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Who cares for the customer now, and who said so, in two queries."""
    owners = company.agent_infos({record.payload["owner_id"] for record in records} - {None})
    return _by_agents(
        records,
        by_agent=_("%(who)s chose who cares for this customer"),
        by_nobody=_("Who cares for this customer was chosen"),
        details={
            record.pk: owners[record.payload["owner_id"]].name
            if record.payload["owner_id"] in owners
            else _("Nobody")
            for record in records
        },
    )


def _by_agents(
    records: Sequence[EventRecord],
    *,
    by_agent: str,
    by_nobody: str,
    details: Mapping[int, str],
) -> Mapping[int, TimelineText]:
    agents = company.agent_infos({record.payload["agent_id"] for record in records} - {None})
    return {
        record.pk: TimelineText(
            title=by_agent % {"who": agents[record.payload["agent_id"]].name}
            if record.payload["agent_id"] in agents
            else by_nobody,
            detail=details[record.pk],
        )
        for record in records
    }


# --- Audit log ------------------------------------------------------------------------------------


def _register_audit() -> None:
    definition = {
        "key": AuditField(label=gettext_noop("Key")),
        "kind": AuditField(label=gettext_noop("Type")),
    }
    for action, sentence, fields in (
        ("attribute-defined", gettext_noop("{who} defined an attribute of customers."), definition),
        ("attribute-changed", gettext_noop("{who} changed an attribute of customers."), definition),
        (
            "attribute-archived",
            gettext_noop("{who} archived an attribute of customers."),
            definition,
        ),
        (
            "attribute-restored",
            gettext_noop("{who} took an attribute of customers into use again."),
            definition,
        ),
        (
            "attributes-changed",
            gettext_noop("{who} changed attributes of {what}."),
            {"attributes": AuditField(label=gettext_noop("Attributes"))},
        ),
        (
            "customers-tagged",
            gettext_noop("{who} tagged several customers."),
            {
                "tag": AuditField(label=gettext_noop("Tag")),
                "customers": AuditField(label=gettext_noop("Customers")),
            },
        ),
        (
            "stage-changed",
            gettext_noop("{who} chose the stage of {what}."),
            {
                "stage": AuditField(label=gettext_noop("Stage")),
                "by_hand": AuditField(label=gettext_noop("By hand")),
            },
        ),
        (
            "owner-changed",
            gettext_noop("{who} chose who cares for {what}."),
            {"owner": AuditField(label=gettext_noop("Cared for by"))},
        ),
        (
            "consent-recorded",
            gettext_noop("{who} recorded what {what} allows."),
            {
                "channel": AuditField(label=gettext_noop("Channel")),
                "purpose": AuditField(label=gettext_noop("Purpose")),
                "answer": AuditField(label=gettext_noop("Answer")),
                "entry": AuditField(label=gettext_noop("Entry")),
            },
        ),
        (
            "consents-exported",
            gettext_noop("{who} exported the consents of {what}."),
            {"entries": AuditField(label=gettext_noop("Entries"))},
        ),
    ):
        company_extensions.audit_actions.register(
            AuditAction(
                code=f"profiles.{action}", sentence=sentence, group="customers", fields=fields
            )
        )
