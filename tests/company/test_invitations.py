from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from company import queries, services
from company.models import Agent, AuditEntry, Invitation
from company.services import agents, invitations, power
from ecrm.kernel.models import EventRecord
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = pytest.mark.django_db

PASSWORD = "quite a long sentence"


@pytest.fixture
def owner() -> Agent:
    return AgentFactory(owner=True)


def invite(owner: Agent, **options) -> Invitation:
    given = {"email": "Neu@Maison.example", "role_key": "support", "shop_id": None, **options}
    return services.invite_agent(by=owner, **given)


def accept(invitation: Invitation, **options) -> Agent:
    token = invitations.token_of(invitation)
    return services.accept_invitation(token, name="Nora", password=PASSWORD, **options)


def test_an_invited_person_becomes_an_agent_with_the_role_promised(owner):
    shop = ShopFactory()

    agent = accept(invite(owner, role_key="manager", shop_id=shop.pk, language="fr"))

    assert (agent.email, agent.name, agent.language) == ("neu@maison.example", "Nora", "fr")
    assert agent.check_password(PASSWORD)
    assert agent.password.startswith("argon2$argon2id$")
    assert queries.shop_ids(agent, "company.manage_agents") == {shop.pk}
    assert AuditEntry.objects.filter(action="company.invitation-accepted", actor_id=agent.pk)
    assert EventRecord.objects.filter(name="company.agent-joined").exists()


def test_only_the_hash_of_256_bits_is_stored(owner):
    invitation = invite(owner)
    token = invitations.token_of(invitation)

    assert len(token) == 43
    assert token not in str(Invitation.objects.values().get())
    assert invitation.token_hash == hashlib.sha256(token.encode()).hexdigest()


def test_an_invitation_works_once(owner):
    invitation = invite(owner)
    accept(invitation)

    with pytest.raises(invitations.InvitationUseless):
        accept(invitation)

    assert Agent.objects.filter(email=invitation.email).count() == 1


def test_an_invitation_works_for_a_day(owner):
    invitation = invite(owner)
    token = invitations.token_of(invitation)

    assert invitations.find_invitation(token, at=now() + timedelta(hours=23, minutes=59))
    with pytest.raises(invitations.InvitationUseless):
        accept(invitation, at=now() + timedelta(hours=24))


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "None", "\x00"])
def test_nothing_and_nonsense_never_match(owner, token):
    invite(owner)

    with pytest.raises(invitations.InvitationUseless):
        invitations.find_invitation(token)


def test_the_hash_itself_opens_nothing(owner):
    invitation = invite(owner)

    with pytest.raises(invitations.InvitationUseless):
        invitations.find_invitation(invitation.token_hash)


def test_a_withdrawn_invitation_is_useless(owner):
    invitation = invite(owner)
    services.withdraw_invitation(invitation.pk, by=owner)
    services.withdraw_invitation(invitation.pk, by=owner)

    with pytest.raises(invitations.InvitationUseless):
        accept(invitation)


def test_a_second_invitation_ends_the_first(owner):
    first = invite(owner)
    second = invite(owner, role_key="viewer")

    with pytest.raises(invitations.InvitationUseless):
        accept(first)
    assert accept(second).grants.get().role.key == "viewer"


def test_an_invitation_ends_with_the_power_of_who_sent_it(owner):
    manager = AgentFactory(role="manager")
    invitation = invite(manager)

    services.revoke_grant(manager.grants.get().pk, by=owner)

    with pytest.raises(invitations.InvitationUseless):
        accept(invitation)


def test_an_invitation_ends_when_its_sender_is_disabled(owner):
    manager = AgentFactory(role="manager")
    invitation = invite(manager)

    services.disable_agent(manager.pk, by=owner)
    services.enable_agent(manager.pk, by=owner)

    with pytest.raises(invitations.InvitationUseless):
        accept(invitation)


def test_nobody_invites_to_more_than_he_holds():
    here, there = ShopFactory(), ShopFactory()
    manager = AgentFactory(role="manager", shop=here)

    for options in (
        {"role_key": "owner", "shop_id": here.pk},
        {"role_key": "viewer", "shop_id": there.pk},
        {"role_key": "viewer", "shop_id": None},
    ):
        with pytest.raises(power.PermissionEscalation):
            invite(manager, **options)

    assert not Invitation.objects.exists()


def test_who_is_here_already_is_not_invited(owner):
    AgentFactory(email="neu@maison.example", is_active=False)

    with pytest.raises(agents.AgentExists):
        invite(owner)


def test_an_address_must_be_one(owner):
    with pytest.raises(agents.AgentInvalid):
        invite(owner, email="no address")


@pytest.mark.parametrize("password", ["short", "password1234", "Nora neu maison", "123456789012"])
def test_a_weak_password_is_refused_and_the_invitation_stays(owner, password):
    invitation = invite(owner)
    token = invitations.token_of(invitation)

    with pytest.raises(agents.AgentInvalid) as refusal:
        services.accept_invitation(token, name="Nora neu maison", password=password)

    assert "password" in refusal.value.fields
    assert accept(invitation)


def test_the_database_keeps_an_invitation_without_token_out(owner):
    invitation = invite(owner)

    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(token_hash="")
