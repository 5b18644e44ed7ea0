"""The forms of spared addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.errors import DomainError
from messaging.models import Suppression
from messaging.services.topics import LONGEST_NAME

if TYPE_CHECKING:
    from company.types import ShopInfo


def secret_field(label: Any, **options: Any) -> forms.CharField:
    """A field for a secret, which is never shown again and which no browser fills in."""
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    given = {"required": False, "strip": False, "max_length": 4000, **options}
    return forms.CharField(label=label, widget=widget, **given)


class SuppressionForm(forms.Form):
    """An address that is not to be written to."""

    address = forms.CharField(
        label=_("Address"),
        max_length=254,
        help_text=_("An e-mail address, or a phone number like +33612345678."),
    )
    scope = forms.ChoiceField(
        label=_("Spare it from"),
        choices=[
            (Suppression.Scope.MARKETING, Suppression.Scope.MARKETING.label),
            (Suppression.Scope.EVERYTHING, Suppression.Scope.EVERYTHING.label),
        ],
        help_text=_("“Marketing” never keeps back an order confirmation or an answer."),
    )
    shop = forms.ChoiceField(label=_("Shop"), required=False)

    def __init__(self, *args: Any, shops: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shop"].choices = shops  # type: ignore[attr-defined] # a choice field
        self.fields["shop"].required = "" not in dict(shops)


class LiftForm(forms.Form):
    """Why an address may be written to again."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_(
            "It is kept in the audit log: the customer asked for it, the address was repaired …"
        ),
    )


class MailRulesForm(forms.Form):
    """What a shop notes about its mails, and to whom it sends marketing."""

    demands_opt_in = forms.BooleanField(
        label=_("Send marketing only to those who agreed"),
        required=False,
        help_text=_(
            "Otherwise it goes to everybody who did not say no, which the law allows to few: your "
            "own customers, about similar products."
        ),
    )
    tracks_clicks = forms.BooleanField(
        label=_("Note when links of marketing are followed"),
        required=False,
        help_text=_("The links then lead through this system. Programs are told from persons."),
    )
    tracks_opens = forms.BooleanField(
        label=_("Note when marketing is opened"),
        required=False,
        help_text=_("Only with customers who allow it, by a tiny picture. It is a weak sign."),
    )
    tracks_transactional = forms.BooleanField(
        label=_("Also with automatic mails about orders and accounts"),
        required=False,
        help_text=_("Never with what colleagues write, or with personal links such as passwords."),
    )


class TopicForm(forms.Form):
    """What a topic is called, in each language of its shop."""

    def __init__(
        self, *args: Any, shop: ShopInfo, names: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._languages = [
            shop.default_language,
            *(code for code in shop.languages if code != shop.default_language),
        ]
        for code in self._languages:
            self.fields[f"name_{code}"] = forms.CharField(
                label=_("Name in %(language)s")
                % {"language": get_language_info(code)["name_local"].capitalize()},
                max_length=LONGEST_NAME,
                required=code == shop.default_language,
                initial=(names or {}).get(code, ""),
            )

    def names(self) -> dict[str, str]:
        """The names by language."""
        return {code: self.cleaned_data[f"name_{code}"] for code in self._languages}

    def refuse(self, error: DomainError) -> None:
        """Show what the service refused."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.message)
