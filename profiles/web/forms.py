"""What agents may correct about a customer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from profiles.web import words


class ProfileForm(forms.Form):
    """Name and language; the choice of languages is what the customer's shops speak, and his own."""

    first_name = forms.CharField(label=_("First name"), required=False, max_length=120)
    last_name = forms.CharField(label=_("Last name"), required=False, max_length=120)
    locale = forms.ChoiceField(
        label=_("Language"),
        required=False,
        help_text=_("Mails to this customer are written in it."),
    )

    def __init__(self, *args: Any, locales: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = sorted((words.language(locale), locale) for locale in locales if locale)
        choices = [("", _("Unknown")), *((locale, name) for name, locale in named)]
        self.fields["locale"].choices = choices  # type: ignore[attr-defined] # it is a ChoiceField
        self.fields["first_name"].widget.attrs["autocomplete"] = "off"
        self.fields["last_name"].widget.attrs["autocomplete"] = "off"
