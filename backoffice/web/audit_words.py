"""How decisions about parked deliveries, and exports of lists, are told in the audit log."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_noop

from backoffice import queries
from backoffice.extensions import navigation
from company.extensions import (
    AuditAction,
    AuditField,
    AuditNoun,
    AuditSubject,
    audit_actions,
    audit_nouns,
)

if TYPE_CHECKING:
    from company.types import Agent


def register() -> None:
    """Name the actions on the outbox and on lists, and what they speak of."""
    fields = {"deliveries": AuditField(label=gettext_noop("Deliveries"), noun="delivery")}
    audit_actions.register(
        AuditAction(
            code="outbox.deliveries-retried",
            sentence=gettext_noop("{who} gave parked deliveries another try."),
            group="operations",
            fields=fields,
        ),
        AuditAction(
            code="outbox.deliveries-discarded",
            sentence=gettext_noop("{who} gave up parked deliveries."),
            group="operations",
            fields=fields,
        ),
    )
    audit_actions.register(
        AuditAction(
            code="backoffice.list-exported",
            sentence=gettext_noop("{who} exported {rows} rows of the list {what}."),
            group="operations",
            fields={
                "filters": AuditField(label=gettext_noop("Filters")),
                "columns": AuditField(label=gettext_noop("Columns")),
            },
        )
    )
    audit_nouns.register(
        AuditNoun(code="delivery", label=gettext_noop("no. {id}"), find=_deliveries),
        AuditNoun(code="list", label="{id}", find=_lists),
    )


def _deliveries(reader: Agent, ids: Collection[str]) -> dict[str, AuditSubject]:
    """Those which are still parked and his to decide on."""
    parked = queries.parked_deliveries(reader).filter(pk__in=ids).values_list("pk", flat=True)
    return {
        str(pk): AuditSubject(name=str(pk), url=reverse("backoffice:delivery-detail", args=[pk]))
        for pk in parked
    }


def _lists(_reader: Agent, ids: Collection[str]) -> dict[str, AuditSubject]:
    """The rooms of the rail by their path."""
    rooms = {reverse(item.url_name): item for item in navigation}
    return {
        path: AuditSubject(name=str(rooms[path].label), url=path) for path in ids if path in rooms
    }
