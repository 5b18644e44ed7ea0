"""Invitations: how somebody becomes an agent."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries
from company.events import AgentInvited
from company.models import Agent, Invitation
from company.services.agents import AgentExists, AgentInvalid, create_agent
from company.services.audit import record_audit
from company.services.grants import MANAGE_AGENTS, grant_role, role_by_key
from company.services.power import PermissionEscalation, refuse_escalation
from company.types import Agent as Actor
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

LIFETIME = timedelta(hours=24)


class InvitationUseless(DomainError):
    """The link was used, withdrawn, has expired or never was one; the answer does not say which."""

    code = "invitation_useless"


@transaction.atomic
def invite_agent(
    *,
    email: str,
    role_key: str,
    shop_id: int | None,
    by: Actor,
    name: str = "",
    language: str = Agent.Language.ENGLISH,
    at: datetime | None = None,
) -> Invitation:
    """Ask somebody to become an agent with one role; a former invitation of his is withdrawn.

    Raises AgentInvalid, AgentExists, RoleUnknown, PermissionEscalation; publishes AgentInvited.
    """
    at = at or now()
    email = email.strip().lower()
    _refuse_address(email)
    role = role_by_key(role_key)
    refuse_escalation(by, codes={MANAGE_AGENTS, *queries.role_permissions(role)}, shop_id=shop_id)
    for former in Invitation.objects.waiting().select_for_update().filter(email=email):
        withdraw_invitation(former.pk, by=by, at=at)
    nonce = secrets.token_hex(32)
    invitation = Invitation.objects.create(
        email=email,
        name=name.strip(),
        language=language,
        role=role,
        shop_id=shop_id,
        nonce=nonce,
        token_hash=hash_of(_token(nonce)),
        invited_by_id=by.pk,
        invited_at=at,
        expires_at=at + LIFETIME,
    )
    outbox.publish(AgentInvited(invitation_id=invitation.pk))
    record_audit(
        action="company.agent-invited",
        target=f"invitation:{invitation.pk}",
        by=by,
        shop_id=shop_id,
        changes={"email": email, "role": role.key},
        at=at,
    )
    return invitation


@transaction.atomic
def withdraw_invitation(invitation_id: int, *, by: Actor, at: datetime | None = None) -> None:
    """Make a waiting invitation worthless. Raises PermissionEscalation."""
    invitation = Invitation.objects.select_for_update().get(pk=invitation_id)
    refuse_escalation(by, codes=[MANAGE_AGENTS], shop_id=invitation.shop_id)
    if invitation.accepted_at or invitation.revoked_at:
        return
    invitation.revoked_at = at or now()
    invitation.save(update_fields=["revoked_at"])
    record_audit(
        action="company.invitation-withdrawn",
        target=f"invitation:{invitation.pk}",
        by=by,
        shop_id=invitation.shop_id,
        at=at,
    )


def find_invitation(token: str, *, at: datetime | None = None) -> Invitation:
    """The invitation a link belongs to, while it can be accepted. Raises InvitationUseless."""
    usable = Invitation.objects.waiting().filter(expires_at__gt=at or now())
    invitation = usable.filter(token_hash=hash_of(token)).first() if token else None
    if invitation is None or not _may_still_invite(invitation):
        raise InvitationUseless(_("This invitation does not work any more. Ask for a new one."))
    return invitation


@transaction.atomic
def accept_invitation(token: str, *, name: str, password: str, at: datetime | None = None) -> Agent:
    """Become an agent: the link proves the address.

    Raises InvitationUseless, AgentExists, AgentInvalid; publishes AgentJoined.
    """
    at = at or now()
    found = find_invitation(token, at=at)
    invitation = Invitation.objects.waiting().select_for_update().filter(pk=found.pk).first()
    if invitation is None:
        raise InvitationUseless(_("This invitation does not work any more. Ask for a new one."))
    inviter = invitation.invited_by
    agent = create_agent(
        email=invitation.email,
        name=name,
        password=password,
        language=invitation.language,
        by=inviter,
        at=at,
    )
    grant_role(agent.pk, role_key=invitation.role.key, shop_id=invitation.shop_id, by=inviter)
    invitation.accepted_at, invitation.accepted_by = at, agent
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    record_audit(
        action="company.invitation-accepted",
        target=f"invitation:{invitation.pk}",
        by=agent,
        shop_id=invitation.shop_id,
        at=at,
    )
    return agent


def token_of(invitation: Invitation) -> str:
    """The token of the link, derived from the row and the installation's secret key."""
    return _token(invitation.nonce)


def hash_of(token: str) -> str:
    """SHA-256 is enough for 256 bits that can't be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _token(nonce: str) -> str:
    digest = salted_hmac("company.invitation", nonce, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _may_still_invite(invitation: Invitation) -> bool:
    """The inviter must hold today what he gives; a disabled one holds nothing."""
    if invitation.invited_by is None:
        return False
    codes = {MANAGE_AGENTS, *queries.role_permissions(invitation.role)}
    try:
        refuse_escalation(invitation.invited_by, codes=codes, shop_id=invitation.shop_id)
    except PermissionEscalation:
        return False
    return True


def _refuse_address(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as error:
        text = _("Enter an e-mail address.")
        raise AgentInvalid(text, fields={"email": text}) from error
    if Agent.objects.filter(email=email).exists():
        text = _("There is already an agent with this address.")
        raise AgentExists(text, fields={"email": text})
