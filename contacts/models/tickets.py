"""Tickets, their numbered messages, and the drafts agents are still writing."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from contacts import rules


class TicketQuerySet(models.QuerySet["Ticket"]):
    def in_shops(self, shop_ids: Collection[int]) -> TicketQuerySet:
        """The tickets of these shops: the scope of every reader."""
        return self.filter(shop_id__in=shop_ids)

    def open(self) -> TicketQuerySet:
        """Tickets which somebody still has to finish."""
        return self.filter(state__in=rules.UNFINISHED)

    def ours(self) -> TicketQuerySet:
        """Tickets whose next word is ours."""
        return self.filter(state__in=rules.OURS)

    def unassigned(self) -> TicketQuerySet:
        return self.ours().filter(assignee=None)

    def assigned_to(self, agent_id: int) -> TicketQuerySet:
        return self.filter(assignee_id=agent_id)

    def due_to_wake(self, at: datetime) -> TicketQuerySet:
        """Snoozed tickets whose time has come."""
        return self.filter(state=Ticket.State.SNOOZED, snoozed_until__lte=at)

    def for_list(self) -> TicketQuerySet:
        """Everything one row of the inbox shows, in one query."""
        return self.select_related("assignee", "profile")

    def locked(self) -> TicketQuerySet:
        """Holds the rows until the transaction ends; messages are numbered under this lock."""
        return self.select_for_update(of=("self",)).order_by("pk")

    def following_number(self) -> int:
        """The next ticket number (one query; numbers of failed transactions are skipped)."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('contacts_ticket_number')")
            return int(cursor.fetchone()[0])

    def take_seq(self, ticket_id: int) -> int:
        """The next message number of a ticket.

        The row stays locked until the transaction ends, so numbers have no gaps and become visible
        in their order.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE contacts_ticket SET last_seq = last_seq + 1, version = version + 1"
                " WHERE id = %s RETURNING last_seq",
                [ticket_id],
            )
            return int(cursor.fetchone()[0])


_TicketManager = models.Manager.from_queryset(TicketQuerySet)


class _LivingTickets(_TicketManager["Ticket"]):
    """Tickets that nobody deleted."""

    def get_queryset(self) -> TicketQuerySet:
        return TicketQuerySet(self.model, using=self._db).filter(deleted_at=None)


class Ticket(models.Model):
    """One request of one customer to one shop, from the first word to the end.

    A deleted one stays as a tombstone without words: its mails are known, so that none of them, fetched
    again, opens it anew. `objects` does not see tombstones, `everything` does.
    """

    class State(models.TextChoices):
        NEW = "new", pgettext_lazy("ticket state", "New")
        OPEN = "open", pgettext_lazy("ticket state", "Open")
        WAITING = "waiting", pgettext_lazy("ticket state", "Waiting for customer")
        SNOOZED = "snoozed", pgettext_lazy("ticket state", "Snoozed")
        SOLVED = "solved", pgettext_lazy("ticket state", "Solved")
        CLOSED = "closed", pgettext_lazy("ticket state", "Closed")

    class Priority(models.IntegerChoices):
        LOW = 1, pgettext_lazy("priority", "Low")
        NORMAL = 2, pgettext_lazy("priority", "Normal")
        HIGH = 3, pgettext_lazy("priority", "High")
        URGENT = 4, pgettext_lazy("priority", "Urgent")

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        FORM = "form", _("Contact form")
        API = "api", _("Shop program")
        PHONE = "phone", _("Phone")
        CALLBACK = "callback", _("Call-back")
        SOCIAL = "social", _("Social network")
        CHAT = "chat", _("Chat")

    number = models.BigIntegerField(unique=True)
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    profile = models.ForeignKey("profiles.Profile", on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(
        "orders.Order", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The closed ticket whose customer wrote again, or the one an outsider answered to.
    continues = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    channel = models.CharField(max_length=16, choices=Channel.choices)
    subject = models.CharField(max_length=300)
    language = models.CharField(max_length=8)
    # Where an answer goes; empty when the customer left no address.
    reply_to = models.CharField(max_length=254, blank=True)

    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    tags = ArrayField(models.CharField(max_length=rules.MAX_TAG_LENGTH), default=list, blank=True)
    assignee = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    team = models.ForeignKey(
        "company.Team", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    opened_at = models.DateTimeField()
    # Since when the customer has been waiting for a word from us.
    waiting_since = models.DateTimeField(null=True, blank=True)
    first_answered_at = models.DateTimeField(null=True, blank=True)
    last_message_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True, blank=True)
    solved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    last_seq = models.PositiveIntegerField(default=0)
    # Grows with every change; an undo only touches what nobody changed since.
    version = models.PositiveIntegerField(default=0)
    # Another epoch means: forget what you have, read again (after a restore or a merge).
    epoch = models.UUIDField(default=uuid.uuid4)
    snippet = models.CharField(max_length=160, blank=True)

    everything: ClassVar[TicketQuerySet] = TicketQuerySet.as_manager()  # type: ignore[assignment]  # as_manager() hides the queryset's own methods
    objects: ClassVar[TicketQuerySet] = _LivingTickets()  # type: ignore[assignment]  # the same

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="contacts_ticket_deleted_is_closed",
                condition=Q(deleted_at__isnull=True) | Q(state="closed", subject="", snippet=""),
            ),
            models.CheckConstraint(
                name="contacts_ticket_state_known",
                condition=Q(state__in=["new", "open", "waiting", "snoozed", "solved", "closed"]),
            ),
            models.CheckConstraint(
                name="contacts_ticket_priority_known", condition=Q(priority__range=(1, 4))
            ),
            models.CheckConstraint(
                name="contacts_ticket_snoozed_iff_until",
                condition=Q(state="snoozed", snoozed_until__isnull=False)
                | (~Q(state="snoozed") & Q(snoozed_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="contacts_ticket_finished_iff_solved_at",
                condition=Q(state__in=["solved", "closed"], solved_at__isnull=False)
                | (~Q(state__in=["solved", "closed"]) & Q(solved_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="contacts_ticket_closed_iff_closed_at",
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
            ),
            # Nobody is said to wait for us on a finished ticket.
            models.CheckConstraint(
                name="contacts_ticket_finished_waits_not",
                condition=~Q(state__in=["solved", "closed"]) | Q(waiting_since__isnull=True),
            ),
            models.CheckConstraint(
                name="contacts_ticket_continues_another",
                condition=Q(continues__isnull=True) | ~Q(continues=F("id")),
            ),
        ]
        indexes = [
            models.Index(fields=["shop", "-last_message_at", "-id"], name="contacts_ticket_latest"),
            models.Index(
                fields=["shop", "state", "assignee", "-last_message_at", "-id"],
                name="contacts_ticket_unfinished",
                condition=Q(state__in=["new", "open", "waiting", "snoozed"]),
            ),
            models.Index(
                F("shop"),
                Coalesce("waiting_since", "last_message_at"),
                F("id"),
                name="contacts_ticket_longest",
                condition=Q(state__in=["new", "open"]),
            ),
            models.Index(fields=["profile", "-last_message_at"], name="contacts_ticket_of_profile"),
            models.Index(fields=["shop", "updated_at", "id"], name="contacts_ticket_updated"),
            models.Index(
                fields=["snoozed_until"],
                name="contacts_ticket_snoozed",
                condition=Q(state="snoozed"),
            ),
            GinIndex(
                OpClass(Upper("subject"), name="gin_trgm_ops"), name="contacts_ticket_subject"
            ),
            GinIndex(
                OpClass(Upper("reply_to"), name="gin_trgm_ops"), name="contacts_ticket_reply_to"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def is_finished(self) -> bool:
        return self.state in rules.FINISHED

    @property
    def topic(self) -> str:
        """The live topic and `about` of this ticket."""
        return f"ticket:{self.pk}"


class TicketMessageQuerySet(models.QuerySet["TicketMessage"]):
    def after(self, seq: int) -> TicketMessageQuerySet:
        return self.filter(seq__gt=seq)

    def for_thread(self) -> TicketMessageQuerySet:
        """Everything one bubble shows, in one query."""
        return self.select_related("author").order_by("seq")


class TicketMessage(models.Model):
    """One entry of a ticket. Never edited: what was said stays said."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        AGENT = "agent", _("Answer")
        NOTE = "note", _("Note")
        SYSTEM = "system", _("Event")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    channel = models.CharField(max_length=16, choices=Ticket.Channel.choices)
    author = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # How the customer signed, for instance the display name of the mail.
    author_name = models.CharField(max_length=200, blank=True)
    author_address = models.CharField(max_length=320, blank=True)
    text = models.TextField(blank=True)
    quoted_text = models.TextField(blank=True)
    # The mail has a formatted part, which messaging shows in a sandboxed frame.
    has_html = models.BooleanField(default=False)
    is_automatic = models.BooleanField(default=False)
    is_unverified = models.BooleanField(default=False, db_default=False)
    # What a system line tells: {"what": "assigned", "to": 3}. Ids and scalars.
    change = models.JSONField(default=dict, blank=True)
    # What messaging keeps for us: [{"id", "name", "type", "size"}].
    attachments = models.JSONField(default=list, blank=True)
    client_id = models.UUIDField(null=True, blank=True)
    mail = models.OneToOneField(
        "messaging.Mail", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    outgoing = models.OneToOneField(
        "messaging.OutgoingMessage",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField()

    objects: ClassVar[TicketMessageQuerySet] = TicketMessageQuerySet.as_manager()  # type: ignore[assignment]  # as_manager() hides the queryset's own methods

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "seq"], name="contacts_ticketmessage_seq_once"
            ),
            models.UniqueConstraint(
                fields=["ticket", "client_id"],
                name="contacts_ticketmessage_client_id_once",
                condition=Q(client_id__isnull=False),
            ),
            models.CheckConstraint(
                name="contacts_ticketmessage_seq_from_one", condition=Q(seq__gte=1)
            ),
            models.CheckConstraint(
                name="contacts_ticketmessage_kind_known",
                condition=Q(kind__in=["customer", "agent", "note", "system"]),
            ),
            # A mail that came in was the customer's, a mail that goes out is an answer.
            models.CheckConstraint(
                name="contacts_ticketmessage_mail_from_customer",
                condition=Q(mail__isnull=True) | Q(kind="customer"),
            ),
            models.CheckConstraint(
                name="contacts_ticketmessage_outgoing_from_agent",
                condition=Q(outgoing__isnull=True) | Q(kind="agent"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}/{self.seq}"

    @property
    def agent_name(self) -> str:
        """The agent who wrote it; empty for customers, programs and the product itself."""
        return self.author.name if self.author else ""


class Draft(models.Model):
    """What an agent has typed and not sent yet; survives the browser and the power cut."""

    class Kind(models.TextChoices):
        REPLY = "reply", _("Reply")
        NOTE = "note", _("Note")

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey("company.Agent", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    text = models.TextField()
    # The last message the agent had in front of him when he wrote this.
    seen_seq = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "agent"], name="contacts_draft_one_per_agent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}/{self.agent_id}"


class BulkChange(models.Model):
    """One action on many tickets and what they were before, so that it can be taken back."""

    UNDO_WINDOW: ClassVar[timedelta] = timedelta(minutes=10)

    agent = models.ForeignKey("company.Agent", on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=16)
    # One entry per ticket: {"ticket": id, "version": after the change, "before": {field: value}}.
    rows: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField()
    created_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.action} of {len(self.rows)}"
