"""Mailboxes, the raw mails they received, and what was understood of them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class MailboxQuerySet(models.QuerySet["Mailbox"]):
    def watched(self) -> MailboxQuerySet:
        """Active and with a server to fetch from."""
        return self.filter(is_active=True).exclude(host="")

    def visible_in(self, shop_ids: frozenset[int]) -> MailboxQuerySet:
        """Mailboxes of these shops."""
        return self.filter(shop_id__in=shop_ids)


class Mailbox(models.Model):
    """An address of a shop at which customers write to us.

    Without a `host` nothing is fetched: mail then arrives by another door (delivery, webhook, command).
    `lease_until` says which process watches it at the moment.
    """

    class Security(models.TextChoices):
        TLS = "tls", _("TLS (usual, port 993)")
        STARTTLS = "starttls", _("STARTTLS (port 143)")
        NONE = "none", _("None (only inside your own network)")

    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=254, unique=True)
    host = models.CharField(max_length=255, blank=True, default="")
    port = models.PositiveIntegerField(default=993)
    security = models.CharField(max_length=8, choices=Security.choices, default=Security.TLS)
    username = models.CharField(max_length=254, blank=True, default="")
    secret_encrypted = models.TextField(blank=True, default="")
    folder = models.CharField(max_length=200, default="INBOX")
    # Mail to name+anything@ arrives here too, so that answers and reports can carry a signed token.
    takes_plus = models.BooleanField(default=False, db_default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    last_checked_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)

    objects = MailboxQuerySet.as_manager()

    # Set by the query of the list of mailboxes.
    last_mail_at: datetime | None
    quarantined: int

    class Meta:
        verbose_name_plural = "mailboxes"
        constraints = [
            models.CheckConstraint(
                name="messaging_mailbox_address_lower",
                condition=Q(address=Lower("address")),
            ),
            models.CheckConstraint(
                name="messaging_mailbox_port_range", condition=Q(port__gte=1, port__lte=65535)
            ),
            models.CheckConstraint(
                name="messaging_mailbox_failing_iff_failures",
                condition=Q(failures=0, failing_since__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def place(self) -> tuple[str, int, str, str]:
        """Where and as whom it is opened: what a secret was given for."""
        return (self.host, self.port, self.security, self.username)


class FolderCursor(models.Model):
    """How far a folder of a mailbox was taken in; moves only together with the raw mail."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="cursors")
    folder = models.CharField(max_length=200)
    uidvalidity = models.BigIntegerField()
    last_uid = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mailbox", "folder"], name="messaging_foldercursor_once"
            ),
            models.CheckConstraint(
                name="messaging_foldercursor_positive",
                condition=Q(last_uid__gte=0, uidvalidity__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.folder} at {self.last_uid}"


class Content(models.Model):
    """Bytes under their own SHA-256: the same bytes are stored once."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveIntegerField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.size} bytes)"


class RawMailQuerySet(models.QuerySet["RawMail"]):
    def due(self, at: datetime) -> RawMailQuerySet:
        """Waiting to be read, the longest-waiting first."""
        return self.filter(state="received", available_at__lte=at).order_by("available_at", "pk")

    def quarantined(self) -> RawMailQuerySet:
        """Could not be read; a person has to look."""
        return self.filter(state="quarantined")

    def visible_in(self, shop_ids: frozenset[int]) -> RawMailQuerySet:
        """Received by mailboxes of these shops."""
        return self.filter(mailbox__shop_id__in=shop_ids)

    def for_list(self) -> RawMailQuerySet:
        """Everything one row of the list of received mail shows, newest first, without bytes."""
        return (
            self.select_related("mailbox", "mail")
            .defer("mail__text", "mail__visible_text", "mail__quoted_text", "mail__html_clean")
            .order_by("-received_at", "-pk")
        )


class RawMail(models.Model):
    """A mail exactly as it arrived, committed before its source was told.

    `state` says how far reading it came, `outcome` what became of it; `cause` names, for a quarantined
    mail, what went wrong. A lease is `available_at` in the future plus `lease_token`.
    """

    class Source(models.TextChoices):
        IMAP = "imap", _("Mailbox")
        SMTP = "smtp", _("Direct delivery")
        WEBHOOK = "webhook", _("Mail provider")
        COMMAND = "command", _("Command line")

    class State(models.TextChoices):
        RECEIVED = "received", _("To be read")
        READ = "read", _("Read")
        QUARANTINED = "quarantined", _("In quarantine")

    class Outcome(models.TextChoices):
        WAITING = "", _("In progress")
        MESSAGE_ADDED = "message-added", _("In a conversation")
        CONVERSATION_OPENED = "conversation-opened", _("New conversation")
        DUPLICATE = "duplicate", _("Duplicate")
        SUPPRESSED = "suppressed", _("Machine mail")
        ERASED = "erased", _("Of an erased customer")
        QUARANTINED = "quarantined", _("In quarantine")

    mailbox = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="+")
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=7, choices=Source.choices)
    folder = models.CharField(max_length=200, blank=True, default="")
    uidvalidity = models.BigIntegerField(null=True, blank=True)
    uid = models.BigIntegerField(null=True, blank=True)
    envelope_sender = models.CharField(max_length=320, null=True, blank=True)  # noqa: DJ001 - "" is the null return path
    envelope_recipient = models.CharField(max_length=320, blank=True, default="")
    is_truncated = models.BooleanField(default=False)
    received_at = models.DateTimeField()

    state = models.CharField(max_length=11, choices=State.choices, default=State.RECEIVED)
    outcome = models.CharField(
        max_length=19, choices=Outcome.choices, blank=True, default=Outcome.WAITING
    )
    cause = models.CharField(max_length=40, blank=True, default="")
    original = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = RawMailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mailbox", "folder", "uidvalidity", "uid"],
                name="messaging_rawmail_position_once",
                condition=Q(uid__isnull=False),
            ),
            models.CheckConstraint(
                name="messaging_rawmail_state_known",
                condition=Q(state="received", outcome="")
                | Q(state="quarantined", outcome="quarantined")
                | Q(
                    state="read",
                    outcome__in=[
                        "",
                        "message-added",
                        "conversation-opened",
                        "duplicate",
                        "suppressed",
                        "erased",
                    ],
                ),
            ),
            models.CheckConstraint(
                name="messaging_rawmail_settled_iff_outcome",
                condition=Q(outcome="", settled_at__isnull=True)
                | (~Q(outcome="") & Q(settled_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="messaging_rawmail_quarantined_iff_cause",
                condition=(Q(state="quarantined") & ~Q(cause=""))
                | (~Q(state="quarantined") & Q(cause="")),
            ),
            models.CheckConstraint(
                name="messaging_rawmail_duplicate_iff_original",
                condition=Q(outcome="duplicate", original__isnull=False)
                | (~Q(outcome="duplicate") & Q(original__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["available_at", "id"],
                name="messaging_rawmail_due",
                condition=Q(state="received"),
            ),
            models.Index(fields=["mailbox", "-id"], name="messaging_rawmail_mailbox"),
            models.Index(fields=["outcome", "-id"], name="messaging_rawmail_outcome"),
            models.Index(fields=["-received_at", "-id"], name="messaging_rawmail_received"),
        ]

    def __str__(self) -> str:
        return f"raw mail #{self.pk}"


class Mail(models.Model):
    """A received mail as it was understood; read again from the raw bytes at any time.

    `evidence` says why we believe that it `answers` a message of ours or `continues` an earlier mail; it
    never says who wrote it.
    """

    class Machine(models.TextChoices):
        NONE = "", _("Written by a person")
        BOUNCE = "bounce", _("Delivery report")
        COMPLAINT = "complaint", _("Spam complaint")
        AUTO_REPLY = "auto_reply", _("Automatic reply")
        NOTIFICATION = "notification", _("Notification")
        LIST = "list", _("Mailing list")

    class Evidence(models.TextChoices):
        NONE = "", _("Nothing")
        REPLY_TOKEN = "reply-token", _("The signed address it was sent to")
        BOUNCE_TOKEN = "bounce-tok", _("The signed address the report was sent to")
        OUR_ID = "our-id", _("The signed id of our message")
        THEIR_ID = "their-id", _("The id of an earlier mail of the same customer")

    raw = models.OneToOneField(RawMail, on_delete=models.CASCADE, related_name="mail")
    mailbox = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="+")
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    answers = models.ForeignKey(
        "messaging.OutgoingMessage",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
    )
    evidence = models.CharField(
        max_length=11, choices=Evidence.choices, blank=True, default=Evidence.NONE, db_default=""
    )
    continues = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    dedupe_key = models.CharField(max_length=64)

    from_name = models.CharField(max_length=200, blank=True, default="")
    from_address = models.CharField(max_length=320, blank=True, default="")
    is_sender_sound = models.BooleanField()
    # Who wrote is named by a form or a market place, not by From: the words of a third party.
    is_passed_on = models.BooleanField(default=False, db_default=False)
    reply_to = models.CharField(max_length=320, blank=True, default="")
    to = models.JSONField(default=list)
    cc = models.JSONField(default=list)
    subject = models.CharField(max_length=1000, blank=True, default="")
    text = models.TextField(blank=True, default="")
    visible_text = models.TextField(blank=True, default="")
    quoted_text = models.TextField(blank=True, default="")
    html_clean = models.TextField(blank=True, default="")
    blocked_images = models.PositiveIntegerField(default=0)
    message_id = models.CharField(max_length=320, blank=True, default="")
    in_reply_to = models.CharField(max_length=320, blank=True, default="")
    references = ArrayField(models.CharField(max_length=320), default=list, blank=True)
    written_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    machine = models.CharField(
        max_length=12, choices=Machine.choices, blank=True, default=Machine.NONE
    )
    bounce = models.JSONField(null=True, blank=True)
    defects = ArrayField(models.CharField(max_length=60), default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "dedupe_key"], name="messaging_mail_dedupe_once"
            ),
            models.CheckConstraint(
                name="messaging_mail_profile_needs_sound_sender",
                condition=Q(profile__isnull=True) | Q(is_sender_sound=True),
            ),
        ]
        indexes = [
            models.Index(fields=["message_id"], name="messaging_mail_message_id"),
            models.Index(fields=["profile", "-id"], name="messaging_mail_profile"),
            models.Index(fields=["from_address", "-id"], name="messaging_mail_from"),
        ]

    def __str__(self) -> str:
        return f"mail #{self.pk}"


class Attachment(models.Model):
    """A file that came with a mail."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="attachments")
    position = models.PositiveSmallIntegerField()
    body = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=120)
    is_inline = models.BooleanField(default=False)
    content_id = models.CharField(max_length=320, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mail", "position"], name="messaging_attachment_position_once"
            ),
            models.CheckConstraint(name="messaging_attachment_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name
