"""What shops offer their customers to choose, and how often each wants mail."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class TopicQuerySet(models.QuerySet["Topic"]):
    def offered(self) -> TopicQuerySet:
        """Those customers can choose now."""
        return self.filter(archived_at__isnull=True)

    def for_list(self) -> TopicQuerySet:
        """In the order of their age, those put away last."""
        return self.select_related("shop").order_by("shop_id", "archived_at", "pk")


class Topic(models.Model):
    """A kind of marketing a shop sends, which its customers can do without.

    `code` never changes: messages and suppressions carry it. `names` by language.
    """

    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=60)
    names = models.JSONField()
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = TopicQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "code"], name="messaging_topic_once"),
            models.CheckConstraint(name="messaging_topic_named", condition=~Q(names={})),
        ]

    def __str__(self) -> str:
        return f"topic {self.code} of shop {self.shop_id}"

    def name_in(self, *languages: str) -> str:
        """The name in the first of these languages that has one, else in any."""
        found = [self.names[language] for language in languages if self.names.get(language)]
        return str(next(iter([*found, *self.names.values(), self.code])))


class MailPace(models.Model):
    """How many `days` a customer wants between two marketing mails of a shop; without a row, none."""

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    days = models.PositiveSmallIntegerField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "shop"], name="messaging_mailpace_once")
        ]

    def __str__(self) -> str:
        return f"{self.days} days for profile {self.profile_id}"
