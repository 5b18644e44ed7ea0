"""The form of a mailbox: where mail is fetched, and how the mailbox is opened."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.models import Mailbox, MailboxSignIn
from messaging.services.mailboxes import ImapAccount
from messaging.services.sign_ins import OAuthClient, is_safe
from messaging.web.forms import secret_field

PASSWORD: Final = "password"  # noqa: S105 - a choice
USUAL_HOSTS: Final = {"google": "imap.gmail.com", "microsoft": "outlook.office365.com"}


class MailboxForm(forms.Form):
    """Where customers write to and where we fetch it from."""

    shop = forms.ChoiceField(label=_("Shop"))
    address = forms.EmailField(label=_("Address"), help_text=_("Customers write to this address."))
    sign_in = forms.ChoiceField(
        label=_("Sign in with"),
        choices=[(PASSWORD, _("A password")), *MailboxSignIn.Provider.choices],
        initial=PASSWORD,
        required=False,
    )
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
    password = secret_field(_("Password"))
    client_id = forms.CharField(label=_("Client id"), max_length=500, required=False)
    client_secret = secret_field(_("Client secret"))
    tenant = forms.CharField(
        label=_("Directory (tenant)"),
        max_length=100,
        required=False,
        help_text=_("The directory id of your organisation; empty for any organisation."),
    )
    authorize_url = forms.CharField(
        label=_("Sign-in address"),
        max_length=500,
        required=False,
        help_text=_("Where people sign in; without it, enter a refresh token."),
    )
    token_url = forms.CharField(label=_("Token address"), max_length=500, required=False)
    scope = forms.CharField(label=_("Scope"), max_length=500, required=False)
    refresh_token = secret_field(
        _("Refresh token"), help_text=_("Empty when somebody signs in on the provider's page.")
    )
    folder = forms.CharField(label=_("Folder"), max_length=200, initial="INBOX")
    takes_plus = forms.BooleanField(
        label=_("Mail to plus addresses arrives here"),
        required=False,
        help_text=_(
            "Answers and bounces then come back to name+code@, which says what they are about. Gmail and"
            " Microsoft 365 can do this; send a mail to name+test@ to try it."
        ),
    )
    is_active = forms.BooleanField(label=_("Fetch mail"), required=False, initial=True)

    def __init__(
        self,
        *args: Any,
        shops: list[tuple[str, str]],
        mailbox: Mailbox | None = None,
        sign_in: MailboxSignIn | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._mailbox, self._sign_in = mailbox, sign_in
        self.fields["shop"].choices = shops  # type: ignore[attr-defined] # a choice field
        keeps = _("Leave it empty to keep the stored one.")
        if mailbox is not None:
            del self.fields["shop"]
            if mailbox.secret_encrypted:
                self.fields["password"].help_text = keeps
        if sign_in is not None and sign_in.client_secret_encrypted:
            self.fields["client_secret"].help_text = keeps
        if sign_in is not None and sign_in.refresh_token_encrypted:
            self.fields["refresh_token"].help_text = keeps

    @property
    def is_by_password(self) -> bool:
        """Whether the mailbox is opened by a password, as the form says."""
        return (self.cleaned_data.get("sign_in") or PASSWORD) == PASSWORD

    def clean(self) -> dict[str, Any]:
        """A stored secret goes only where it went before: a new place has to be given it anew."""
        given = super().clean() or {}
        if not self.is_by_password:
            self._clean_client(given)
        elif given.get("host") and not given.get("password"):
            if self._mailbox is None or not self._mailbox.secret_encrypted:
                self.add_error("password", _("The server asks for a password."))
            elif self.goes_elsewhere():
                self.add_error(
                    "password", _("The server has changed: please enter the password again.")
                )
        if given.get("host") and not given.get("username"):
            self.add_error("username", _("Whose mail shall we fetch?"))
        return given

    def _clean_client(self, given: dict[str, Any]) -> None:
        provider = given["sign_in"]
        given["host"] = given.get("host") or USUAL_HOSTS.get(provider, "")
        if not given["host"]:
            self.add_error("host", _("Which server holds the mailbox?"))
        if not given.get("client_id"):
            self.add_error("client_id", _("The provider gives you one when you register us there."))
        if provider == MailboxSignIn.Provider.OTHER:
            for name in ("authorize_url", "token_url"):
                if (name == "token_url" or given.get(name)) and not is_safe(given.get(name, "")):
                    self.add_error(name, _("The address must begin with https://."))
        if not given.get("client_secret") and self._has_secret_for_elsewhere(given):
            self.add_error("client_secret", _("Please enter the secret again for this provider."))

    def _has_secret_for_elsewhere(self, given: dict[str, Any]) -> bool:
        stored = self._sign_in
        if stored is None or not stored.client_secret_encrypted:
            return False
        is_other = given["sign_in"] == MailboxSignIn.Provider.OTHER
        place = (given["sign_in"], given.get("token_url", "") if is_other else "")
        return (stored.provider, stored.token_url) != place

    def goes_elsewhere(self) -> bool:
        """Whether the mailbox lies at another place than the stored one."""
        given, stored = self.cleaned_data, self._mailbox
        return stored is not None and stored.place != (
            given.get("host", "").strip().lower(),
            given.get("port"),
            given.get("security"),
            given.get("username"),
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
            takes_plus=given["takes_plus"],
            oauth=None if self.is_by_password else self._client(),
        )

    def _client(self) -> OAuthClient:
        given = self.cleaned_data
        is_other = given["sign_in"] == MailboxSignIn.Provider.OTHER
        is_microsoft = given["sign_in"] == MailboxSignIn.Provider.MICROSOFT
        return OAuthClient(
            provider=given["sign_in"],
            client_id=given["client_id"],
            client_secret=given["client_secret"] or None,
            tenant=given["tenant"] if is_microsoft else "",
            authorize_url=given["authorize_url"] if is_other else "",
            token_url=given["token_url"] if is_other else "",
            scope=given["scope"] if is_other else "",
            refresh_token=(given["refresh_token"] or None) if is_other else None,
        )
