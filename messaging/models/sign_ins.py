"""How a mailbox is opened without a password."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MailboxSignIn(models.Model):
    """The OAuth 2 client that we are at a provider, and the tokens it gave us for one mailbox.

    Without a refresh token somebody has to sign in; `refused_at` says since when the provider does not
    take the one we have any more.
    """

    class Provider(models.TextChoices):
        GOOGLE = "google", "Google"
        MICROSOFT = "microsoft", "Microsoft 365"
        OTHER = "other", _("Another provider (OAuth 2)")

    mailbox = models.OneToOneField(
        "messaging.Mailbox", on_delete=models.CASCADE, related_name="sign_in"
    )
    provider = models.CharField(max_length=9, choices=Provider.choices)
    tenant = models.CharField(max_length=100, blank=True, default="")
    authorize_url = models.CharField(max_length=500, blank=True, default="")
    token_url = models.CharField(max_length=500, blank=True, default="")
    scope = models.CharField(max_length=500, blank=True, default="")
    client_id = models.CharField(max_length=500)
    client_secret_encrypted = models.TextField(blank=True, default="")
    refresh_token_encrypted = models.TextField(blank=True, default="")
    access_token_encrypted = models.TextField(blank=True, default="")
    access_until = models.DateTimeField(null=True, blank=True)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="messaging_mailboxsignin_access_ends",
                condition=Q(access_token_encrypted="", access_until__isnull=True)
                | (~Q(access_token_encrypted="") & Q(access_until__isnull=False)),
            ),
            models.CheckConstraint(
                name="messaging_mailboxsignin_client_named", condition=~Q(client_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} of mailbox #{self.mailbox_id}"

    @property
    def is_signed_in(self) -> bool:
        """Whether we hold a token that the provider has not refused."""
        return bool(self.refresh_token_encrypted) and self.refused_at is None

    def may_use_access(self, at: datetime) -> bool:
        """Whether the access token at hand is good for a while yet."""
        return self.access_until is not None and self.access_until > at
