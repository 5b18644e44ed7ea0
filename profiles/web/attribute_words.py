"""Attributes, tags, stages and consents in the reader's words, and as fields of forms."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecrm.kernel.templatetags import ecrm_ui
from profiles.rules import attributes as rules
from profiles.rules import stages

if TYPE_CHECKING:
    from profiles.models import Attribute

STAGES = {
    stages.LEAD: gettext_lazy("Lead"),
    stages.NEW: gettext_lazy("New customer"),
    stages.ACTIVE: gettext_lazy("Active"),
    stages.LOYAL: gettext_lazy("Loyal"),
    stages.AT_RISK: gettext_lazy("At risk"),
    stages.LOST: gettext_lazy("Lost"),
}
TONES = {stages.LOYAL: "good", stages.ACTIVE: "good", stages.AT_RISK: "warn", stages.LOST: "bad"}
SOURCES = {
    "order": gettext_lazy("with an order"),
    "api": gettext_lazy("told by the shop"),
    "agent": gettext_lazy("told to an agent"),
    "link": gettext_lazy("by a link in a mail"),
    "form": gettext_lazy("by a form"),
    "preferences": gettext_lazy("on the page of his preferences"),
    "one-click": gettext_lazy("by one click in his mail program"),
    "sms": gettext_lazy("by an SMS"),
    "import": gettext_lazy("by an import"),
}


def shown(value: rules.Value | None) -> str:
    """A value as a page prints it."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, Decimal):
        return (
            ecrm_ui.number(value.normalize())
            if value == value.to_integral()
            else str(rules.plain(value))
        )
    if isinstance(value, date):
        return str(ecrm_ui.day(value))
    return ", ".join(value) if isinstance(value, list) else value or ""


def typed(value: rules.Value | None) -> str:
    """A value as a form shows it for editing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(value)
    return str(rules.plain(value) or "")


def field_of(attribute: Attribute) -> forms.Field:
    """A field that takes texts; what they mean is decided by the one function for all doors."""
    if attribute.kind == rules.BOOLEAN:
        choices = [("", "—"), ("true", _("Yes")), ("false", _("No"))]
        return forms.ChoiceField(label=attribute.label, required=False, choices=choices)
    if attribute.kind == rules.CHOICE:
        offered = [("", "—"), *((choice, choice) for choice in attribute.choices)]
        return forms.ChoiceField(label=attribute.label, required=False, choices=offered)
    kinds: dict[str, dict[str, str]] = {
        rules.DATE: {"type": "date"},
        rules.NUMBER: {"inputmode": "decimal"},
    }
    return forms.CharField(
        label=attribute.label,
        required=False,
        max_length=10_000,
        help_text=_("Divide several by commas.") if attribute.kind == rules.LIST else "",
        widget=forms.TextInput(attrs={"autocomplete": "off", **kinds.get(attribute.kind, {})}),
    )


def stage(code: str) -> str:
    """A stage's name."""
    return str(STAGES.get(code, code))


def source(code: str) -> str:
    """By which door an answer came."""
    return str(SOURCES.get(code, code))
