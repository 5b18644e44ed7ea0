"""allauth's forms as our pages show them: labels above fields, no placeholders in them."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as factor
from allauth.mfa.totp import forms as totp
from django.utils.translation import gettext_lazy as _

LABELS = {
    "login": _("E-mail address"),
    "email": _("E-mail address"),
    "oldpassword": _("Current password"),
    "password1": _("New password"),
    "password2": _("New password, once more"),
    "code": _("Code"),
}
HELP = {"password1": _("At least 12 characters. A short sentence is easy to remember.")}


class _Calm:
    """Says everything in labels; a placeholder vanishes when one begins to write."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = LABELS.get(name, field.label)
            field.help_text = HELP.get(name, field.help_text)
        if "code" in self.fields:
            self.fields["code"].widget.attrs |= {"inputmode": "text", "autofocus": True}


class LoginForm(_Calm, account.LoginForm): ...


class ChangePasswordForm(_Calm, account.ChangePasswordForm): ...


class SetPasswordForm(_Calm, account.SetPasswordForm): ...


class ResetPasswordForm(_Calm, account.ResetPasswordForm): ...


class ResetPasswordKeyForm(_Calm, account.ResetPasswordKeyForm): ...


class ReauthenticateForm(_Calm, account.ReauthenticateForm): ...


class AuthenticateForm(_Calm, factor.AuthenticateForm): ...


class FactorReauthenticateForm(_Calm, factor.ReauthenticateForm): ...


class ActivateTOTPForm(_Calm, totp.ActivateTOTPForm): ...
