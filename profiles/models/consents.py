"""What customers allowed and withdrew: a ledger that only grows, and where they stand now."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

# A stand is one number that sorts: how strict it is, then the ledger entry which decided it.
STEP = 10**15


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    PHONE = "phone", _("Telephone")
    POST = "post", _("Letter")
    PUSH = "push", _("Push message")
    WEB = "web", _("Website")


class Purpose(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    OPEN_TRACKING = "open_tracking", _("Noting when a mail is opened")
    PROFILING = "profiling", _("Personal recommendations")
    SURVEYS = "surveys", _("Surveys")


class Answer(models.TextChoices):
    """What an entry says, from the mildest to the strictest."""

    GRANTED = "granted", _("Granted")
    PENDING = "pending", _("Waiting for confirmation")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ConsentWording(models.Model):
    """The words a customer agreed to. A text that changes is a new version."""

    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    channel = models.CharField(max_length=8, choices=Channel.choices)
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    version = models.CharField(max_length=40)
    language = models.CharField(max_length=12, blank=True)
    text = models.TextField(max_length=10_000)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "channel", "purpose", "version", "language"],
                name="profiles_consentwording_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.purpose} {self.version}"


class Consent(models.Model):
    """One entry of the ledger. The database refuses to change or delete it.

    `is_incidental` says that the answer came along with something else (an order, an import): it never
    outweighs what the customer said on purpose.
    """

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    channel = models.CharField(max_length=8, choices=Channel.choices)
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    answer = models.CharField(max_length=9, choices=Answer.choices)
    is_incidental = models.BooleanField(db_default=False)
    source = models.CharField(max_length=20)
    wording = models.ForeignKey(
        ConsentWording, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    address = models.CharField(max_length=254, blank=True, db_default="")
    ip = models.GenericIPAddressField(null=True)
    proof = models.CharField(max_length=500, blank=True, db_default="")
    reason = models.CharField(max_length=500, blank=True, db_default="")
    confirms = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    agent = models.ForeignKey(
        "company.Agent", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    answered_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["profile", "shop", "channel", "purpose"], name="profiles_consent_of_profile"
            )
        ]

    def __str__(self) -> str:
        return f"{self.answer} {self.channel} {self.purpose} of profile {self.profile_id}"


class ConsentState(models.Model):
    """Where a customer stands: the entry that decides, and how strict it is, in one number.

    Of two that become one by a merge the greater stands: the stricter, then the later.
    """

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    channel = models.CharField(max_length=8, choices=Channel.choices)
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    stand = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "shop", "channel", "purpose"], name="profiles_consentstate_once"
            ),
            models.CheckConstraint(
                name="profiles_consentstate_stand_known",
                condition=Q(stand__gte=0, stand__lt=3 * STEP),
            ),
        ]
        indexes = [
            # Who allows what is read by segments of a million from this alone.
            models.Index(
                fields=["channel", "purpose", "stand"],
                include=["shop", "profile"],
                name="profiles_consentstate_stands",
            )
        ]

    def __str__(self) -> str:
        return f"{self.answer} {self.channel} {self.purpose} of profile {self.profile_id}"

    @property
    def answer(self) -> Answer:
        """Granted, pending or withdrawn."""
        return tuple(Answer)[self.stand // STEP]

    @property
    def entry_id(self) -> int:
        """The entry of the ledger that decides."""
        return self.stand % STEP
