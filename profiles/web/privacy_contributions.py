"""Where privacy appears in the frame, how its events read, and what the audit log says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from backoffice import extensions as frame
from company import extensions as company
from company.extensions import AuditAction, AuditField, AuditNoun, AuditSubject
from profiles import permissions
from profiles.events import ProfileErased
from profiles.extensions import TimelineRenderer, TimelineText, timeline
from profiles.extensions.privacy import ageing

if TYPE_CHECKING:
    from company.types import Agent
    from ecrm.kernel.models import EventRecord

SETTINGS = "company.manage_settings"
ASKED = {
    "request": AuditField(label=gettext_noop("Request")),
    "kind": AuditField(label=gettext_noop("Kind")),
}
ROWS = {
    "request": AuditField(label=gettext_noop("Request")),
    "rows": AuditField(label=gettext_noop("Rows")),
}
DAYS = {"days": AuditField(label=gettext_noop("Days"))}
ACTIONS: tuple[tuple[str, str, Mapping[str, AuditField]], ...] = (
    ("erasure-decided", gettext_noop("{who} decided to erase {what}."), ASKED),
    ("profile-erased", gettext_noop("{what} was erased."), ROWS),
    ("profile-handed-out", gettext_noop("{who} made a copy of the data of {what}."), ASKED),
    ("request-noted", gettext_noop("{who} wrote down a request of {what}."), ASKED),
    ("request-extended", gettext_noop("{who} extended a request of {what}."), ASKED),
    ("request-refused", gettext_noop("{who} refused a request of {what}."), ASKED),
    ("retention-changed", gettext_noop("{who} changed how long {what} is kept."), DAYS),
    ("retention-switched-on", gettext_noop("{who} switched on the forgetting of {what}."), {}),
    ("retention-switched-off", gettext_noop("{who} switched off the forgetting of {what}."), {}),
)


def register() -> None:
    """Fill the registries."""
    frame.settings_pages.register(
        frame.SettingsPage(
            key="privacy",
            title=gettext_lazy("Privacy"),
            description=gettext_lazy("Requests of customers about their data, with deadlines."),
            url_name="profiles:privacy-requests",
            icon="shield-lock",
            permission=permissions.EXPORT,
            group=gettext_lazy("Customers"),
            order=44,
        )
    )
    frame.settings_pages.register(
        frame.SettingsPage(
            key="retention",
            title=gettext_lazy("How long data is kept"),
            description=gettext_lazy("Rules that forget what is over its time, night by night."),
            url_name="profiles:retention-rules",
            icon="clock",
            permission=SETTINGS,
            group=gettext_lazy("Customers"),
            order=45,
        )
    )
    frame.commands.register(
        frame.Command(
            key="privacy",
            label=gettext_lazy("Requests about personal data"),
            url_name="profiles:privacy-requests",
            icon="shield-lock",
            permission=permissions.EXPORT,
        )
    )
    company.audit_actions.register(
        *(
            AuditAction(
                code=f"profiles.{name}", sentence=sentence, group="customers", fields=fields
            )
            for name, sentence, fields in ACTIONS
        )
    )
    company.audit_nouns.register(AuditNoun(code="retention", label="{id}", find=_subjects))
    timeline.register(
        TimelineRenderer(
            event_name=ProfileErased.name,
            icon="shield-lock",
            kind="profile",
            kind_label=gettext_lazy("Customer record"),
            render=_erased,
        )
    )


def _erased(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    return {record.pk: TimelineText(title=_("Erased")) for record in records}


def _subjects(_reader: Agent, ids: Collection[str]) -> Mapping[str, AuditSubject]:
    return {
        key: AuditSubject(name=str(found.label))
        for key in ids
        if (found := ageing.get(key)) is not None
    }
