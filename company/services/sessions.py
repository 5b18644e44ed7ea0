"""Browsers which are signed in."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from company.events import AgentSessionsEnded
from company.models import Agent
from company.services.audit import record_audit
from ecrm.kernel import outbox


@transaction.atomic
def end_session(agent_id: int, *, session_id: int) -> bool:
    """Sign one browser of the agent out; False when he has no such session.

    Publishes AgentSessionsEnded.
    """
    return _end_and_record(agent_id, UserSession.objects.filter(pk=session_id)) == 1


@transaction.atomic
def end_other_sessions(agent_id: int, *, current_key: str) -> int:
    """Sign out every browser of the agent but this one; says how many. Publishes AgentSessionsEnded."""
    return _end_and_record(agent_id, UserSession.objects.exclude(session_key=current_key))


@transaction.atomic
def end_all_sessions(agent_id: int) -> int:
    """Sign out every browser of an agent who loses his place here; the caller records why."""
    return _end(agent_id, UserSession.objects.all())


@transaction.atomic
def forget_ended_sessions() -> int:
    """Remove what is left of sessions which have ended; says how many."""
    live = Session.objects.values("session_key")
    forgotten: int = UserSession.objects.exclude(session_key__in=live).delete()[0]
    return forgotten


def _end_and_record(agent_id: int, sessions: QuerySet[UserSession]) -> int:
    ended = _end(agent_id, sessions)
    if ended:
        outbox.publish(AgentSessionsEnded(agent_id=agent_id))
        record_audit(
            action="company.sessions-ended",
            target=f"agent:{agent_id}",
            by=Agent.objects.get(pk=agent_id),
            changes={"count": ended},
        )
    return ended


def _end(agent_id: int, sessions: QuerySet[UserSession]) -> int:
    mine = sessions.filter(user_id=agent_id)
    Session.objects.filter(session_key__in=mine.values("session_key")).delete()
    ended: int = mine.delete()[0]
    return ended
