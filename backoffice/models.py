"""What the frame remembers about an agent: notifications, how he likes lists, whether he is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext

if TYPE_CHECKING:
    from datetime import datetime


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, agent_id: int) -> NotificationQuerySet:
        return self.filter(agent_id=agent_id)

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at__isnull=True)

    def older_than(self, moment: datetime) -> NotificationQuerySet:
        return self.filter(created_at__lt=moment)


class Notification(models.Model):
    """Something an agent should know about; the text is translated when it is read."""

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=60)
    title_key = models.CharField(max_length=200)
    title_values = models.JSONField(default=dict, blank=True)
    url = models.CharField(max_length=300)
    dedupe_key = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="backoffice_notification_once_per_agent", fields=["agent", "dedupe_key"]
            ),
            models.CheckConstraint(
                name="backoffice_notification_url_is_local", condition=Q(url__startswith="/")
            ),
        ]
        indexes = [
            models.Index(name="backoffice_notif_newest", fields=["agent", "-created_at"]),
            models.Index(
                name="backoffice_notif_unread", fields=["agent"], condition=Q(read_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for agent {self.agent_id}"

    @property
    def title(self) -> str:
        """The text in the reader's language."""
        return str(gettext(self.title_key) % self.title_values)

    @property
    def is_unread(self) -> bool:
        return self.read_at is None


class SavedView(models.Model):
    """The filters of a list which an agent named in order to find them again."""

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    list_path = models.CharField(max_length=200)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="backoffice_savedview_name_once_per_list",
                fields=["agent", "list_path", "name"],
            ),
            models.CheckConstraint(
                name="backoffice_savedview_path_is_local", condition=Q(list_path__startswith="/")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.list_path})"

    @property
    def url(self) -> str:
        return f"{self.list_path}?{self.query}" if self.query else self.list_path


class ChosenColumns(models.Model):
    """The columns an agent wants to see of a list, where he wants others than the usual ones."""

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    list_path = models.CharField(max_length=200)
    keys = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="backoffice_chosencolumns_once_per_list", fields=["agent", "list_path"]
            ),
            models.CheckConstraint(
                name="backoffice_chosencolumns_path_is_local",
                condition=Q(list_path__startswith="/"),
            ),
        ]

    def __str__(self) -> str:
        return f"columns of {self.list_path} for agent {self.agent_id}"


class Presence(models.Model):
    """Whether an agent has the product open, and whether he wants to be disturbed."""

    agent = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    is_away = models.BooleanField(default=False)
    seen_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"presence of agent {self.agent_id}"
