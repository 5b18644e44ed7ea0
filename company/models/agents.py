"""Agents, what they may do and where, teams, invitations."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.timezone import now
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from company import rules
from company.models.shops import Shop
from company.types import AgentInfo

BUILT_IN_NAMES = (
    gettext_noop("Owner"),
    gettext_noop("Manager"),
    gettext_noop("Support"),
    gettext_noop("Marketing"),
    gettext_noop("Viewer"),
)


class AgentQuerySet(models.QuerySet["Agent"]):
    def active(self) -> AgentQuerySet:
        return self.filter(is_active=True)

    def for_list(self) -> AgentQuerySet:
        """Everything one row of the agents page shows."""
        return self.prefetch_related("grants__role", "grants__shop").order_by(
            "-is_active", Lower("name"), "pk"
        )


class AgentManager(BaseUserManager["Agent"]):
    def get_queryset(self) -> AgentQuerySet:
        return AgentQuerySet(self.model, using=self._db)

    def active(self) -> AgentQuerySet:
        return self.get_queryset().active()

    def for_list(self) -> AgentQuerySet:
        """Everything one row of the agents page shows."""
        return self.get_queryset().for_list()

    def get_by_natural_key(self, email: str | None) -> Agent:
        """The agent who signs in with this address, however it is capitalised."""
        return self.get(email=(email or "").strip().lower())


class Agent(AbstractBaseUser):
    """Somebody who works in the back office and signs in with his e-mail address."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        FRENCH = "fr", "Français"

    class Theme(models.TextChoices):
        AUTO = "auto", _("Like my device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(
        _("language"), max_length=2, choices=Language.choices, default=Language.ENGLISH
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme.choices, default=Theme.AUTO)
    is_active = models.BooleanField(_("active"), default=True)
    is_superuser = models.BooleanField(_("owns the installation"), default=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[AgentManager] = AgentManager()

    # Answers already found during one request; see queries.remember_permissions.
    permission_memory: dict[str, Any] | None = None

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="company_agent_email_lower", condition=Q(email=Lower("email"))
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Third-party pages for operators ask for this; only the installation's owner has it."""
        return self.is_superuser

    @property
    def info(self) -> AgentInfo:
        """The agent as other modules show him."""
        return AgentInfo(id=self.pk, name=str(self), email=self.email)

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return (self.name or self.email).split(" ", 1)[0]

    def has_perm(self, code: str, obj: Any = None) -> bool:
        """True when a sign-in backend says so: a grant in any shop holds the code. Runs SQL."""
        return self.is_active and any(
            backend.has_perm(self, code, obj)
            for backend in get_backends()
            if hasattr(backend, "has_perm") and getattr(backend, "knows_grants", False)
        )

    def has_perms(self, codes: list[str], obj: Any = None) -> bool:
        return all(self.has_perm(code, obj) for code in codes)

    def has_module_perms(self, module: str) -> bool:
        """Django's administration asks this; ours is not installed."""
        return self.is_active and self.is_superuser and bool(module)


class Role(models.Model):
    """A named set of permissions.

    A built-in role follows what the modules declare, plus `permissions`, minus `withheld`;
    a role of the company's own is exactly `permissions`.
    """

    key = models.SlugField(_("key"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=60)
    is_built_in = models.BooleanField(default=False, editable=False)
    permissions = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    withheld = ArrayField(models.CharField(max_length=80), default=list, blank=True)

    class Meta:
        ordering = ["-is_built_in", "pk"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="company_role_name_once"),
            models.CheckConstraint(
                name="company_role_withholds_from_defaults_only",
                condition=Q(is_built_in=True) | Q(withheld__len=0),
            ),
            models.CheckConstraint(
                name="company_role_owner_is_whole",
                condition=~Q(key=rules.OWNER) | Q(withheld__len=0, is_built_in=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the reader's language; a role of the company's own has only one."""
        return gettext(self.name) if self.is_built_in else self.name


class Grant(models.Model):
    """An agent holds a role in one shop, or in all of them when there is no shop."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="grants")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="grants")
    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, null=True, related_name="+")
    granted_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    granted_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="company_grant_once", fields=["agent", "role", "shop"], nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent}: {self.role} ({self.shop or '*'})"


class Team(models.Model):
    """Agents who share work, of one shop or of the whole company."""

    name = models.CharField(_("name"), max_length=60)
    shop = models.ForeignKey(
        Shop,
        verbose_name=_("shop"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    members: models.ManyToManyField[Agent, TeamMembership] = models.ManyToManyField(
        Agent, through="TeamMembership", related_name="teams"
    )

    class Meta:
        ordering = [Lower("name")]
        constraints = [models.UniqueConstraint(Lower("name"), name="company_team_name_once")]

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    """An agent belongs to a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="company_teammembership_once", fields=["team", "agent"])
        ]

    def __str__(self) -> str:
        return f"{self.agent} ∈ {self.team}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def waiting(self) -> InvitationQuerySet:
        """Neither accepted nor withdrawn; it may have expired."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)


class Invitation(models.Model):
    """Somebody may become an agent by opening a link, once, within a day.

    Only the hash of the link's token is stored; the token itself is derived from `nonce` and the
    installation's secret when the mail is written.
    """

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=2, choices=Agent.Language.choices)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, null=True, related_name="+")
    nonce = models.CharField(max_length=64)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    invited_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="company_invitation_token_hash_shape",
                condition=Q(token_hash__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 - a shape
            ),
            models.CheckConstraint(
                name="company_invitation_one_end",
                condition=Q(accepted_at__isnull=True) | Q(revoked_at__isnull=True),
            ),
            models.CheckConstraint(
                name="company_invitation_email_lower", condition=Q(email=Lower("email"))
            ),
            models.UniqueConstraint(
                name="company_invitation_one_waiting",
                fields=["email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_expired(self) -> bool:
        """True when its day is over."""
        return self.expires_at <= now()
