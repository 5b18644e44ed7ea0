"""The forms of a template."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.errors import DomainError
from messaging.extensions import TemplateWording
from messaging.models import MessageTemplate, TemplateText


class NewTemplateForm(forms.Form):
    """What a template is called and what it is for."""

    shop = forms.ChoiceField(label=_("Shop"))
    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("For colleagues; customers never see it.")
    )
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=MessageTemplate.Purpose.choices,
        initial="marketing",
        help_text=_("Marketing goes only to those who allowed it, with a link to unsubscribe."),
    )

    def __init__(self, *args: Any, shops: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shop"].choices = shops  # type: ignore[attr-defined] # a choice field


class DraftForm(forms.Form):
    """A template in one language, as it stands in the editor."""

    language = forms.CharField(widget=forms.HiddenInput, max_length=10)
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)
    subject = forms.CharField(label=_("Subject"), required=False, max_length=300)
    preheader = forms.CharField(
        label=_("Preview line"),
        required=False,
        max_length=300,
        help_text=_("Stands beside the subject in the customer's inbox."),
    )
    format = forms.ChoiceField(label=_("Written in"), choices=TemplateText.Format.choices)
    source = forms.CharField(
        label=_("Text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 22, "spellcheck": "true", "class": "ec-source"}),
    )

    def wording(self) -> TemplateWording:
        """What was written, as far as it could be read."""
        given = self.cleaned_data
        return TemplateWording(
            language=given.get("language") or "en",
            format=given.get("format") or "markdown",
            subject=given.get("subject", ""),
            preheader=given.get("preheader", ""),
            source=given.get("source", "").replace("\r\n", "\n"),
        )

    def refuse(self, error: DomainError) -> None:
        """Put what a service refused at its fields, or at the top."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.message)
