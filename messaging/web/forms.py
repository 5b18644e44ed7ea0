"""The forms of mailboxes and of spared addresses."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.models import Mailbox, Suppression
from messaging.services.mailboxes import ImapAccount


class MailboxForm(forms.Form):
    """Where customers write to and where we fetch it from."""

    shop = forms.ChoiceField(label=_("Shop"))
    address = forms.EmailField(label=_("Address"), help_text=_("Customers write to this address."))
    host = forms.CharField(
        label=_("IMAP server"),
        max_length=255,
        required=False,
        help_text=_("Leave it empty when your mail server delivers to us directly."),
    )
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, initial=993)
    security = forms.ChoiceField(
        label=_("Encryption"), choices=Mailbox.Security.choices, initial="tls"
    )
    username = forms.CharField(label=_("User name"), max_length=254, required=False)
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    folder = forms.CharField(label=_("Folder"), max_length=200, initial="INBOX")
    is_active = forms.BooleanField(label=_("Fetch mail"), required=False, initial=True)

    def __init__(
        self,
        *args: Any,
        shops: list[tuple[str, str]],
        mailbox: Mailbox | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._mailbox = mailbox
        self.fields["shop"].choices = shops  # type: ignore[attr-defined] # a choice field
        if mailbox is not None:
            del self.fields["shop"]
            if mailbox.secret_encrypted:
                self.fields["password"].help_text = _("Leave it empty to keep the stored one.")

    def clean(self) -> dict[str, Any]:
        """A stored password goes only where it went before: a new server has to be given it anew."""
        given = super().clean() or {}
        if given.get("host") and not given.get("username"):
            self.add_error("username", _("Whose mail shall we fetch?"))
        keeps_password = self._mailbox is not None and self._mailbox.secret_encrypted
        if given.get("host") and not given.get("password"):
            if not keeps_password:
                self.add_error("password", _("The server asks for a password."))
            elif self._goes_elsewhere(given):
                self.add_error(
                    "password", _("The server has changed: please enter the password again.")
                )
        return given

    def _goes_elsewhere(self, given: dict[str, Any]) -> bool:
        stored = self._mailbox
        return stored is not None and (
            (stored.host, stored.port, stored.username, stored.security)
            != (
                given["host"].strip().lower(),
                given.get("port"),
                given.get("username"),
                given.get("security"),
            )
        )

    def account(self) -> ImapAccount:
        """The server as the services take it."""
        given = self.cleaned_data
        return ImapAccount(
            host=given["host"],
            port=given["port"],
            security=given["security"],
            username=given["username"],
            password=given["password"] or None,
            folder=given["folder"],
        )


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
