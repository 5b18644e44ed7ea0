"""What the inbox accepts from a browser."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts import rules
from contacts.models import Draft, Ticket
from contacts.queries import inbox

LONGEST_TEXT = 100_000
# A state an agent may set by a button; snoozing needs a moment and has its own form.
STATES = ("open", "waiting", "solved", "closed")


class SelectionForm(forms.Form):
    """The list as the URL describes it; what makes no sense is left out rather than refused."""

    view = forms.ChoiceField(choices=[(view, view) for view in inbox.VIEWS], required=False)
    q = forms.CharField(required=False, max_length=200)
    channel = forms.ChoiceField(choices=Ticket.Channel.choices, required=False)
    priority = forms.ChoiceField(choices=Ticket.Priority.choices, required=False)
    tag = forms.CharField(required=False, max_length=rules.MAX_TAG_LENGTH)
    sort = forms.ChoiceField(
        choices=[(inbox.LATEST, _("Latest first")), (inbox.LONGEST, _("Longest waiting first"))],
        required=False,
    )
    cursor = forms.CharField(required=False, max_length=80)

    def selection(self) -> inbox.Selection:
        """The valid parts of the address as a selection."""
        self.full_clean()
        found = self.cleaned_data
        words = found.get("q") or ""
        return inbox.Selection(
            view=found.get("view") or ("all" if words else "mine"),
            words=words,
            channel=found.get("channel") or "",
            priority=int(found["priority"]) if found.get("priority") else None,
            tag=found.get("tag") or "",
            sort=found.get("sort") or inbox.LATEST,
            cursor=found.get("cursor") or "",
        )


class ComposerForm(forms.Form):
    """A text for the customer or for colleagues."""

    kind = forms.ChoiceField(choices=Draft.Kind.choices)
    text = forms.CharField(
        max_length=LONGEST_TEXT,
        strip=False,
        error_messages={"required": _("Write something first.")},
    )
    client_id = forms.UUIDField()
    seen_seq = forms.IntegerField(min_value=0)
    then = forms.ChoiceField(choices=[("waiting", ""), ("solved", "")], required=False)
    shown = forms.IntegerField(min_value=0, required=False)


class DraftForm(forms.Form):
    """What is being written, saved again and again."""

    kind = forms.ChoiceField(choices=Draft.Kind.choices)
    text = forms.CharField(max_length=LONGEST_TEXT, strip=False, required=False)
    client_id = forms.UUIDField(required=False)
    seen_seq = forms.IntegerField(min_value=0)


class StateForm(forms.Form):
    state = forms.ChoiceField(choices=[(state, state) for state in STATES])


class SnoozeForm(forms.Form):
    """A ready choice, or a moment of the agent's own."""

    choice = forms.ChoiceField(choices=[(key, key) for key in rules.SNOOZES], required=False)
    until = forms.DateTimeField(required=False)

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("choice") and not cleaned.get("until"):
            self.add_error("until", _("Choose a moment."))
        return cleaned


class AssignForm(forms.Form):
    to = forms.IntegerField(min_value=1, required=False)


class PriorityForm(forms.Form):
    priority = forms.TypedChoiceField(choices=Ticket.Priority.choices, coerce=int)


class TagsForm(forms.Form):
    add = forms.CharField(required=False, max_length=400)
    remove = forms.CharField(required=False, max_length=rules.MAX_TAG_LENGTH)


class BulkForm(forms.Form):
    """One action for the selected tickets; `selected` repeats."""

    action = forms.ChoiceField(
        choices=[(name, name) for name in ("take", "solve", "open", "snooze", "priority", "tag")]
    )
    choice = forms.ChoiceField(choices=[(key, key) for key in rules.SNOOZES], required=False)
    priority = forms.TypedChoiceField(
        choices=Ticket.Priority.choices, coerce=int, required=False, empty_value=None
    )
    tag = forms.CharField(required=False, max_length=rules.MAX_TAG_LENGTH)
