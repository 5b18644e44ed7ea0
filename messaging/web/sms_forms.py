"""The forms of SMS accounts."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.models import SmsAccount
from messaging.services.sms_accounts import Access
from messaging.web.forms import secret_field

Provider = SmsAccount.Provider
_SENDER: Final = re.compile(r"\A(\+\d{6,15}|\d{3,8}|[A-Za-z0-9 ]{3,11}|MG[0-9A-Za-z]{2,38})\Z")
_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    Provider.OVH: ("username", "service", "secret", "consumer_key"),
    Provider.BREVO: ("sender", "secret"),
    Provider.TWILIO: ("sender", "username", "secret"),
    Provider.GENERIC: ("sender", "url", "secret"),
}
_SECRETS: Final = ("secret", "consumer_key")


class SmsAccountForm(forms.Form):
    """With whom a shop sends SMS."""

    shop = forms.ChoiceField(label=_("Shop"))
    provider = forms.ChoiceField(label=_("Provider"), choices=Provider.choices)
    sender = forms.CharField(
        label=_("Sender"),
        max_length=40,
        required=False,
        help_text=_(
            "A number like +33612345678, or 3 to 11 letters. Customers can answer a number only."
        ),
    )
    username = forms.CharField(
        label=_("User"),
        max_length=100,
        required=False,
        help_text=_("Twilio: account SID. OVHcloud: application key."),
    )
    service = forms.CharField(
        label=_("Service"),
        max_length=100,
        required=False,
        help_text=_("OVHcloud only: the name of the SMS service, like sms-ab12345-1."),
    )
    secret = secret_field(
        _("Secret"),
        strip=True,
        max_length=500,
        help_text=_("Twilio: auth token. OVHcloud: application secret. Brevo: API key."),
    )
    consumer_key = secret_field(
        _("Consumer key"),
        strip=True,
        max_length=500,
        help_text=_("OVHcloud only."),
    )
    url = forms.URLField(
        label=_("Address of the interface"),
        max_length=300,
        required=False,
        assume_scheme="https",
        help_text=_(
            "Leave it empty for the provider's own. Another provider: where SMS are posted."
        ),
    )
    stop_note = forms.CharField(
        label=_("How to stop marketing"),
        max_length=60,
        required=False,
        help_text=_("Stands under each marketing SMS, like “STOP 36111”. OVHcloud writes its own."),
    )
    is_active = forms.BooleanField(label=_("Send SMS"), required=False, initial=True)

    def __init__(
        self,
        *args: Any,
        shops: list[tuple[str, str]],
        account: SmsAccount | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._account = account
        self.fields["shop"].choices = shops  # type: ignore[attr-defined] # a choice field
        if account is not None:
            del self.fields["shop"]

    def clean_sender(self) -> str:
        """What networks show as the sender."""
        sender: str = self.cleaned_data["sender"].strip()
        if sender and not _SENDER.match(sender):
            raise forms.ValidationError(_("This is no sender that networks show."))
        return sender

    def clean(self) -> dict[str, Any]:
        """Each provider has its own needs; a stored secret goes only where it went before."""
        given = super().clean() or {}
        keeps = self._keeps_secrets(given)
        for name in _NEEDS.get(given.get("provider", ""), ()):
            if given.get(name) or name in self.errors or (name in _SECRETS and keeps):
                continue
            self.add_error(name, _("This provider needs it."))
        return given

    def access(self) -> Access:
        """The account as the services take it."""
        given = self.cleaned_data
        return Access(
            provider=given["provider"],
            sender=given["sender"],
            url=given["url"],
            username=given["username"],
            service=given["service"],
            stop_note=given["stop_note"],
            secret=given["secret"] or None,
            consumer_key=given["consumer_key"] or None,
        )

    def _keeps_secrets(self, given: dict[str, Any]) -> bool:
        stored = self._account
        if stored is None or not stored.secrets_encrypted:
            return False
        new = (given.get("provider"), (given.get("url") or "").rstrip("/"), given.get("username"))
        return (stored.provider, stored.url.rstrip("/"), stored.username) == new


class SmsTestForm(forms.Form):
    """Where a test goes."""

    to = forms.CharField(
        label=_("Your telephone number"),
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
