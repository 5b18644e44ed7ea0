"""What the company does after the fact."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import now

from company.events import (
    AgentDisabled,
    AgentInvited,
    AgentPermissionsChanged,
    AgentSessionsEnded,
)
from company.models import Invitation
from company.services.invitations import token_of
from ecrm.kernel import live
from ecrm.kernel.events import subscribe


@subscribe(AgentInvited, io=True)
def mail_invitation(event: AgentInvited) -> None:
    """Send the link, unless the invitation has ended meanwhile."""
    usable = Invitation.objects.waiting().filter(expires_at__gt=now())
    invitation = usable.select_related("invited_by").filter(pk=event.invitation_id).first()
    if invitation is None:
        return
    path = reverse("company-invitation", args=[token_of(invitation)])
    context = {"invitation": invitation, "url": f"{settings.ECRM_BASE_URL}{path}"}
    with translation.override(invitation.language):
        subject = render_to_string("company/email/invitation.subject.txt", context)
        message = EmailMultiAlternatives(
            subject=" ".join(subject.split()),
            body=render_to_string("company/email/invitation.txt", context),
            to=[invitation.email],
        )
        message.attach_alternative(
            render_to_string("company/email/invitation.html", context), "text/html"
        )
    message.send()


@subscribe(AgentDisabled, io=True)
def wake_pages_of_disabled_agent(event: AgentDisabled) -> None:
    """Make his open pages and sockets look again, and find the door closed."""
    live.hint(f"agent:{event.agent_id}")


@subscribe(AgentSessionsEnded, io=True)
def wake_pages_of_signed_out_agent(event: AgentSessionsEnded) -> None:
    """Make the pages of ended sessions find out that they have ended."""
    live.hint(f"agent:{event.agent_id}")


@subscribe(AgentPermissionsChanged, io=True)
def wake_pages_of_changed_agent(event: AgentPermissionsChanged) -> None:
    """Make his open pages look again at what he may see."""
    live.hint(f"agent:{event.agent_id}")
