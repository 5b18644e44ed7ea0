"""Agents: they come, change and leave."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company.events import AgentDisabled, AgentEnabled, AgentJoined
from company.models import Agent, Invitation
from company.services.audit import difference, record_audit
from company.services.power import lock_owners, refuse_last_owner, refuse_outranked
from company.services.sessions import end_all_sessions
from company.types import Agent as Actor
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError


class AgentExists(DomainError):
    """An agent has this e-mail address, perhaps a disabled one."""

    code = "agent_exists"


class AgentInvalid(DomainError):
    """The address, the name or the password can't be used; `fields` says which and why."""

    code = "agent_invalid"


class NotYourself(DomainError):
    """An agent may not do this to himself."""

    code = "not_yourself"


@transaction.atomic
def create_agent(
    *,
    email: str,
    name: str,
    password: str | None = None,
    language: str = Agent.Language.ENGLISH,
    is_superuser: bool = False,
    by: Actor | None = None,
    at: datetime | None = None,
) -> Agent:
    """Make somebody an agent whose address needs no proof. Without a password he sets one by mail.

    Raises AgentExists, AgentInvalid; publishes AgentJoined.
    """
    email = email.strip().lower()
    agent = Agent(
        email=email,
        name=name.strip(),
        language=language,
        is_superuser=is_superuser,
        created_at=at or now(),
    )
    _refuse_invalid(agent, password)
    if Agent.objects.filter(email=email).exists():
        text = _("There is already an agent with this address.")
        raise AgentExists(text, fields={"email": text})
    agent.set_password(password)
    agent.save(force_insert=True)
    EmailAddress.objects.create(user=agent, email=email, verified=True, primary=True)
    outbox.publish(AgentJoined(agent_id=agent.pk))
    record_audit(action="company.agent-created", target=f"agent:{agent.pk}", by=by, at=at)
    return agent


@transaction.atomic
def set_preferences(
    agent_id: int,
    *,
    name: str | None = None,
    language: str | None = None,
    theme: str | None = None,
) -> Agent:
    """Let an agent change how he is called and how he sees the product. Raises AgentInvalid."""
    agent = Agent.objects.select_for_update().get(pk=agent_id)
    before = {"name": agent.name}
    agent.name = agent.name if name is None else name.strip()
    agent.language = language or agent.language
    agent.theme = theme or agent.theme
    _refuse_invalid(agent, None)
    agent.save(update_fields=["name", "language", "theme"])
    if changes := difference(before, after={"name": agent.name}):
        record_audit(
            action="company.agent-renamed", target=f"agent:{agent.pk}", by=agent, changes=changes
        )
    return agent


@transaction.atomic
def disable_agent(agent_id: int, *, by: Actor | None, at: datetime | None = None) -> Agent:
    """Shut an agent out at once: sessions, sockets and invitations end.

    Raises NotYourself, AgentOutranksYou, LastOwner; publishes AgentDisabled.
    """
    lock_owners()
    agent = Agent.objects.select_for_update().get(pk=agent_id)
    if by is not None and by.pk == agent.pk:
        raise NotYourself(_("You can't disable your own account."))
    refuse_outranked(by, agent=agent)
    if not agent.is_active:
        return agent
    agent.is_active = False
    agent.save(update_fields=["is_active"])
    refuse_last_owner()
    end_all_sessions(agent.pk)
    Invitation.objects.waiting().filter(invited_by=agent).update(revoked_at=at or now())
    outbox.publish(AgentDisabled(agent_id=agent.pk))
    record_audit(action="company.agent-disabled", target=f"agent:{agent.pk}", by=by, at=at)
    return agent


@transaction.atomic
def enable_agent(agent_id: int, *, by: Actor | None, at: datetime | None = None) -> Agent:
    """Let a disabled agent work again. Raises AgentOutranksYou; publishes AgentEnabled."""
    agent = Agent.objects.select_for_update().get(pk=agent_id)
    if agent.is_active:
        return agent
    agent.is_active = True
    refuse_outranked(by, agent=agent)
    agent.save(update_fields=["is_active"])
    outbox.publish(AgentEnabled(agent_id=agent.pk))
    record_audit(action="company.agent-enabled", target=f"agent:{agent.pk}", by=by, at=at)
    return agent


def _refuse_invalid(agent: Agent, password: str | None) -> None:
    fields: dict[str, str] = {}
    try:
        validate_email(agent.email)
    except ValidationError:
        fields["email"] = _("Enter an e-mail address.")
    if not agent.name:
        fields["name"] = _("Tell colleagues your name.")
    if agent.language not in Agent.Language.values:
        fields["language"] = _("Choose one of the languages.")
    if agent.theme not in Agent.Theme.values:
        fields["theme"] = _("Choose one of the themes.")
    if password is not None:
        try:
            validate_password(password, agent)
        except ValidationError as error:
            fields["password"] = " ".join(error.messages)
    if fields:
        raise AgentInvalid(next(iter(fields.values())), fields=fields)
