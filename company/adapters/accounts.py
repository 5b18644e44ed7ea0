"""How allauth behaves here: invitation only, agents only, everything of note in the audit log."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import filter_users_by_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from company.models import Agent
from company.services.audit import record_audit
from ecrm.kernel import crypto


class AccountAdapter(DefaultAccountAdapter):
    """E-mail and password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Agents come by invitation."""
        return False

    @transaction.atomic
    def login(self, request: HttpRequest, user: Agent) -> None:
        """Start the session, with a new key, and note it."""
        super().login(request, user)
        record_audit(action="company.agent-signed-in", target=f"agent:{user.pk}", by=user)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link in the mail: on our own address, whatever Host the request claimed."""
        path = reverse("account_reset_password_from_key", args=key.split("-", 1))
        return f"{settings.ECRM_BASE_URL}{path}"

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Agent,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the agent that his password or a factor changed, and note it.

        allauth calls this after each such change, and only then: that makes it the place to audit.
        """
        change = template_prefix.rpartition("/")[2].replace("_", "-")
        with transaction.atomic():
            record_audit(action=f"company.{change}", target=f"agent:{user.pk}", by=user)
        super().send_notification_mail(template_prefix, user, context, email)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: the issuer vouches for an address, and that address must be an agent's."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Being known to the issuer makes nobody an agent."""
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """True for addresses which the issuer has verified, and says so with a real `true`."""
        return any(
            address.email.lower() == email.lower() and address.verified is True
            for address in login.email_addresses
        )

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Turn away whoever is no agent, with a sentence instead of a sign-up form."""
        if sociallogin.is_existing or request.user.is_authenticated:
            return
        addresses = [a.email for a in sociallogin.email_addresses if a.verified is True]
        if not any(filter_users_by_email(address, is_active=True) for address in addresses):
            messages.error(
                request, _("Nobody here works with this account. Ask for an invitation.")
            )
            raise ImmediateHttpResponse(redirect("account_login"))


class MfaAdapter(DefaultMFAAdapter):
    """Second factors; their secrets are encrypted at rest."""

    def encrypt(self, text: str) -> str:
        """The secret as it is stored."""
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret itself."""
        return crypto.decrypt(encrypted_text)
